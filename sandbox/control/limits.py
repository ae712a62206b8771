"""What an account or a subscription may have, where a person has set another limit than the cloud.

The clouds' own limits are in each cloud's `quotas.py`. One can be lowered, or raised as a support
request would, for all places or for one region; it is kept in the store, since a daemon reads it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sandbox.control.store import Rows, Store

_NOTE = "quotas"


class _Notes(Protocol):
    def note(self, key: str) -> object:
        """The JSON value under *key*, or None."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit that somebody has set."""

    name: str
    """`azure-native:vcpus`"""
    place: str
    """Region or location; "": all."""
    most: int


def most(notes: _Notes, name: str, place: str, usual: int) -> int:
    """The limit that holds in *place*."""
    changed = _changed(notes)
    return changed.get((name, place), changed.get((name, ""), usual))


def _changed(notes: _Notes) -> Mapping[tuple[str, str], int]:
    kept = notes.note(_NOTE)
    return {(name, place): value for name, place, value in kept} if isinstance(kept, list) else {}


def changed(rows: Rows) -> Iterator[Limit]:
    """What somebody has set."""
    for (name, place), value in sorted(_changed(rows).items()):
        yield Limit(name, place, value)


def change(store: Store, limit: Limit) -> None:
    """Set a limit."""
    with store.change() as rows:
        found = {**_changed(rows), (limit.name, limit.place): limit.most}
        rows.remember(_NOTE, [[*key, value] for key, value in found.items()])


def reset(store: Store, name: str = "") -> int:
    """Go back to the cloud's own limit of one quota, or of all; how many had been set."""
    with store.change() as rows:
        found = _changed(rows)
        kept = {key: value for key, value in found.items() if name and key[0] != name}
        rows.remember(_NOTE, [[*key, value] for key, value in kept.items()] or None)
    return len(found) - len(kept)
