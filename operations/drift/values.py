"""Where two values differ, down to the property, with what only looks different told apart."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

NAMES = ("name", "key", "id", "ruleName", "sid", "Sid")
"""Properties by which an entry of a list is known, the first that all entries have."""


class Absent:
    """Stands for a property that is not there."""

    def __repr__(self) -> str:
        return "not set"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """A property that was recorded with one value, and has another."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Yield each property in which *before* and *after* differ.

    Entries of lists are matched by their names, or else by what they hold: their order is nobody's
    doing. Spelling that no cloud tells apart does not count.
    """
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            at = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), at)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    else:
        yield Difference(path, before, after)


def _of_lists(before: list[Any], after: list[Any], path: str) -> Iterator[Difference]:
    name = _name_of([*before, *after])
    if name:
        olds = {each[name]: each for each in before}
        news = {each[name]: each for each in after}
        if len(olds) == len(before) and len(news) == len(after):
            for key in dict.fromkeys((*olds, *news)):
                at = f"{path}[{key}]"
                yield from differences(olds.get(key, ABSENT), news.get(key, ABSENT), at)
            return
    gone = _without(before, after)
    come = _without(after, before)
    if not any(isinstance(each, dict | list) for each in (*gone, *come)):
        yield Difference(path, before, after)
        return
    for index in range(max(len(gone), len(come))):
        old = gone[index] if index < len(gone) else ABSENT
        new = come[index] if index < len(come) else ABSENT
        yield from differences(old, new, f"{path}[{index}]")


def _name_of(entries: Sequence[Any]) -> str | None:
    if not entries or not all(isinstance(each, dict) for each in entries):
        return None
    for name in NAMES:
        if all(isinstance(each.get(name), str) for each in entries):
            return name
    return None


def _without(entries: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """Return *entries* without as many of each as are in *others*."""
    left = list(others)
    found = []
    for each in entries:
        match = next((at for at, other in enumerate(left) if same(each, other)), None)
        if match is None:
            found.append(each)
        else:
            del left[match]
    return found


def same(before: Any, after: Any) -> bool:
    """Return whether two values say the same, however they spell it."""
    if _empty(before) and _empty(after):
        return True
    if isinstance(before, dict) and isinstance(after, dict):
        keys = before.keys() | after.keys()
        return all(same(before.get(key, ABSENT), after.get(key, ABSENT)) for key in keys)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and not _without(before, after)
    return bool(before == after) or _spelled_otherwise(before, after)


def _empty(value: Any) -> bool:
    """Return whether it is as good as not there."""
    return value is None or value is ABSENT or (isinstance(value, dict | list) and not value)


def _spelled_otherwise(before: Any, after: Any) -> bool:
    """Return whether they are the same but for what clouds do to a value as they keep it."""
    if isinstance(before, str) and isinstance(after, str):
        return _text(before) == _text(after) or _documents(before, after)
    plain = isinstance(before, str | bool | int | float) and isinstance(
        after, str | bool | int | float
    )
    # AWS's provider has numbers and truth as text where a map holds them.
    return plain and type(before) is not type(after) and _word(before) == _word(after)


def _text(value: str) -> str:
    """Return *value* with Azure's ids in one case: its API answers in any."""
    return value.lower() if value.lower().startswith("/subscriptions/") else value


def _word(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _documents(before: str, after: str) -> bool:
    """Return whether both are the same document in JSON, such as a policy."""
    if not (before[:1] in "{[" and after[:1] in "{[" and before and after):
        return False
    try:
        return same(json.loads(before), json.loads(after))
    except (ValueError, RecursionError):
        return False


def at(value: Any, path: str) -> Any:
    """Return what is at the provider's *path* in *value*; ABSENT when nothing is.

    A value that is not told ends the way: what is in it is not told either.
    """
    for part in re.findall(r"[^.\[\]]+", path):
        key = part.strip("\"'")
        if isinstance(value, dict):
            value = value.get(key, ABSENT)
        elif isinstance(value, list):
            value = value[int(key)] if key.isdecimal() and int(key) < len(value) else ABSENT
    return value
