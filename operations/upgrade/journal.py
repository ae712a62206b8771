"""What is written down of an upgrade, before and after each step: a killed run is gone on with.

One folder a stack, beside the state that it is about. The journal is replaced as a whole and is on
the disk before anything is done that it tells of.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from operations.channel import Node
from operations.errors import OperationError
from operations.upgrade.planning import Step

State = Literal["forward", "done", "back", "taken-back"]
FORMAT = 1

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Record:
    """An upgrade at one moment."""

    id: str
    stack: str
    of: str
    """Product and version that it begins with, for people."""

    to: str
    state: State
    nodes: tuple[Node, ...]
    file: str
    """Path of the stack file."""

    before: str
    """Its text, before and after."""

    after: str
    services: tuple[str, ...]
    """What was published when it began."""

    steps: tuple[Step, ...]
    done: int = 0
    """How many of them are done; the next one may have begun."""

    back: tuple[Step, ...] = ()
    back_done: int = 0
    notes: tuple[str, ...] = field(default=())
    """What nodes reported, for the end."""

    @property
    def under_way(self) -> bool:
        """Whether it is neither done nor taken back."""
        return self.state in ("forward", "back")

    @property
    def configures(self) -> bool:
        """Whether nodes get other settings, and no other version."""
        return self.of == self.to

    @property
    def begun(self) -> tuple[Step, ...]:
        """The forward steps that may have changed something."""
        return self.steps[: self.done + 1] if self.state == "forward" else self.steps[: self.done]

    @property
    def left(self) -> tuple[Step, ...]:
        """The steps that are not done, in the direction that it goes."""
        return self.back[self.back_done :] if self.state == "back" else self.steps[self.done :]

    def advanced(self, note: str = "") -> Self:
        """Return it with one more step done."""
        notes = (*self.notes, note) if note else self.notes
        if self.state == "back":
            return replace(self, back_done=self.back_done + 1, notes=notes)
        return replace(self, done=self.done + 1, notes=notes)


class Journal:
    """The journal of one stack."""

    def __init__(self, folder: Path, stack: str) -> None:
        self._folder = folder / stack
        self.path = self._folder / "journal.json"

    def read(self) -> Record | None:
        """Return the last upgrade; None when there was none. Raises OperationError."""
        return taken(self.path, _record, "the journal of the upgrade")

    def begin(self, record: Record, archives: Mapping[str, bytes]) -> None:
        """Write a new upgrade down, with what nodes of each role are to receive."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for role, content in archives.items():
            self._put(self._archive(role), content)
        self.write(record)

    def archive(self, role: str) -> bytes:
        """Return what nodes of *role* receive."""
        return self._archive(role).read_bytes()

    def write(self, record: Record) -> None:
        """Have *record* on the disk, in place of the one before."""
        document = {
            "format": FORMAT,
            **{name: getattr(record, name) for name in _PLAIN},
            "nodes": [vars(node) for node in record.nodes],
            "steps": [vars(step) for step in record.steps],
            "back": [vars(step) for step in record.back],
        }
        self._put(self.path, json.dumps(document, indent=1).encode())

    def _archive(self, role: str) -> Path:
        return self._folder / f"{role}.tar.gz"

    def _put(self, path: Path, content: bytes) -> None:
        put(path, content)


def taken(path: Path, parse: Callable[[Any], T], what: str) -> T | None:
    """Return what a journal's file holds; None when there is none. Raises OperationError."""
    try:
        return parse(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OperationError(
            f"{what} cannot be read", str(path), f"{error}", "use the release that wrote it"
        ) from error


def put(path: Path, content: bytes) -> None:
    """Put *content* in the place of a file: the old or the new one, also when power fails."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


_PLAIN = ("id", "stack", "of", "to", "state", "file", "before", "after", "services", "done",
          "back_done", "notes")  # fmt: skip


def _record(found: Mapping[str, Any]) -> Record:
    if found["format"] != FORMAT:
        raise ValueError(f"it has format {found['format']}, not {FORMAT}")
    plain = {name: found[name] for name in _PLAIN}
    return Record(
        **{**plain, "services": tuple(plain["services"]), "notes": tuple(plain["notes"])},
        nodes=tuple(Node(**each) for each in found["nodes"]),
        steps=_steps(found["steps"]),
        back=_steps(found["back"]),
    )


def _steps(found: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(Step(**each) for each in found)
