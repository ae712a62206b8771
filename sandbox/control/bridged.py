"""What pulumi-aws fills in before anybody looks: names, the region, and all tags.

It names a resource by its logical name, a hyphen and seven hexadecimal characters, keeps such a
name, never shortens one, and lists the properties that it filled in under `__defaults`
(pulumi-terraform-bridge, pkg/tfbridge/names.go, `AutoName`). A `namePrefix` leaves the name to the
provider itself. `tagsAll` are the provider's default tags under the resource's own (pulumi-aws,
provider/tags.go). `region` is the provider's unless the resource says another (terraform-provider-
aws, "Enhanced Region Support").
"""

import hashlib
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.control import wire
from sandbox.control.kinds import Kind, Naming
from sandbox.control.schema import Resource

if TYPE_CHECKING:
    from sandbox.control.naming import Request

DEFAULTS = "__defaults"
"""The bridge's own list of the properties that it filled in."""
TAGS_ALL = "tagsAll"


def is_automatic(inputs: Mapping[str, object], name: str) -> bool:
    """Whether a property was filled in."""
    marked = inputs.get(DEFAULTS)
    return isinstance(marked, list) and name in marked


def complete(kind: Kind, resource: Resource, request: "Request") -> wire.Properties:
    """The new inputs with everything that pulumi-aws fills in."""
    inputs = dict(request.new)
    _fill_name(kind, inputs, request)
    if "region" in resource.inputs.properties and inputs.get("region") is None:
        inputs["region"] = request.location or None
    if TAGS_ALL in resource.outputs:
        inputs[TAGS_ALL] = _all_tags(inputs.get("tags"), request.tags)
    return {key: value for key, value in inputs.items() if value is not None}


def _fill_name(kind: Kind, inputs: wire.Properties, request: "Request") -> None:
    name = kind.name_property
    given = (inputs.get(name), inputs.get(kind.prefix_property))
    if not name or any(each is not None for each in given):
        return
    if is_automatic(request.old, name) and name in request.old:
        inputs[name] = request.old[name]
    else:
        naming = kind.name.naming if kind.name else None
        if naming is Naming.REQUIRED or not request.named:
            return
        digest = hashlib.sha256(request.seed or uuid.uuid4().bytes).hexdigest()
        made = f"{request.logical_name}-{digest[:7]}"
        made = request.proposed or (kind.name.automatic(made) if kind.name else made)
        inputs[name] = request.left.get(name) or made
    inputs[DEFAULTS] = [name]


def _all_tags(own: object, defaults: Mapping[str, str]) -> object:
    """The default tags with the resource's own over them; unknown when any of these is."""
    if isinstance(own, wire.Secret):
        merged = _all_tags(own.value, defaults)
        return merged if merged is wire.UNKNOWN else wire.Secret(merged)
    if own is wire.UNKNOWN or wire.has_unknown({"tags": own}):
        return wire.UNKNOWN
    return {**defaults, **own} if isinstance(own, Mapping) else dict(defaults)
