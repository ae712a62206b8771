"""Resources for tests of the policy pack: those of the golden states, as the rules see them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

from components.settings.bases import FOLDER, examine_over
from policies.ground import Ground
from policies.pack import plain_type
from policies.reading import ENGINE_INPUTS, UNKNOWN, Resource, World
from policies.rule import Finding, Rule
from tests.support import old_world, stacks
from tests.support.cloud import Secret
from tests.support.cloud import World as Deployed

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "(a secret)"
"""In place of ciphertext: in an operation of the engine, rules see the value."""
REMOVED = object()


@cache
def world(stack: str) -> World:
    """All resources of a golden state, with the inputs that they were made of."""
    kept = old_world.unseal(old_world.path_of(stack).read_bytes())
    found = kept["state"]["deployment"]["resources"]
    return World(tuple(_resource(each) for each in found if not each.get("delete")))


@cache
def ground(stack: str) -> Ground:
    """The settings of the stack's file."""
    return ground_of(stacks.config(stack)[stacks.ENVIRONMENT], stack)


def ground_of(environment: Mapping[str, Any], stack: str = "dev") -> Ground:
    """The settings of an environment."""
    found, problems, _ = examine_over(None, environment, FOLDER, stack)
    assert not problems, problems
    return Ground(stack, found)


def named(stack: str, name: str) -> Resource:
    """The one resource of a golden state with a logical name, or with `type name`."""
    wanted = name.split(" ")
    found = [
        each
        for each in world(stack).resources
        if each.name == wanted[-1] and each.type.endswith("" if len(wanted) == 1 else wanted[0])
    ]
    assert len(found) == 1, f"{name} of {stack}: {[str(each) for each in found]}"
    return found[0]


def resource(kind: str, name: str, inputs: Mapping[str, Any], protect: bool = False) -> Resource:
    """A resource that no golden state has."""
    urn = f"urn:pulumi:dev::operationalization::{kind}::{name}"
    return Resource(type=kind, name=name, urn=urn, inputs=inputs, protect=protect)


def changed(found: Resource, changes: Mapping[str, Any]) -> Resource:
    """The resource with other inputs: `a.b[0].c`, None removes, "(unknown)" is not known."""
    inputs = deepcopy(dict(found.inputs))
    for path, value in changes.items():
        if path == "(protect)":
            found = replace(found, protect=value)
            continue
        keys = [int(key) if key.isdecimal() else key for key in re.findall(r"[^.\[\]]+", path)]
        holder: Any = inputs
        for key in keys[:-1]:
            holder = holder[key] if isinstance(key, int) else holder.setdefault(key, {})
        if value is None:
            del holder[keys[-1]]
        else:
            holder[keys[-1]] = UNKNOWN if value == "(unknown)" else value
    return replace(found, inputs=inputs)


def of_program(found: Deployed) -> World:
    """The resources of a program that ran under mocks; on AWS with the provider's own tags."""
    defaults: dict[str, Any] = {}
    for inputs in found.of_type("pulumi:providers:aws").values():
        defaults = json.loads(inputs["defaultTags"])["tags"]
    return World(tuple(_registered(*each, found, defaults) for each in found.items()))


def _registered(
    urn: str, inputs: Mapping[str, Any], found: Deployed, defaults: Mapping[str, Any]
) -> Resource:
    kind, _, name = urn.partition("::")
    token = kind.rpartition("$")[2]
    own = {key: _opened(value) for key, value in inputs.items()}
    tags: dict[str, Any] = {}
    if token.startswith("aws:") and isinstance(own.get("tags", {}), Mapping):
        tags = {"tagsAll": {**defaults, **own.get("tags", {})}}
    return Resource(
        type=plain_type(token),
        name=name,
        urn=urn,
        inputs={**own, **tags},
        protect=found.options[urn].protect,
        refers=found.options[urn].made_of,
    )


def _opened(value: Any) -> Any:
    """The value that the engine's rules would see: secrets are no secrets to them."""
    match value:
        case Secret(inner):
            return _opened(inner)
        case Mapping():
            return {key: _opened(each) for key, each in value.items()}
        case list():
            return [_opened(each) for each in value]
    return value


def findings(
    rules: Iterable[Rule], found: World, held_to: Ground
) -> Iterator[tuple[Rule, Resource, Finding]]:
    """All that *rules* say, with the rule and the resource."""
    for rule in rules:
        for each in found.resources:
            for said in rule.look(each, held_to):
                yield rule, each, said
        for said in rule.survey(found, held_to):
            assert said.resource is not None
            yield rule, said.resource, said


def _resource(found: Mapping[str, Any]) -> Resource:
    inputs = {k: _plain(v) for k, v in found.get("inputs", {}).items() if k not in ENGINE_INPUTS}
    refers = (found.get("propertyDependencies") or {}).items()
    return Resource(
        type=plain_type(found["type"]),
        name=found["urn"].rpartition("::")[2],
        urn=found["urn"],
        inputs=inputs,
        protect=bool(found.get("protect")),
        refers={path: tuple(urns or ()) for path, urns in refers},
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return SECRET if SIGNATURE in value else {k: _plain(v) for k, v in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
