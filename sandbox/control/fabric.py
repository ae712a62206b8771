"""What the control plane asks of the fabric, which makes resources real.

The control plane works without one (no root, no Linux, no Debian tools): `Absent` then stands in,
and resources exist as records only, which `scripts/sandbox status` says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol


class NotReadyError(Exception):
    """A resource exists, and did not come to work: a machine did not serve. Says what it said.

    Its text may have many lines (the end of a node's log).
    """


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True)
class Watch:
    """Whoever waits for an operation."""

    report: Callable[[str], None] = _silent
    """Takes one line of progress for a person, any number of times."""
    warn: Callable[[str], None] = _silent
    """Takes what a person must know although the operation succeeds; each text counts once."""
    cancelled: Event = field(default_factory=Event)
    """Set when nobody waits any more (Ctrl-C): the operation ends soon, with NotReadyError."""


class Fabric(Protocol):
    """The machine room. All methods may be called from many threads at once."""

    def realize(self, target: str, watch: Watch) -> None:
        """Return when what was committed holds: a filter's rule filters, a machine serves.

        Called after the transaction that created, changed or deleted *target*.

        Raises:
            NotReadyError: it does not come to work, or *watch* was cancelled.
        """

    def retire(self, target: str, watch: Watch) -> None:
        """Announce the end to what runs for *target*, let it drain, and stop it.

        Called before the transaction that deletes *target*; returns at once where nothing runs.
        Data of databases is kept until the record is gone.

        Raises:
            NotReadyError: *watch* was cancelled; what had begun to drain goes on.
        """


class Absent:
    """No fabric: records only."""

    def realize(self, target: str, watch: Watch) -> None:
        """Nothing to do."""

    def retire(self, target: str, watch: Watch) -> None:
        """Nothing to do."""
