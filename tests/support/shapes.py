"""What tests of kinds ask of the SDK's shapes, the same for each cloud."""

from typing import Any

from hypothesis import strategies as st

from sandbox.control.kinds import Kind
from sandbox.control.paths import parse
from sandbox.control.schema import Package
from sandbox.control.shapes import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    Anything,
    Choice,
    ListOf,
    MapOf,
    Object,
    OneOf,
    Shape,
)


def members(shape: Shape) -> list[Shape]:
    """The alternatives that a shape has; itself, when it is none of several."""
    return (
        [m for each in shape.alternatives for m in members(each)]
        if isinstance(shape, OneOf)
        else [shape]
    )


def leads_somewhere(shape: Shape, steps: tuple[str | int, ...]) -> bool:
    """Whether a pattern names a property that the shape has."""
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


def leading_nowhere(shape: Shape, patterns: list[str]) -> list[str]:
    """The patterns that name nothing."""
    return [p for p in patterns if not leads_somewhere(shape, parse(p))]


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


def expected_of_unknowns(kind: Kind, sdk: Package) -> list[str]:
    """What the kind's rules say when nothing is known; that something is there is."""
    properties = sdk.resource(kind.type).inputs.properties
    frames = {name: frame(each.shape) for name, each in properties.items()}
    given = {name: value for name, value in frames.items() if value is not None}
    known = ("does not emulate", "not both", "conflicts with", "given together with")
    found = [*kind.rules({}), *kind.rules(given)]
    return [p.reason for p in found if not any(words in p.reason for words in known)]


_TEXTS = st.sampled_from(
    [
        "",
        "*",
        "/",
        "{",
        "[]",
        "{}",
        '{"Statement": 1}',
        '{"Version": "2012-10-17", "Statement": [{"Effect": 1, "Action": [], "Principal": []}]}',
        "0.0.0.0/0",
        "10.30.0.0/16",
        "10.30.0.0/33",
        "10.30.0.1",
        "::/0",
        "-1",
        "99999",
        "tcp",
        "true",
        "vpc-0123456789abcdef0",
        "arn:aws:ec2:eu-central-1:500000000005:vpc/vpc-0123456789abcdef0",
        "arn:aws:iam::aws:policy/x",
        "arn:aws",
        "eu-central-1",
        "cron(",
        "a" * 300,
        "\N{SNOWMAN}\n",
    ]
)


_SCALARS: list[tuple[Shape, st.SearchStrategy[Any]]] = [
    (STRING, _TEXTS),
    (BOOLEAN, st.booleans()),
    (INTEGER, st.sampled_from([-1, 0, 1, 7, 400, 2**31])),
    (NUMBER, st.sampled_from([-1, 0, 0.5, 1e300])),
]
_ANYTHING = st.one_of(st.none(), _TEXTS, st.just({}), st.just([]))


def values_of(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Any value that has the shape, what the schema does not forbid: rules must stand it."""
    member = members(shape)[0]
    if isinstance(member, Object):
        if depth > 4:
            return st.just({})
        parts = {name: values_of(each.shape, depth + 1) for name, each in member.properties.items()}
        needed = {name for name, each in member.properties.items() if each.required}
        return st.fixed_dictionaries(
            {name: part for name, part in parts.items() if name in needed},
            optional={name: part for name, part in parts.items() if name not in needed},
        )
    if isinstance(member, ListOf):
        return st.lists(values_of(member.element, depth + 1), max_size=2)
    if isinstance(member, MapOf):
        return st.dictionaries(_TEXTS, values_of(member.element, depth + 1), max_size=2)
    if isinstance(member, Choice):
        return st.sampled_from(member.values)
    return next((found for scalar, found in _SCALARS if member == scalar), _ANYTHING)
