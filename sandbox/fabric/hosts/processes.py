"""Processes of this machine by what can't be mistaken: pid and time of start, in one boot of it."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PROC = Path("/proc")


def boot() -> str:
    """This boot of the machine: pids of another one mean nothing."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True, slots=True)
class Process:
    """One process, also after it has ended and its pid belongs to another one."""

    pid: int
    started: int
    """Clock ticks since the machine's boot (field 22 of proc(5)'s stat)."""

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this pid now; None when there is none, or a dead one."""
        found = _stat(pid)
        return None if found is None or found.state in "ZX" else cls(pid, found.started)

    @property
    def alive(self) -> bool:
        """Whether it is there; one that only waits to be reaped is not."""
        return Process.of(self.pid) == self

    def signal(self, number: int) -> bool:
        """Send a signal; False when the process has ended."""
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.alive:
                    signal.pidfd_send_signal(descriptor, number)
                    return True
            finally:
                os.close(descriptor)
        return False

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended, *seconds* from now at the latest (None: however long it takes)."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.alive:
                return True
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            return bool(waiting.poll(None if seconds is None else max(0.0, seconds) * 1000))
        finally:
            os.close(descriptor)

    def children(self) -> Iterator[Self]:
        """Its children now."""
        # Not every kernel has /proc/PID/task/TID/children.
        for pid in pids():
            found = _stat(pid)
            if found is not None and found.parent == self.pid and found.state not in "ZX":
                yield type(self)(pid, found.started)

    @property
    def program(self) -> str:
        """Path of what it executes, as its own mount namespace has it; "" once it has ended."""
        try:
            return str((_PROC / str(self.pid) / "exe").readlink())
        except OSError:
            return ""

    @property
    def name(self) -> str:
        """What it calls itself, at most 15 characters; "" once it has ended."""
        return _field(self.pid, "Name")

    @property
    def inner_pid(self) -> int:
        """Its pid in the innermost pid namespace; 0 once it has ended."""
        text = _field(self.pid, "NSpid")
        return int(text.split()[-1]) if text else 0

    @property
    def capabilities(self) -> frozenset[int]:
        """Numbers of the capabilities that it or a child may ever have."""
        mask = int(_field(self.pid, "CapBnd") or "0", 16)
        return frozenset(number for number in range(64) if mask >> number & 1)


def pids() -> Iterator[int]:
    """All processes that this one can see."""
    return (int(name) for name in os.listdir(_PROC) if name.isdecimal())  # noqa: PTH208 (thrice as fast)


def arguments(pid: int) -> list[str]:
    """The command line of a process; empty once it has ended."""
    try:
        text = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return text.decode(errors="replace").split("\0")[:-1]


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    parent: int
    started: int


def _stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, and may have blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    return _Stat(fields[0], int(fields[1]), int(fields[19]))


def _field(pid: int, name: str) -> str:
    try:
        lines = (_PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
