"""What a change of inputs means: which properties differ, and which of them force replacement."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sandbox.control import bridged, ids, wire
from sandbox.control.kinds import Kind
from sandbox.control.paths import Path, matches, parse, write

CREATE_FIRST = "__createBeforeDelete"
"""azure-native's own marker in the inputs of a resource whose name was made up."""


_MARKS = frozenset({CREATE_FIRST, bridged.DEFAULTS})


class How(StrEnum):
    """How one property differs."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that differs."""

    path: Path
    how: How
    replaces: bool

    @property
    def text(self) -> str:
        """The path as the engine writes it."""
        return write(self.path)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs between two sets of inputs."""

    differences: tuple[Difference, ...]
    delete_first: bool
    """Whether a replacement deletes the old resource before it creates the new one."""

    @property
    def replaces(self) -> tuple[str, ...]:
        """Paths that force replacement."""
        return tuple(each.text for each in self.differences if each.replaces)


def compare(
    kind: Kind,
    old: Mapping[str, object],
    new: Mapping[str, object],
    ignored: Sequence[str] = (),
) -> Comparison:
    """Compare inputs as check returned them. An unknown differs from everything."""
    patterns = [pattern for pattern in ignored if _is_pattern(pattern)]
    also = frozenset(kind.replaces(wire.known(old), wire.known(new)))
    differences = tuple(
        Difference(path, how, _replaces(kind, path) or path[0] in also)
        for path, how in _differences(_ordered(kind, old), _ordered(kind, new), ())
        if path[0] not in _MARKS and not any(matches(pattern, path) for pattern in patterns)
    )
    # Only a name of its own lets the new resource stand beside the old one.
    if kind.identity is not None:
        name = kind.name_property
        named_by_program = name in new and not bridged.is_automatic(new, name)
    else:
        named_by_program = bool(kind.id_template) and not old.get(CREATE_FIRST, False)
    return Comparison(differences, named_by_program and any(each.replaces for each in differences))


def _naming(kind: Kind) -> tuple[str, ...]:
    """What a resource of AWS can't change without becoming another one."""
    return ("region",) if kind.renamed else ("region", kind.name_property, kind.prefix_property)


def _ordered(kind: Kind, values: Mapping[str, object]) -> object:
    """*values* without secrets' marks, lists whose order means nothing in one order."""

    def walk(value: object, path: Path) -> object:
        if isinstance(value, Mapping):
            return {key: walk(member, (*path, key)) for key, member in value.items()}
        if isinstance(value, list):
            found = [walk(element, (*path, index)) for index, element in enumerate(value)]
            named = any(len(parse(p)) == len(path) and matches(p, path) for p in kind.unordered)
            return sorted(found, key=_canonical) if named else found
        return value

    plain = wire.reveal(values)
    return walk(plain, ()) if kind.unordered else plain


def _canonical(value: object) -> str:
    """A text that is the same for equal values, in whatever order the wire had their members."""
    return json.dumps(value, sort_keys=True, default=repr)


def _is_pattern(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _replaces(kind: Kind, path: Path) -> bool:
    if path[0] in ids.parameters(kind.id_template):
        return True
    if kind.identity is not None and path[0] in _naming(kind):
        return True
    if kind.regional and path == ("location",):
        return True
    # A change of a whole object is a change of what the pattern names inside it.
    return any(
        matches(pattern, path) or (len(path) < len(parse(pattern)) and _leads_to(path, pattern))
        for pattern in kind.replace_on
    )


def _leads_to(path: Path, pattern: str) -> bool:
    steps = parse(pattern)[: len(path)]
    return all(step in ("*", found) for step, found in zip(steps, path, strict=True))


def _differences(old: object, new: object, path: Path) -> Iterator[tuple[Path, How]]:
    if old is wire.UNKNOWN or new is wire.UNKNOWN:
        yield path, How.UPDATE
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from _member(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from _member(before, after, (*path, index))
    elif not _same(path, old, new):
        yield path, How.UPDATE


def _member(old: object, new: object, path: Path) -> Iterator[tuple[Path, How]]:
    if old is None and new is not None:
        yield path, How.ADD
    elif new is None and old is not None:
        yield path, How.DELETE
    elif old is not None:
        yield from _differences(old, new, path)


def _same(path: Path, old: object, new: object) -> bool:
    if path == ("location",) and isinstance(old, str) and isinstance(new, str):
        return place(old) == place(new)
    alike = type(old) is type(new) or (_number(old) and _number(new))
    return alike and old == new


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def place(location: str) -> str:
    """A location as Azure compares it: `West Europe` is `westeurope`."""
    return location.replace(" ", "").casefold()
