"""The life of one machine: it boots, is provisioned, serves, is repaired, drains and goes.

Each machine has a thread of its own that waits for what happens next, so that a machine that hangs
holds up nobody else.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from sandbox.fabric.contract import FabricError, Machine, Probe
from sandbox.fabric.room import Ended as Ended
from sandbox.fabric.room import Room as Room

_LOG = logging.getLogger(__name__)

IDLE = 1.0
"""Seconds between looks at a machine without a health probe: a dead one is noticed by then."""


RETRY = 10.0
"""Seconds after which a host that could not start is tried again: a full disk may have room."""


class Phase(StrEnum):
    """Where in its life a machine is."""

    STARTING = "starting"
    BOOTING = "booting"
    """It runs, and is not provisioned yet."""
    READY = "ready"
    FAILED = "failed"
    """It could not be started, which is tried again; or not be provisioned, and is left as it is
    for a person to look at."""
    STOPPED = "stopped"
    """It powered itself off."""
    DRAINING = "draining"
    GONE = "gone"
    ABSENT = "absent"
    """It can't run in the sandbox: a record is all that there is of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What is known of a node at one moment."""

    phase: Phase
    reason: str = ""
    """Why it failed: the end of what the machine said."""
    since: str = ""
    """RFC 3339, UTC."""
    restarts: int = 0
    healthy: bool | None = None
    """What its health probe says; None: it has none, or did not answer yet."""
    provisioned: str | None = None
    """Digest of the script that ended with 0; of "" when the machine has none."""


