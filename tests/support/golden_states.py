"""The golden states of tests/support/old_world.py as deployments, to be read and spoilt."""

import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

from operations.export import state
from tests.support import old_world

NAMES = sorted(path.stem for path in old_world.GOLDEN.glob("*.bin"))
"""Every stack that has one."""


Resources = list[dict[str, Any]]


@cache
def _kept(stack: str) -> str:
    """The resources of *stack*, without where in the program each was made: half of the text."""
    kept = old_world.unseal(old_world.path_of(stack).read_bytes())
    resources: Resources = kept["state"]["deployment"]["resources"]
    for each in resources:
        each.pop("stackTrace", None)
    return json.dumps(resources)


@cache
def deployment(stack: str) -> state.Deployment:
    """What *stack* has deployed."""
    return changed(stack, lambda resources: None)


def kept(stack: str) -> Resources:
    """The resources of *stack* as the engine writes them, to be changed."""
    found: Resources = json.loads(_kept(stack))
    return found


def changed(stack: str, change: Callable[[Resources], None]) -> state.Deployment:
    """What *stack* has deployed, after *change* of its resources."""
    resources = kept(stack)
    change(resources)
    return state.made_of(stack, map(state.resource, resources))


def named(resources: Resources, kind: str, name: str) -> dict[str, Any]:
    """The one resource of a type whose name ends in *name*."""
    found = [
        each for each in resources if each["type"] == kind and each["urn"].endswith(f"-{name}")
    ]
    assert len(found) == 1, [each["urn"] for each in resources if each["type"] == kind]
    return found[0]


def copied(
    resources: Resources, like: dict[str, Any], name: str, /, **inputs: Any
) -> dict[str, Any]:
    """Add one more resource like another, under another name."""
    one = deepcopy(like)
    one["urn"] = f"{like['urn'].rpartition('::')[0]}::{name}"
    one["id"] = f"{like['id']}-{name}"
    one["inputs"] |= inputs
    resources.append(one)
    return one


def planned(
    stack: str, change: Callable[[Resources], None] = lambda resources: None
) -> state.Deployment:
    """What *stack* would have, said as a preview of a new stack says it: no id, no output.

    Each input that was made from another resource has the engine's placeholder where that resource
    is named.
    """

    def forget(resources: Resources) -> None:
        change(resources)
        names = {each["urn"]: _names(each) for each in resources if each.get("custom")}
        for each in resources:
            each["id"], each["outputs"] = "", {}
            made_from = each.get("propertyDependencies") or {}
            for key, urns in made_from.items():
                told = {name for urn in urns for name in names.get(urn, ())}
                if key in (each.get("inputs") or {}):
                    each["inputs"][key] = _forgotten(each["inputs"][key], told)

    return changed(stack, forget)


def _names(resource: dict[str, Any]) -> set[str]:
    outputs = resource.get("outputs") or {}
    told = (resource.get("id"), *(outputs.get(key) for key in ("arn", "name", "prefixListId")))
    return {name for name in told if isinstance(name, str) and len(name) > 3}


def _forgotten(value: Any, names: set[str]) -> Any:
    match value:
        case dict():
            return {key: _forgotten(item, names) for key, item in value.items()}
        case list():
            return [_forgotten(item, names) for item in value]
        case str() if any(name in value for name in names):
            return state.UNKNOWN
    return value
