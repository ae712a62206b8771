"""Every kind speaks of properties that the SDK has, and of types that the sandbox knows."""

import pytest

from sandbox.control import azure, ids
from sandbox.control.kinds import Kind
from sandbox.control.paths import parse
from sandbox.control.schema import Package
from sandbox.control.shapes import Anything, ListOf, MapOf, Object, OneOf, Shape

SDK = Package("azure-native")


def members(shape: Shape) -> list[Shape]:
    """The alternatives that a shape has; itself, when it is none of several."""
    return (
        [m for each in shape.alternatives for m in members(each)]
        if isinstance(shape, OneOf)
        else [shape]
    )


def leads_somewhere(shape: Shape, steps: tuple[str | int, ...]) -> bool:
    if not steps:
        return True
    for member in members(shape):
        if isinstance(member, Anything):
            return True
        if isinstance(member, Object) and steps[0] in member.properties:
            return leads_somewhere(member.properties[str(steps[0])].shape, steps[1:])
        if isinstance(member, ListOf | MapOf) and (steps[0] == "*" or isinstance(steps[0], int)):
            return leads_somewhere(member.element, steps[1:])
    return False


@pytest.mark.parametrize("kind", azure.KINDS, ids=lambda kind: kind.type)
def test_a_kind_names_properties_that_the_sdk_has(kind: Kind) -> None:
    inputs = SDK.resource(kind.type).inputs
    patterns = [
        *ids.parameters(kind.id_template),
        *kind.replace_on,
        *kind.references,
        *kind.weak,
        *kind.unchecked,
        *kind.parts,
        *kind.write_only,
    ]

    assert [p for p in patterns if not leads_somewhere(inputs, parse(p))] == []


@pytest.mark.parametrize("kind", azure.KINDS, ids=lambda kind: kind.type)
def test_a_kind_computes_properties_that_the_sdk_has(kind: Kind) -> None:
    outputs = SDK.resource(kind.type).outputs

    assert set(kind.secrets) <= outputs


@pytest.mark.parametrize("function", azure.FUNCTIONS, ids=lambda function: function.name)
def test_a_function_is_one_of_the_sdk(function) -> None:
    assert SDK.arguments(function.name).properties is not None


def test_types_are_declared_once() -> None:
    names = [kind.type for kind in azure.KINDS]

    assert sorted(names) == sorted(set(names))


def frame(shape: Shape, above: tuple[str, ...] = ()) -> object:
    """What a rule sees of a value when every leaf is unknown: the objects, with nothing in them."""
    member = members(shape)[0]
    if isinstance(member, Object) and member.name not in above and len(above) < 6:
        below = (*above, member.name)
        found = {name: frame(each.shape, below) for name, each in member.properties.items()}
        return {name: value for name, value in found.items() if value is not None}
    if isinstance(member, ListOf):
        element = frame(member.element, above)
        # A list with an unknown element is unknown as a whole.
        return [element] if element is not None else None
    return None


@pytest.mark.parametrize("kind", azure.KINDS, ids=lambda kind: kind.type)
def test_rules_expect_nothing_of_what_is_unknown(kind: Kind) -> None:
    properties = SDK.resource(kind.type).inputs.properties
    frames = {name: frame(each.shape) for name, each in properties.items()}
    given = {name: value for name, value in frames.items() if value is not None}

    # That something is there is known; what it is, is not.
    known = ("does not emulate", "not both")
    found = [p for p in kind.rules(given) if not any(words in p.reason for words in known)]

    assert list(kind.rules({})) == []
    assert found == []