class Node:
    """One machine and the thread that looks after it."""

    def __init__(self, machine: Machine, room: Room, state: State | None = None) -> None:
        """Begin its life. *state*: what was known of this machine before the daemon restarted."""
        self._room = room
        self._machine = machine
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._over = threading.Event()
        """Set when its life ends; what it waits for inside the machine is cancelled by it."""
        self._again = False
        self._due: float | None = None
        """When (monotonic) what this machine could not do is tried again; None: nothing is."""
        self._lived = False
        """Whether it has been seen running in this daemon's life."""
        self._unwell: float = 0.0
        """Seconds since it was well."""
        self._silent: float = 0.0
        """Seconds since its program was alive."""
        self._held_since: float | None = None
        """When (monotonic) its group began to wait for its word."""
        self._state = state or State(phase=Phase.STARTING, since=_now())
        if self._state.phase in (Phase.DRAINING, Phase.GONE):
            # What was under way ended with the daemon that did it.
            self._state = replace(self._state, phase=Phase.BOOTING)
        elif self._state.phase in (Phase.READY, Phase.FAILED) and not room.is_running(machine):
            # It went down with the sandbox; nobody may take it for ready meanwhile.
            self._state = replace(self._state, phase=Phase.STARTING, since=_now())
        self._thread = threading.Thread(target=self._live, name=f"node {machine.name}", daemon=True)
        self._thread.start()

    @property
    def machine(self) -> Machine:
        """What it should be."""
        return self._machine

    @property
    def state(self) -> State:
        """Where in its life it is."""
        return self._state

    def update(self, machine: Machine) -> None:
        """Take over what changed of a machine that stays the same (a script, a probe)."""
        if machine != self._machine:
            self._machine = machine
            self._wake.set()

    def retry(self) -> None:
        """Try again to provision a machine that failed."""
        if self._state.phase is Phase.FAILED:
            self._again = True
            self._become(Phase.BOOTING)
            self._wake.set()

    def nudge(self) -> None:
        """Something happened to it: look at once."""
        self._wake.set()

    def is_settled(self) -> bool:
        """Whether it is ready as it should be, failed, or gone."""
        if self._state.phase is Phase.READY:
            return self._state.provisioned == _digest(self._machine)
        return self._state.phase in (Phase.FAILED, Phase.GONE, Phase.STOPPED, Phase.ABSENT)

    def wait(self, cancelled: threading.Event, report: Callable[[str], None]) -> State:
        """Return once it is settled, or when *cancelled*; each phase is reported once."""
        told = None
        while not cancelled.is_set():
            with self._changed:
                if self._state.phase != told:
                    told = self._state.phase
                    report(f"{self._machine.name}: {told}")
                if self.is_settled():
                    break
                self._changed.wait(0.5)
        return self._state

    def retire(self, cancelled: threading.Event) -> bool:
        """Drain it and end it; False when that was cancelled and the machine goes on living."""
        machine = self._machine
        if self._state.phase is Phase.READY and machine.notice > 0:
            self._become(Phase.DRAINING)
            self._room.drain(machine, machine.notice / self._room.speed, cancelled)
            if cancelled.is_set():
                # It has left the balancer already: a fresh start brings it back.
                self._room.unplug(machine)
                self._become(Phase.STARTING)
                self._wake.set()
                return False
        self.dismiss()
        return True

    def dismiss(self) -> None:
        """End it at once, with its disk."""
        self.leave()
        self._room.end(self._machine)
        self._become(Phase.GONE)

    def leave(self) -> None:
        """Look after it no longer; the machine itself is not touched."""
        self._over.set()
        self._wake.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _live(self) -> None:
        while not self._over.is_set():
            try:
                self._step()
            except FabricError as error:
                self._due = time.monotonic() + RETRY
                if (self._state.phase, self._state.reason) != (Phase.FAILED, str(error)):
                    self._become(Phase.FAILED, str(error))
            except Exception as error:
                # A mistake of ours in one machine's life must show, and must not end the others'.
                _LOG.exception("node %s", self._machine.name)
                self._become(Phase.FAILED, f"the sandbox itself failed: {error!r}")
            self._wake.wait(self._pause())
            self._wake.clear()

    def _pause(self) -> float:
        probe = self._machine.health
        return probe.interval if probe and self._state.phase is Phase.READY else IDLE

    def _step(self) -> None:
        machine = self._machine
        if self._state.phase is Phase.DRAINING:
            return
        if machine.absent:
            if self._state.phase is not Phase.ABSENT:
                self._become(Phase.ABSENT, machine.absent)
            return
        if self._state.phase is Phase.FAILED and not self._again and not self._is_due():
            return
        self._again, self._due = False, None
        if self._room.is_running(machine):
            self._lived = True
        elif self._lived and self._room.has_powered_off(machine):
            self._stopped()
            return
        else:
            self._boot(machine)
        if self._state.provisioned != _digest(machine):
            self._provision(machine)
        elif self._state.phase is not Phase.READY:
            self._come_back(machine)
        else:
            self._look_alive(machine)
            if machine.health:
                self._look(machine, machine.health)

    def _is_due(self) -> bool:
        return self._due is not None and time.monotonic() >= self._due

    def _boot(self, machine: Machine) -> None:
        restarts = self._state.restarts
        if self._lived and self._state.phase in (Phase.READY, Phase.BOOTING):
            _LOG.warning("node %s died and is started again", machine.name)
            restarts += 1
        if self._state.phase is not Phase.FAILED:
            self._become(Phase.STARTING, restarts=restarts)
        self._room.boot(machine)
        self._lived = True
        self._become(Phase.BOOTING)

    def _come_back(self, machine: Machine) -> None:
        """One that starts again is not provisioned again; its own probe says when it serves."""
        if machine.held is not None:
            self._await_word(machine.held)
            return
        if machine.health is None or self._room.is_well(machine, machine.health):
            self._unwell = 0.0
            self._become(Phase.READY)
            return
        self._unwell += self._pause()
        self._consider_repair(machine)

    def _await_word(self, patience: float) -> None:
        """The machine has its user data, and its group waits for it to say that it is ready."""
        if self._held_since is None:
            self._held_since = time.monotonic()
        if time.monotonic() - self._held_since > patience:
            self._held_since = None
            self._become(
                Phase.FAILED,
                f"it did not say within {patience:.0f} seconds that it is ready (lifecycle hook)",
            )

    def _provision(self, machine: Machine) -> None:
        if self._state.phase is not Phase.BOOTING:
            self._become(Phase.BOOTING)
        ended = self._room.provision(machine, self._over)
        if self._over.is_set():
            return
        if ended.code == 0:
            waits = machine.held is not None or bool(machine.balancers)
            phase = Phase.BOOTING if waits else Phase.READY
            self._become(phase, provisioned=_digest(machine))
            if waits:
                self._wake.set()
        elif machine.container is not None or self._room.is_running(machine):
            self._become(
                Phase.FAILED, ended.output.strip() or f"its script ended with {ended.code}"
            )

    def _look_alive(self, machine: Machine) -> None:
        """A program that is not alive is started again, on its image as it is."""
        probe = machine.container.liveness if machine.container else None
        if probe is None or self._over.is_set():
            return
        if self._room.is_well(machine, probe):
            self._silent = 0.0
            return
        self._silent += self._pause()
        if self._silent >= probe.interval * probe.failures:
            self._silent = 0.0
            _LOG.warning("node %s is not alive and is started again", machine.name)
            self._room.unplug(machine)
            self._wake.set()

    def _look(self, machine: Machine, probe: Probe) -> None:
        well = self._room.is_well(machine, probe)
        if self._over.is_set() or self._state.phase is not Phase.READY:
            return
        if well:
            self._unwell = 0.0
        else:
            self._unwell += self._pause()
        if well or self._unwell >= probe.interval * probe.failures:
            self._health(well)
        self._consider_repair(machine)

    def _stopped(self) -> None:
        if self._state.phase is not Phase.STOPPED:
            self._become(Phase.STOPPED, "it powered itself off")
        self._unwell += self._pause()
        self._consider_repair(self._machine)

    def _consider_repair(self, machine: Machine) -> None:
        if machine.repair is not None and self._unwell > machine.repair / self._room.speed:
            self._unwell = 0.0
            _LOG.warning("node %s is unwell for too long and is replaced", machine.name)
            self._room.repair(machine)

    def _health(self, well: bool) -> None:
        if self._state.healthy is not well:
            with self._changed:
                self._state = replace(self._state, healthy=well)
            self._room.remember(self)

    def _become(
        self,
        phase: Phase,
        reason: str = "",
        *,
        restarts: int | None = None,
        provisioned: str | None = None,
    ) -> None:
        with self._changed:
            state = self._state
            self._state = State(
                phase=phase,
                reason=reason,
                since=_now(),
                restarts=state.restarts if restarts is None else restarts,
                provisioned=provisioned or state.provisioned,
            )
            self._changed.notify_all()
        self._room.remember(self)


def described(node: Node) -> Mapping[str, object]:
    """The node for a file that other programs read."""
    machine, state = node.machine, node.state
    return {
        "id": machine.id,
        "incarnation": machine.incarnation,
        "group": machine.group,
        "name": machine.name,
        "hostname": machine.hostname,
        "address": str(machine.address),
        "phase": str(state.phase),
        "reason": state.reason,
        "since": state.since,
        "restarts": state.restarts,
        "healthy": state.healthy,
        "provisioned": state.provisioned,
    }


def restored(found: Mapping[str, object]) -> State | None:
    """The state that `described` wrote, or None when it is not readable."""
    try:
        phase = Phase(str(found["phase"]))
        count, digest = found.get("restarts", 0), found.get("provisioned")
        return State(
            phase=phase,
            reason=str(found.get("reason", "")),
            since=str(found.get("since", "")),
            restarts=count if isinstance(count, int) else 0,
            provisioned=digest if isinstance(digest, str) else None,
        )
    except (KeyError, ValueError):
        return None


def _digest(machine: Machine) -> str:
    return hashlib.sha256((machine.script or "").encode()).hexdigest()[:16]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
