"""What azure-native fills in before anybody looks: the name, the location, the API version.

It names a resource by its logical name and eight hexadecimal characters of the engine's random
seed, keeps the name that a resource has, and never shortens one (pulumi-azure-native,
provider/pkg/provider/provider.go, `getDefaultName`).
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sandbox.control import bridged, ids, wire
from sandbox.control.changes import CREATE_FIRST
from sandbox.control.kinds import Kind, Naming, Problem, World
from sandbox.control.schema import Resource

_TOP = 2
"""Naming parameters of a resource directly in a group: the group's, and its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What the engine wants checked."""

    logical_name: str
    seed: bytes
    old: Mapping[str, object]
    new: Mapping[str, object]
    location: str
    proposed: str = ""
    """The name that the project's own auto-naming configuration asks for."""
    named: bool = True
    """False when that configuration forbids automatic names."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """AWS: the provider's default tags."""
    urn: str = ""
    left: Mapping[str, object] = field(default_factory=dict)
    """Inputs of what an earlier creation for this URN made, whose answer the engine never got."""


def own_parameter(kind: Kind) -> str:
    """The input that holds the resource's own name, or "" when the template fixes the name."""
    if kind.name is None or kind.identity is not None:
        return kind.name_property
    return ids.parameters(kind.id_template)[-1]


def strategy(kind: Kind) -> Naming:
    """How the kind's automatic names come about."""
    if kind.name is not None and kind.name.naming is not None:
        return kind.name.naming
    return Naming.RANDOM if len(ids.parameters(kind.id_template)) <= _TOP else Naming.COPY


def complete(kind: Kind, resource: Resource, request: Request, world: World) -> wire.Properties:
    """The new inputs with everything that azure-native, or pulumi-aws, fills in."""
    if kind.identity is not None:
        return bridged.complete(kind, resource, request)
    inputs = dict(request.new)
    if kind.id_template:
        _fill_name(kind, inputs, request)
    located = kind.auto_location and "location" in resource.inputs.properties
    if located and inputs.get("location") is None:
        inputs["location"] = _location(inputs, request, world)
    if resource.api_version:
        inputs.setdefault("azureApiVersion", resource.api_version)
    return {key: value for key, value in inputs.items() if value is not None}


def _fill_name(kind: Kind, inputs: wire.Properties, request: Request) -> None:
    parameter = own_parameter(kind)
    if not parameter or inputs.get(parameter) is not None:
        return
    if parameter in request.old:
        inputs[parameter] = request.old[parameter]
        if request.old.get(CREATE_FIRST):
            inputs[CREATE_FIRST] = True
        return
    naming = strategy(kind)
    if naming is Naming.REQUIRED or not request.named:
        return
    named = request.left.get(parameter) or request.proposed or _automatic(naming, request)
    inputs[parameter] = named
    if naming is not Naming.COPY or request.proposed:
        inputs[CREATE_FIRST] = True


def _automatic(naming: Naming, request: Request) -> str:
    if naming is Naming.COPY:
        return request.logical_name
    digest = hashlib.sha256(request.seed or uuid.uuid4().bytes).hexdigest()
    if naming is Naming.UUID:
        return str(uuid.UUID(digest[:32]))
    return request.logical_name + digest[:8]


def _location(inputs: wire.Properties, request: Request, world: World) -> object:
    if "location" in request.old:
        return request.old["location"]
    if request.location:
        return request.location
    group = inputs.get("resourceGroupName")
    if group is wire.UNKNOWN:
        return wire.UNKNOWN
    if not isinstance(group, str):
        return None
    found = world.find(f"/subscriptions/{world.subscription}/resourceGroups/{group}")
    return found.inputs.get("location") if found else None


def problems(kind: Kind, inputs: Mapping[str, object]) -> Iterator[Problem]:
    """Yield what the cloud has against the name, automatic or not, and missing names."""
    parameter, rule = own_parameter(kind), kind.name
    if not parameter or rule is None:
        return
    name = wire.reveal(inputs.get(parameter))
    if name is wire.UNKNOWN:
        return
    if not isinstance(name, str):
        if name is None and not inputs.get(kind.prefix_property):
            yield Problem(parameter, "is required: this type has no automatic names")
        return
    length = 7 if kind.identity else 8
    made_up = f" (made of the resource's name and {length} random characters)"
    automatic = inputs.get(CREATE_FIRST) or bridged.is_automatic(inputs, parameter)
    origin = made_up if automatic else ""
    if not rule.minimum <= len(name) <= rule.maximum:
        yield Problem(
            parameter,
            f"must have {rule.minimum} to {rule.maximum} characters, "
            f'got {len(name)}: "{name[:100]}"{origin}',
        )
    elif not re.fullmatch(rule.pattern, name):
        yield Problem(parameter, f'must be {rule.words}, got "{name}"{origin}')
