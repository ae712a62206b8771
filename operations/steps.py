"""Steps that are done one after the other, with a journal that says how far they are."""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from operations.errors import OperationError
from operations.upgrade.journal import put, taken

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Progress(ABC, Generic[S]):
    """What a journal keeps of steps of kind *S* at one moment."""

    steps: tuple[S, ...]
    """In the direction that it goes."""

    done: int = 0
    """How many of them are done; the next one may have begun."""

    @property
    def left(self) -> tuple[S, ...]:
        """The steps that are not done."""
        return self.steps[self.done :]

    def advanced(self) -> Self:
        """Return it with one more step done."""
        return replace(self, done=self.done + 1)

    @abstractmethod
    def ended(self) -> Self:
        """Return it at the end of its steps."""


R = TypeVar("R", bound=Progress)  # type: ignore[type-arg]  # a bound cannot name another variable
FORMAT = 1


class Journal(Generic[R]):
    """Where the record of one stack is kept: a file of its own beside the stack's state."""

    def __init__(self, path: Path, parse: Callable[[dict[str, Any]], R], what: str) -> None:
        """*parse*: a record of the fields that were written; *what* it is, for whoever must see."""
        self.path = path
        self._parse = parse
        self._what = what

    def read(self) -> R | None:
        """Return the last record; None when there was none. Raises OperationError."""
        return taken(self.path, self._read, self._what)

    def write(self, record: R) -> None:
        """Have *record* on the disk, in place of the one before."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        put(self.path, json.dumps({"format": FORMAT, **asdict(record)}, indent=1).encode())

    def _read(self, found: dict[str, Any]) -> R:
        if found.pop("format") != FORMAT:
            raise ValueError(f"it does not have format {FORMAT}")
        return self._parse(found)


@dataclass(frozen=True, kw_only=True)
class Runner(ABC, Generic[R, S]):
    """Takes a record *R* as far as its steps *S* go."""

    journal: Journal[R]
    say: Callable[[str], object] = sys.stderr.write

    def run(self, record: R) -> R:
        """Do all steps that are left. Raises OperationError with the way on and the way back."""
        while record.left:
            step: S = record.left[0]
            self.say(f"  {record.done + 1}/{len(record.steps)} {self.words(record, step)}\n")
            try:
                record = self.do(record, step)
            except OperationError as error:
                raise self.stopped(record, step, error) from error
            record = record.advanced()
            self.journal.write(record)
        record = record.ended()
        self.journal.write(record)
        return record

    @abstractmethod
    def do(self, record: R, step: S) -> R:
        """Do one step and return what is known then. Raises OperationError."""

    @abstractmethod
    def words(self, record: R, step: S) -> str:
        """Return what a step does, for whoever watches."""

    @abstractmethod
    def stopped(self, record: R, step: S, error: OperationError) -> OperationError:
        """Return what a person reads when a step has failed: why, and both ways."""
