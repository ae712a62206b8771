"""What differs between two states of a resource's inputs, property by property."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.export.state import SECRET, UNKNOWN
from operations.preview import user_data
from operations.preview.values import cleaned, hides, named, said

ABSENT: Any = object()
KEYS = ("name", "key", "id")
"""By which of its properties an item of a list is known; without one, by its place."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that changes; nothing secret is in it."""

    path: str
    before: Any
    """Plain JSON; None where it is new."""
    after: Any
    kind: str
    """`add`, `remove` or `change`."""
    notes: tuple[str, ...] = ()
    """Of user data: which files differ."""

    @property
    def key(self) -> str:
        """The property's own name."""
        return self.path.rpartition(".")[2].partition("[")[0]

    def lines(self) -> list[str]:
        """Return it as in a difference of files: what goes, what comes."""
        kept = [] if self.kind == "add" else [f"- {self.path}: {said(self.key, self.before)}"]
        come = [] if self.kind == "remove" else [f"+ {self.path}: {said(self.key, self.after)}"]
        return [*kept, *come, *(f"    {note}" for note in self.notes)]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return every property that differs, in the order of their paths."""
    return tuple(_of_mappings("", before, after))


def _of(path: str, key: str, before: Any, after: Any) -> Iterator[Difference]:
    if before is not ABSENT and after is not ABSENT and _same(before, after):
        return
    if hides(key):
        yield _leaf(path, key, before, after)
    elif key in user_data.KEYS and isinstance(before, str) and isinstance(after, str):
        yield _of_user_data(path, before, after)
    elif _both(Mapping, before, after):
        old, new = ({} if side is ABSENT else side for side in (before, after))
        yield from _of_mappings(path, old, new)
    elif _both(list, before, after):
        yield from _of_lists(
            path, key, *([] if side is ABSENT else side for side in (before, after))
        )
    else:
        yield _leaf(path, key, before, after)


def _both(kind: type, before: Any, after: Any) -> bool:
    """Return whether both are of a kind and hold something; one of them may be absent."""
    return any((before, after)) and all(
        side is ABSENT or (isinstance(side, kind) and bool(side)) for side in (before, after)
    )


def _leaf(path: str, key: str, before: Any, after: Any) -> Difference:
    kind = "add" if before is ABSENT else "remove" if after is ABSENT else "change"
    old, new = (None if value is ABSENT else _safe(key, value) for value in (before, after))
    return Difference(path, old, new, kind)


def _safe(key: str, value: Any) -> Any:
    if key in user_data.KEYS and isinstance(value, str) and value != UNKNOWN:
        return user_data.digest(value)
    return cleaned(key, value)


def _of_user_data(path: str, before: str, after: str) -> Difference:
    if UNKNOWN in (before, after):
        return _leaf(path, path.rpartition(".")[2], before, after)
    notes = tuple(user_data.difference(before, after))
    return Difference(path, user_data.digest(before), user_data.digest(after), "change", notes)


def _of_mappings(
    path: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for key in sorted(before.keys() | after.keys()):
        inner = f"{path}.{key}" if path else key
        name = named(before if key in before else after, key)
        yield from _of(inner, name, before.get(key, ABSENT), after.get(key, ABSENT))


def _of_lists(
    path: str, key: str, before: Sequence[Any], after: Sequence[Any]
) -> Iterator[Difference]:
    known = _known_by(before, after)
    if known:
        old = {str(each[known]): each for each in before}
        new = {str(each[known]): each for each in after}
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _of(f"{path}[{name}]", key, old.get(name, ABSENT), new.get(name, ABSENT))
    elif all(_is_plain(each) for each in (*before, *after)):
        yield from (_leaf(f"{path}[]", key, each, ABSENT) for each in before if each not in after)
        yield from (_leaf(f"{path}[]", key, ABSENT, each) for each in after if each not in before)
        if sorted(map(repr, before)) == sorted(map(repr, after)):
            yield _leaf(path, key, list(before), list(after))
    else:
        for index in range(max(len(before), len(after))):
            old_item = before[index] if index < len(before) else ABSENT
            new_item = after[index] if index < len(after) else ABSENT
            yield from _of(f"{path}[{index}]", key, old_item, new_item)


def _known_by(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """Return the property by which the items of both lists are told apart."""
    if not all(isinstance(each, Mapping) for each in (*before, *after)):
        return None
    for key in KEYS:
        if all(_names(side, key) for side in (before, after)):
            return key
    return None


def _names(items: Sequence[Mapping[str, Any]], key: str) -> bool:
    """Return whether *key* is another text in each of them."""
    found = [each.get(key) for each in items]
    known = all(isinstance(name, str) and name != UNKNOWN for name in found)
    return known and len(set(found)) == len(found)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) or value is SECRET


def _same(before: Any, after: Any) -> bool:
    """Return whether they are the same, as far as can be told: of two secrets nothing can."""
    return bool(before == after) and UNKNOWN not in (before, after)
