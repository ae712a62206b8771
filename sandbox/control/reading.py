"""Typed reading of property values: what is absent, unknown or of another type reads as None."""

from collections.abc import Mapping

from sandbox.control.kinds import Values
from sandbox.control.paths import find, get


def text(values: object, pattern: str) -> str | None:
    """The string that *pattern* names, or None."""
    found = get(values, pattern)
    return found if isinstance(found, str) else None


def number(values: object, pattern: str) -> int | None:
    """The integer that *pattern* names, or None; a boolean is no number."""
    found = get(values, pattern)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def flag(values: object, pattern: str) -> bool | None:
    """The boolean that *pattern* names, or None."""
    found = get(values, pattern)
    return found if isinstance(found, bool) else None


def mapping(values: object, pattern: str) -> Values:
    """The object that *pattern* names; an empty one when there is none."""
    found = get(values, pattern)
    return found if isinstance(found, Mapping) else {}


def elements(values: object, pattern: str) -> list[tuple[str, Values]]:
    """The objects in the list that *pattern* names, each with its path."""
    return [
        (path, found) for path, found in find(values, f"{pattern}[*]") if isinstance(found, Mapping)
    ]


def texts(values: object, pattern: str) -> list[tuple[str, str]]:
    """The strings that *pattern* names (`zones[*]`), each with its path."""
    return [(path, found) for path, found in find(values, pattern) if isinstance(found, str)]


def present(values: object, pattern: str) -> bool:
    """Whether anything but null and the empty list is at *pattern*."""
    found = get(values, pattern)
    return found is not None and found != [] and found != {}
