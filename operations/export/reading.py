"""Reads a resource's inputs for a translation, and knows what was not read.

A translation takes what it has a place for. The rest is listed by path, so that an input that
somebody adds to the program is never dropped without a word.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from operations.values import at


class Reader:
    """The inputs of one resource, or a mapping inside them."""

    def __init__(
        self, values: Mapping[str, Any], path: str = "", taken: set[str] | None = None
    ) -> None:
        self._values = values
        self._path = path
        self._taken: set[str] = set() if taken is None else taken

    def __call__(self, path: str, default: Any = None) -> Any:
        """Return the value at a dotted path, and count all of it as read."""
        value = at(self._values, *path.split("."))
        self._taken.add(self._path + path)
        return default if value is None else value

    def each(self, path: str) -> "list[Reader]":
        """Return a reader for each mapping of the list at *path*."""
        value = at(self._values, *path.split("."))
        return [
            Reader(item, f"{self._path}{path}[{index}].", self._taken)
            for index, item in enumerate(value or [])
        ]

    def skip(self, *paths: str) -> None:
        """Count as said what follows from the rest, or from the resource's type."""
        self._taken.update(self._path + path for path in paths)

    def unread(self) -> list[str]:
        """Return the paths of all values that nobody read."""
        return sorted(path for path in _leaves(self._values, "") if not self._is_taken(path))

    def _is_taken(self, path: str) -> bool:
        return any(
            path == taken or path.startswith((f"{taken}.", f"{taken}[")) for taken in self._taken
        )


def _leaves(value: Any, path: str) -> Iterator[str]:
    """Yield the path of each value; nothing, false-like texts and empty collections say nothing."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    elif value is not None and value != "":
        yield path
