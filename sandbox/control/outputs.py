"""What a resource gives back: its inputs, what every type has, and what its kind computes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sandbox.control import ids, wire
from sandbox.control.kinds import Context, Kind, Outputs
from sandbox.control.paths import Path, matches, parse
from sandbox.control.schema import Resource


def made(kind: Kind, resource: Resource, context: Context, raw: Mapping[str, object]) -> Outputs:
    """The outputs; secret where *raw* (the inputs with their marks) or the kind says so."""
    outputs = _generic(kind, resource, context)
    for name, value in kind.outputs(context).items():
        if value is None:
            outputs.pop(name, None)
        else:
            outputs[name] = value
    marked: Any = wire.mark_like(outputs, raw)
    return hidden(kind, marked)


def hidden(kind: Kind, outputs: Mapping[str, object]) -> Outputs:
    """*outputs* with the kind's secret properties marked."""
    return {
        name: wire.Secret(value)
        if name in kind.secrets and not isinstance(value, wire.Secret | wire.Unknown)
        else value
        for name, value in outputs.items()
    }


def preview(kind: Kind, resource: Resource, inputs: Mapping[str, object]) -> Outputs:
    """The outputs of a resource that doesn't exist yet; *inputs* may hold unknowns and secrets."""
    shown = without(inputs, kind.write_only)
    return hidden(kind, resource.preview(shown))


def without(values: Mapping[str, object], patterns: tuple[str, ...]) -> dict[str, object]:
    """*values* without what the patterns name."""
    kept = _kept(values, patterns, ()) if patterns else values
    return dict(kept) if isinstance(kept, Mapping) else {}


def _kept(value: object, patterns: tuple[str, ...], path: Path) -> object:
    if isinstance(value, Mapping):
        return {
            key: _kept(member, patterns, (*path, key))
            for key, member in value.items()
            if not any(matches(pattern, (*path, key)) for pattern in patterns)
        }
    if isinstance(value, list):
        return [_kept(each, patterns, (*path, index)) for index, each in enumerate(value)]
    return value


def _generic(kind: Kind, resource: Resource, context: Context) -> Outputs:
    echoed = without(context.inputs, kind.write_only)
    outputs: Outputs = {name: value for name, value in echoed.items() if name in resource.outputs}
    if kind.identity is not None:
        return outputs | _of_aws(kind, resource, context)
    if not kind.id_template:
        return outputs
    common = {
        "name": context.name,
        "type": ids.type_of(context.id),
        "provisioningState": "Succeeded",
        "etag": _etag(context),
    }
    outputs |= {name: value for name, value in common.items() if name in resource.outputs}
    for pattern in kind.parts:
        _identify(outputs, parse(pattern), context.id, _etag(context))
    return outputs


def _of_aws(kind: Kind, resource: Resource, context: Context) -> Outputs:
    """What every resource of AWS has, where its type has the property."""
    common: Outputs = {
        "arn": context.id,
        "region": context.region,
        "ownerId": context.world.subscription,
    }
    if kind.name_property:
        common[kind.name_property] = context.name
    return {name: value for name, value in common.items() if name in resource.outputs}


def _etag(context: Context) -> str:
    """Changes with the inputs, as the cloud's does."""
    text = json.dumps(context.inputs, sort_keys=True, default=str)
    return f'W/"{context.identifier("etag/" + hashlib.sha256(text.encode()).hexdigest())}"'


def _identify(value: object, steps: Path, owner: str, etag: str) -> None:
    """Give each inline sub-resource of the list that *steps* lead to its id."""
    if not isinstance(value, dict) or not steps or steps[0] not in value:
        return
    name, rest = steps[0], steps[1:]
    elements = value[name]
    if not isinstance(elements, list):
        _identify(elements, rest, owner, etag)
        return
    for element in elements:
        if not isinstance(element, dict) or not isinstance(element.get("name"), str):
            continue
        part = f"{owner}/{name}/{element['name']}"
        if rest[:1] == ("*",):
            _identify(element, rest[1:], part, etag)
        element |= {"id": part, "etag": etag, "provisioningState": "Succeeded"}
        element.setdefault("type", ids.type_of(part))
