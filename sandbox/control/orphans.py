"""Resources that no stack's state has: what was made for one, and belongs to nobody now.

The engine's state is what destroys and updates work on, so what it doesn't have stays for ever. A
creation whose answer was lost leaves such a resource until the next update, which takes it over.
One whose engine was killed is in the state as a pending operation, without an id.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.control import ids
from sandbox.control.kinds import Record
from sandbox.control.store import Rows

Known = frozenset[tuple[str, str]]
"""Type and id of all that stacks have in their state."""


class StateError(Exception):
    """A stack's state can't be read."""


def in_backend(folder: Path) -> Known:
    """What the stacks of a file backend have. Raises StateError."""
    return frozenset(each for _, latest in _stacks(folder) for each in _known(latest))


def in_export(text: str) -> Known:
    """What a stack has, as `pulumi stack export` writes it. Raises StateError."""
    try:
        return frozenset(_known(json.loads(text)["deployment"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StateError("this is not what `pulumi stack export` writes") from error


def pending(folder: Path, stack: str) -> list[str]:
    """URNs of a stack's creations of which its engine, which was killed, heard no end."""
    found = [latest for name, latest in _stacks(folder) if name == stack]
    operations = [each for latest in found for each in latest.get("pending_operations") or []]
    return [str(each["resource"]["urn"]) for each in operations if each["type"] == "creating"]


def _stacks(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and deployment of each stack of a file backend."""
    for file in sorted(folder.glob(".pulumi/stacks/**/*.json")):
        try:
            latest: dict[str, Any] = json.loads(file.read_text())["checkpoint"].get("latest") or {}
            _known(latest)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(f"{file} is no state of a stack: {error!r}") from error
        yield file.stem, latest


def _known(deployment: Any) -> set[tuple[str, str]]:
    resources = (deployment or {}).get("resources") or []
    return {(str(each["type"]), ids.key(str(each["id"]))) for each in resources if each.get("id")}


def of(rows: Rows, known: Known, stack: str = "") -> list[Record]:
    """What was made for a stack (or any), and is in no state; by id."""
    mark = f"urn:pulumi:{stack}::" if stack else "urn:pulumi:"
    made = (each.record for each in rows.all() if each.record.urn.startswith(mark))
    return [each for each in made if (each.type, ids.key(called(each))) not in known]


def called(record: Record) -> str:
    """The id that Pulumi knows: on AWS the short one."""
    return record.short or record.id
