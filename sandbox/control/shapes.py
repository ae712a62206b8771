"""The shape of a property value, and what is wrong with a value that hasn't got it.

Shapes are what `schema.py` makes of the SDK's type annotations. They compile lazily: an object's
properties are read when a value is first checked against it.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from sandbox.control import wire
from sandbox.control.kinds import Problem
from sandbox.control.paths import Path, write

MAX_PROBLEMS = 30
"""Problems that one check reports; more help nobody."""


class Shape(Protocol):
    """What a value may be."""

    @property
    def words(self) -> str:
        """The shape for a person, after "must be": `a string`."""

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield what is wrong with a plain *value* at *path*; unknowns are never wrong."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, a boolean, an integer or a number."""

    words: str
    accepted: tuple[type, ...]

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield when the value is of another type; True is no integer."""
        if value is wire.UNKNOWN:
            return
        if not isinstance(value, self.accepted) or (
            isinstance(value, bool) and bool not in self.accepted
        ):
            yield Problem(write(path), f"must be {self.words}, got {shown(value)}")


STRING = Scalar("a string", (str,))
BOOLEAN = Scalar("true or false", (bool,))
INTEGER = Scalar("a whole number", (int,))
NUMBER = Scalar("a number", (int, float))


@dataclass(frozen=True, slots=True)
class Anything:
    """A value that the SDK doesn't describe."""

    words: str = "anything"

    def problems(self, _value: object, _path: Path) -> Iterator[Problem]:
        """Nothing is wrong with it."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset or an archive, as the wire has it."""

    words: str = "an asset or an archive"

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield when the value lacks the signature of an asset."""
        if value is wire.UNKNOWN:
            return
        signature = value.get(wire.SIGNATURE) if isinstance(value, Mapping) else None
        if signature not in wire.ASSETS:
            yield Problem(write(path), f"must be {self.words}, got {shown(value)}")


@dataclass(frozen=True, slots=True)
class Choice:
    """A closed set of values; the cloud compares strings without case."""

    values: tuple[object, ...]

    @property
    def words(self) -> str:
        """The values, in the SDK's order."""
        return "one of " + ", ".join(str(value) for value in self.values)

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield when the value is none of them."""
        if value is wire.UNKNOWN:
            return
        if _folded(value) not in {_folded(allowed) for allowed in self.values}:
            close = suggestion(str(value), [str(allowed) for allowed in self.values])
            yield Problem(write(path), f"must be {self.words}, got {shown(value)}{close}")


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one shape."""

    element: Shape

    @property
    def words(self) -> str:
        """Only the outermost shape: elements have paths of their own."""
        return "a list"

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield for the list, or for each element that is wrong."""
        if value is wire.UNKNOWN:
            return
        if not isinstance(value, list | tuple):
            yield Problem(write(path), f"must be a list, got {shown(value)}")
            return
        for index, element in enumerate(value):
            yield from self.element.problems(element, (*path, index))


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping from free names to values of one shape."""

    element: Shape

    @property
    def words(self) -> str:
        """Only the outermost shape."""
        return "a mapping"

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield for the mapping, or for each member that is wrong."""
        if value is wire.UNKNOWN:
            return
        if not isinstance(value, Mapping) or wire.SIGNATURE in value:
            yield Problem(write(path), f"must be a mapping, got {shown(value)}")
            return
        for key, member in value.items():
            yield from self.element.problems(member, (*path, key))


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an object."""

    shape: Shape
    required: bool = False
    constant: str = ""
    """The only value that this alternative of a union accepts, or ""."""


@dataclass(frozen=True)
class Object:
    """An object with named properties; others are refused."""

    name: str
    load: Callable[[], dict[str, Property]] = field(repr=False, compare=False)

    @property
    def words(self) -> str:
        """The class's name says more than "an object"."""
        return f"an object ({self.name})"

    @cached_property
    def properties(self) -> dict[str, Property]:
        """The properties by wire name, read at first use."""
        return self.load()

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield unknown names, then missing properties, then what is wrong inside."""
        if value is wire.UNKNOWN:
            return
        if not isinstance(value, Mapping) or wire.SIGNATURE in value:
            yield Problem(write(path), f"must be {self.words}, got {shown(value)}")
            return
        for key in value:
            if key not in self.properties:
                close = suggestion(key, self.properties)
                yield Problem(write((*path, key)), f"is not a property of {self.name}{close}")
        for name, each in self.properties.items():
            found = value.get(name)
            if found is None:
                if each.required:
                    yield Problem(write((*path, name)), f"is required by {self.name}, but missing")
            elif each.constant and found not in (each.constant, wire.UNKNOWN):
                reason = f'must be "{each.constant}", got {shown(found)}'
                yield Problem(write((*path, name)), reason)
            else:
                yield from each.shape.problems(found, (*path, name))


@dataclass(frozen=True, slots=True)
class OneOf:
    """Alternatives; a value that fits none is told what keeps it from the closest."""

    alternatives: tuple[Shape, ...]

    @property
    def words(self) -> str:
        """All alternatives."""
        return " or ".join(alternative.words for alternative in self.alternatives)

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """Yield nothing when one alternative fits."""
        best: list[Problem] | None = None
        for alternative in self.alternatives:
            found = list(alternative.problems(value, path))
            if not found:
                return
            if best is None or _distance(found, path) < _distance(best, path):
                best = found
        if best and all(problem.path == write(path) for problem in best):
            yield Problem(write(path), f"must be {self.words}, got {shown(value)}")
        else:
            yield from best or ()


def _distance(problems: Sequence[Problem], path: Path) -> tuple[bool, bool, int]:
    """How far a value is from an alternative: another type, another constant, or just wrong."""
    wrong_type = any(problem.path == write(path) for problem in problems)
    other_constant = any(problem.reason.startswith('must be "') for problem in problems)
    return wrong_type, other_constant, len(problems)


def shown(value: object) -> str:
    """A value in an error: short, and never the inside of an object, which may hold a secret."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value[:60]}..."' if len(value) > 60 else f'"{value}"'
        case int() | float():
            return str(value)
        case Mapping():
            return "an asset" if wire.SIGNATURE in value else "an object"
        case _:
            return "a list"


def suggestion(word: str, known: Mapping[str, object] | Sequence[str]) -> str:
    """`; did you mean "x"?` for the known word nearest to *word*, or nothing."""
    camel = re.sub(r"_+(\w)", lambda match: match[1].upper(), word[:80])
    if camel in known:
        return f'; did you mean "{camel}"?'
    near = difflib.get_close_matches(camel.casefold(), [name.casefold() for name in known], n=1)
    found = [name for name in known if near and name.casefold() == near[0]]
    return f'; did you mean "{found[0]}"?' if found else ""
