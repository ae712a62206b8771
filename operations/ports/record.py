"""What is written down of a change of ports, before and after each step."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from operations.ports.planning import Change, Ports, Step, backward
from operations.steps import Progress
from operations.upgrade.journal import put, taken

State = Literal["forward", "done", "back", "taken-back"]
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Record(Progress[Step]):
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


class Journal:
    """The journal of one stack."""

    def __init__(self, folder: Path, stack: str) -> None:
        self.path = folder / stack / "ports.json"

    def read(self) -> Record | None:
        """Return the last change; None when there was none. Raises OperationError."""
        return taken(self.path, _record, "the journal of the ports")

    def write(self, record: Record) -> None:
        """Have *record* on the disk, in place of the one before."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        put(self.path, json.dumps({"format": FORMAT, **asdict(record)}, indent=1).encode())


def _record(found: dict[str, Any]) -> Record:
    if found.pop("format") != FORMAT:
        raise ValueError(f"it does not have format {FORMAT}")
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
