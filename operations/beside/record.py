"""What is written down of an upgrade beside the old nodes, before and after each step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from operations import steps
from operations.beside.planning import FINISH, FORWARD, Step

State = Literal["forward", "standing", "finishing", "done", "back", "taken-back"]


@dataclass(frozen=True, kw_only=True)
class Record(steps.Progress[Step]):
    """An upgrade at one moment."""

    stack: str
    of: str
    to: str
    state: State
    """standing: the new set serves, and the old one stands there."""

    file: str
    """Path of the stack file."""

    texts: Mapping[str, str]
    """Its text at each stage; `before` is what it was."""

    placeholder: str
    """What stands in them for the moment of the backup."""

    moment: str = ""
    steps: tuple[Step, ...] = FORWARD

    @property
    def under_way(self) -> bool:
        """Whether it is neither at rest nor at its end."""
        return self.state in ("forward", "finishing", "back")

    def text(self, stage: str) -> str:
        """Return the stack file's text at a stage."""
        return self.texts[stage].replace(self.placeholder, self.moment or self.placeholder)

    def turned(self, state: State, steps: Sequence[Step]) -> Self:
        """Return it at the beginning of other steps."""
        return replace(self, state=state, steps=tuple(steps), done=0)

    def ended(self) -> Self:
        """Return it at the end of its steps."""
        ends: Mapping[str, State] = {
            "forward": "standing",
            "finishing": "done",
            "back": "taken-back",
        }
        return replace(self, state=ends[self.state])


def finishing(record: Record) -> Record:
    """Return a record whose old set goes."""
    return record.turned("finishing", FINISH)


class Journal(steps.Journal[Record]):
    """The journal of one stack."""

    def __init__(self, folder: Path, stack: str) -> None:
        super().__init__(folder / stack / "beside.json", _record, "the journal of the upgrade")


def _record(found: dict[str, Any]) -> Record:
    return Record(**{**found, "steps": tuple(Step(**each) for each in found["steps"])})
