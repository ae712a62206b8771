"""Notices of the end of machines: posted by who ends one, read and acknowledged by the machine.

They are kept in memory: with the daemon, what it was about to end ends too.
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sandbox.fabric.contract import Machine

_LOOK = 0.1
"""Seconds between looks at somebody else's event: two events can't be awaited at once."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One machine is told that it is to go."""

    id: str
    """UUID, in capitals as Azure writes it."""
    machine: Machine
    not_before: datetime
    """When it ends at the latest; UTC."""
    _acknowledged: threading.Event = field(default_factory=threading.Event, repr=False)
    _withdrawn: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def is_acknowledged(self) -> bool:
        """Whether the machine has agreed to end now."""
        return self._acknowledged.is_set()

    def wait(self, cancelled: threading.Event, timeout: float) -> bool:
        """Return True once the machine has agreed to its end.

        False when *timeout* seconds or the notice's own time are over, when *cancelled* is set, or
        when the notice is withdrawn.
        """
        left = (self.not_before - datetime.now(UTC)).total_seconds()
        deadline = time.monotonic() + min(timeout, left)
        while not (cancelled.is_set() or self._withdrawn.is_set()):
            rest = deadline - time.monotonic()
            if self._acknowledged.wait(max(0.0, min(rest, _LOOK))):
                return True
            if rest <= 0:
                return False
        return self.is_acknowledged


class Notices:
    """All notices of one sandbox. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notices: dict[str, Notice] = {}
        """By id of the machine."""
        self._readers: set[str] = set()
        # A document's number never goes back, also when the daemon starts again.
        self._first = int(time.time())
        self._documents: dict[str, int] = {}

    def post(self, machine: Machine, seconds: float) -> Notice:
        """Tell *machine* that it ends in *seconds*; what it was told before stays in force."""
        key = machine.id.casefold()
        with self._lock:
            found = self._notices.get(key)
            if found is not None and found.machine.incarnation == machine.incarnation:
                return found
            notice = Notice(
                id=str(uuid4()).upper(),
                machine=machine,
                not_before=datetime.now(UTC) + timedelta(seconds=seconds),
            )
            self._notices[key] = notice
            self._change(machine.group)
        if found is not None:
            found._withdrawn.set()  # noqa: SLF001 -- a notice's events are this module's own
        return notice

    def pending(self, machine_id: str) -> tuple[Notice, ...]:
        """What a machine has been told, acknowledged or not: none or one notice."""
        with self._lock:
            found = self._notices.get(machine_id.casefold())
        return (found,) if found else ()

    def document(self, group: str) -> tuple[int, tuple[Notice, ...]]:
        """All notices of a group's machines, with a number that rises whenever they change."""
        key = group.casefold()
        with self._lock:
            notices = tuple(
                each for each in self._notices.values() if each.machine.group.casefold() == key
            )
            return self._documents.get(key, self._first), notices

    def acknowledge(self, event_id: str) -> bool:
        """Let the end happen now; False when there is no such notice."""
        wanted = event_id.upper()
        with self._lock:
            for notice in self._notices.values():
                if notice.id == wanted:
                    if not notice.is_acknowledged:
                        notice._acknowledged.set()  # noqa: SLF001
                        self._change(notice.machine.group)
                    return True
        return False

    def withdraw(self, machine_id: str) -> None:
        """The machine has gone, or goes on living: nothing is announced to it any more."""
        key = machine_id.casefold()
        with self._lock:
            self._readers.discard(key)
            found = self._notices.pop(key, None)
            if found is not None:
                self._change(found.machine.group)
                found._withdrawn.set()  # noqa: SLF001

    def note_reader(self, machine_id: str) -> None:
        """The machine has asked for its notices."""
        with self._lock:
            self._readers.add(machine_id.casefold())

    def is_read(self, machine_id: str) -> bool:
        """Whether the machine has ever asked for its notices; one that never did gets no time."""
        with self._lock:
            return machine_id.casefold() in self._readers

    def _change(self, group: str) -> None:
        key = group.casefold()
        self._documents[key] = self._documents.get(key, self._first) + 1
