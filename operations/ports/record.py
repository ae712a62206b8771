"""What is written down of a change of ports, before and after each step."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from operations import steps
from operations.ports.planning import Change, Ports, Step, backward

State = Literal["forward", "done", "back", "taken-back"]


@dataclass(frozen=True, kw_only=True)
class Record(steps.Progress[Step]):
    """A change at one moment."""

    stack: str
    change: Change
    file: str
    """Path of the stack file."""

    before: str
    after: str
    """Its text."""

    state: State = "forward"
    services: tuple[str, ...] | None = None
    """`NAME VERSION` of what was published before; None: nobody may look, or not yet."""

    @property
    def under_way(self) -> bool:
        """Whether it has begun, and is not at its end: the first step only looks."""
        return self.state == "back" or (self.state == "forward" and self.done > 0)

    def turned(self) -> Self:
        """Return it at the beginning of its way back; as it is, when it is on it already."""
        if self.state == "back":
            return self
        begun = self.steps[: self.done + 1]
        return replace(self, state="back", steps=backward(self.change, begun), done=0)

    def ended(self) -> Self:
        """Return it at the end of its steps."""
        return replace(self, state="done" if self.state == "forward" else "taken-back")


class Journal(steps.Journal[Record]):
    """The journal of one stack."""

    def __init__(self, folder: Path, stack: str) -> None:
        super().__init__(folder / stack / "ports.json", _record, "the journal of the ports")


def _record(found: dict[str, Any]) -> Record:
    change = found["change"]
    services = found["services"]
    return Record(
        **{
            **found,
            "change": Change(
                of=Ports(**change["of"]),
                to=Ports(**change["to"]),
                roles=tuple(change["roles"]),
                keeping=tuple(change["keeping"]),
            ),
            "steps": tuple(Step(**each) for each in found["steps"]),
            "services": None if services is None else tuple(services),
        }
    )
