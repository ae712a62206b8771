"""The first process of a guest: how it is found, and when it may be entered."""

import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox.fabric.contract import FabricError
from sandbox.fabric.hosts import processes
from sandbox.fabric.hosts.control_groups import ControlGroup
from sandbox.fabric.hosts.plan import LAUNCHER
from sandbox.fabric.hosts.processes import Process

REST = 10.0
"""Seconds that a killed guest may take to be gone."""
_PATIENCE = 30.0
"""Seconds that systemd-nspawn may take until the guest's first process runs."""
_MOMENT = 0.002
_NAME = "--machine="
"""Before a guest's name, among its launcher's arguments."""
_STUB = "(sd-stubinit)"
"""Name of systemd-nspawn's own process above the command (--as-pid2), when all is set up."""


def await_first(notes: socket.socket, launcher: Process, *, boots_systemd: bool) -> Process | None:
    """The guest's first process, once it may be entered; None when there won't be one."""
    deadline = time.monotonic() + _PATIENCE
    first: Process | None = None
    watched = os.pidfd_open(launcher.pid)
    try:
        waiting = select.poll()
        waiting.register(notes, select.POLLIN)
        waiting.register(watched, select.POLLIN)
        while first is None and (left := deadline - time.monotonic()) > 0:
            ready = {descriptor for descriptor, _ in waiting.poll(left * 1000)}
            if notes.fileno() not in ready:
                return None
            first = _told(notes.recv(4096).decode())
        while first is not None and first.alive and time.monotonic() < deadline:
            if _is_ready(first, boots_systemd=boots_systemd):
                return first
            time.sleep(_MOMENT)  # the kernel tells nobody of an exec
    finally:
        os.close(watched)
    return None


def _told(message: str) -> Process | None:
    """The leader that systemd-nspawn tells of (sd_notify(3))."""
    for line in message.splitlines():
        name, _, value = line.partition("=")
        if name == "X_NSPAWN_LEADER_PID":
            return Process.of(int(value))
    return None


def first_below(launcher: Process, *, boots_systemd: bool) -> Process | None:
    """The guest's first process, found below its launcher; None while it may not be entered."""
    for nspawn in launcher.children():
        for child in nspawn.children():
            if child.inner_pid == 1 and _is_ready(child, boots_systemd=boots_systemd):
                return child
    return None


def _is_ready(first: Process, *, boots_systemd: bool) -> bool:
    """Whether systemd-nspawn has set up everything: the guest's own program is what runs."""
    payload = first if boots_systemd else command_of(first)
    return payload is not None and Path(payload.program).name not in ("", "systemd-nspawn")


def command_of(stub: Process) -> Process | None:
    """What the stub runs, once it does: its first child, before any that was left to it later."""
    if stub.name != _STUB:
        return None
    return min(stub.children(), key=lambda child: (child.started, child.pid), default=None)


def launchers() -> Iterator[tuple[Process, Path]]:
    """All launchers on this machine, and the folders of their guests."""
    for pid in processes.pids():
        line = processes.arguments(pid)
        if str(LAUNCHER) in line[:-1] and (launcher := Process.of(pid)) is not None:
            yield launcher, Path(line[line.index(str(LAUNCHER)) + 1])


def end_all_below(folder: Path) -> int:
    """Kill every guest whose folder is below *folder*, or was: it may be gone. Returns how many.

    Raises FabricError when one can't be killed.
    """
    doomed = [(one, place) for one, place in launchers() if place.is_relative_to(folder)]
    for launcher, place in doomed:
        names = [each for each in processes.arguments(launcher.pid) if each.startswith(_NAME)]
        launcher.signal(signal.SIGKILL)
        launcher.wait(REST)
        if names and not ControlGroup(names[0].removeprefix(_NAME)).remove():
            raise FabricError(
                f"the guest of {place} can't be stopped: a process of it hangs in the kernel; "
                "restart this machine if it stays"
            )
    return len(doomed)


def end_strays(folder: Path, known: Process | None = None) -> None:
    """Kill launchers of *folder* that no file tells of: their starter was killed meanwhile."""
    for launcher, place in list(launchers()):
        if place == folder and launcher != known and not _is_child(launcher, known):
            launcher.signal(signal.SIGKILL)
            launcher.wait(REST)


def _is_child(process: Process, parent: Process | None) -> bool:
    return parent is not None and any(child == process for child in parent.children())
