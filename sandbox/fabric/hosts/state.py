"""What is written of a guest, for the next start of this program and for other ones."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sandbox.fabric.hosts import processes
from sandbox.fabric.hosts.leader import first_below
from sandbox.fabric.hosts.processes import Process


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What `host.json` says: written before a guest starts, when it runs and when it has ended."""

    name: str
    namespace: str
    phase: str
    """`starting`, `running`, `stopping`, `ended`."""
    boot: str
    """The boot of this machine that the pids are of."""
    pid: int = 0
    """The launcher's."""
    started: int = 0
    """Clock ticks (`Process.started`)."""
    leader: int = 0
    """Pid of the guest's first process; 0 until it runs."""
    leader_started: int = 0
    since: str = ""
    """RFC 3339, UTC: when it started."""
    code: int | None = None
    """How the guest ended by itself: 0 it powered off; None: it was stopped or killed."""
    boots_systemd: bool = True
    unlimited: tuple[str, ...] = ()
    """What of the machine it may use without limit, and why."""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def launcher(self) -> Process | None:
        """The launcher, when it is there."""
        if self.pid == 0 or self.boot != processes.boot():
            return None
        launcher = Process(self.pid, self.started)
        return launcher if launcher.alive else None

    @property
    def first(self) -> Process | None:
        """The guest's first process, when it is there and ready to be entered."""
        launcher = self.launcher
        if launcher is None:
            return None
        noted = Process(self.leader, self.leader_started)
        if self.leader and noted.alive:
            return noted
        # It has rebooted itself: its launcher is the same, its first process is another one.
        return first_below(launcher, boots_systemd=self.boots_systemd)


def read(folder: Path) -> State | None:
    """What is written of the guest in *folder*; None when there is none, or nothing readable."""
    try:
        found = json.loads((folder / "host.json").read_text())
        # Another version of this program may know other fields.
        known = {each.name: found[each.name] for each in fields(State) if each.name in found}
        state = State(**{**known, "unlimited": tuple(found["unlimited"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if state.phase == "running" and state.launcher is None:
        return replace(state, phase="ended", code=exit_code(folder), pid=0, leader=0)
    return state


def exit_code(folder: Path) -> int | None:
    """What the launcher wrote at its end; None when it was killed."""
    try:
        return int((folder / "ended").read_text())
    except (OSError, ValueError):
        return None
