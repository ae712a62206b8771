"""Steps that are done one after the other, with a journal that says how far they are."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, Self, TypeVar

from operations.errors import OperationError

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
Written_contra = TypeVar("Written_contra", contravariant=True)


class Journal(Protocol[Written_contra]):
    """Where a record is kept."""

    def write(self, record: Written_contra) -> None:
        """Have *record* on the disk, in place of the one before."""
        ...


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
