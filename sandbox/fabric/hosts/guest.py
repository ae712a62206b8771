"""A guest: a program, or a whole systemd, that runs on a disk of its own over shared images.

The disk is an overlay whose upper folder is in the guest's own folder. Everything that runs is
below one launcher process (`launch.sh`) and ends with it: its mounts are in its own mount
namespace, and its processes in one control group and one pid namespace. Guests outlive the process
that started them; `Guest.recover` finds them again.
"""

import itertools
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.fabric.contract import FabricError
from sandbox.fabric.hosts import processes
from sandbox.fabric.hosts.commands import (
    INTERRUPTED,
    TIMED_OUT,
    Command,
    Finished,
    entering,
)
from sandbox.fabric.hosts.control_groups import ControlGroup, Usage
from sandbox.fabric.hosts.leader import REST, await_first, command_of, end_strays
from sandbox.fabric.hosts.plan import INSIDE, SUPERVISOR, Plan, check, command_line
from sandbox.fabric.hosts.processes import Process
from sandbox.fabric.hosts.state import State, exit_code, read

_LOG = logging.getLogger(__name__)

_CONSOLE = 4_000_000
"""Bytes of console.log after which it begins anew with the guest's next start."""
_POWER_OFF = signal.SIGRTMIN + 4
"""What systemd as process 1 takes for `poweroff` (systemd(1), "Signals")."""
_REMAINS, _COMMAND = "commands", "command-"
"""Control groups below a guest's own: of what commands left behind, of one command each."""

_numbers = itertools.count(1)


class Guest:
    """The guest of one folder. Its methods may be called from many threads."""

    def __init__(self, folder: Path, ended: Callable[[], None] | None = None) -> None:
        """*ended* is called in a thread of its own whenever the guest has ended."""
        self.folder = folder
        self.upper = folder / "upper"
        self.console = folder / "console.log"
        self._file = folder / "host.json"
        self._tell = ended
        self._lock = threading.RLock()
        """Held while its life begins or ends."""
        self._noting = threading.Lock()
        self._state: State | None = read(folder)
        self._over = threading.Event()
        self._over.set()

    # What is known of it.

    @property
    def state(self) -> State | None:
        """What is known of it; None before its first start."""
        return self._state

    @property
    def running(self) -> bool:
        """Whether its processes are there; also while it starts."""
        return not self._over.is_set()

    @property
    def ended(self) -> int | None:
        """Exit code, once it has ended by itself (0: powered off); None: it runs or was killed."""
        state = self._state
        return None if state is None or self.running else state.code

    @property
    def leader(self) -> Process | None:
        """Its first process: systemd, or the stub above its command."""
        state = self._state
        if state is None or not self.running:
            return None
        first = state.first
        if first is not None and first.pid != state.leader:
            with suppress(FabricError):  # a full disk: the next one looks for it again
                self._note(of=state.pid, leader=first.pid, leader_started=first.started)
        return first

    def usage(self) -> Usage:
        """What it uses of this machine."""
        state = self._state
        if state is None or not self.running:
            return Usage(memory=None, cpu_seconds=None)
        return ControlGroup(state.name).usage()

    # Its life.

    def start(self, plan: Plan) -> None:
        """Start it on its disk, empty at first; returns once its first process runs.

        Does nothing when it runs. Raises FabricError.
        """
        with self._lock:
            if self.running:
                return
            check(plan, self.folder)
            self._prepare()
            group = ControlGroup(plan.name)
            group.remove()
            begun = datetime.now(UTC).isoformat(timespec="milliseconds")
            with self._noting:
                self._write(
                    State(
                        name=plan.name,
                        namespace=plan.namespace,
                        phase="starting",
                        boot=processes.boot(),
                        since=begun.replace("+00:00", "Z"),
                        boots_systemd=not plan.command,
                        facts=plan.facts,
                    )
                )
            unlimited = group.create(
                plan.memory, plan.vcpus, (SUPERVISOR, INSIDE, _REMAINS), plan.cpus
            )
            try:
                self._launch(plan, group, tuple(unlimited))
            except BaseException:
                group.remove()
                raise

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.upper.mkdir(exist_ok=True, mode=0o755)
            self.upper.chmod(0o755)  # it is the guest's own / and the umask may be tighter
            # What overlayfs left there is of no use, and its check for reuse would trip over it.
            shutil.rmtree(self.folder / "work", ignore_errors=True)
            (self.folder / "work").mkdir(mode=0o700)
            if self.console.exists() and self.console.stat().st_size > _CONSOLE:
                self.console.unlink()
        except OSError as error:
            raise FabricError(
                f"{self.folder} can't be prepared for a host: {error.strerror}; make room, or "
                "make it writable"
            ) from error

    def _launch(self, plan: Plan, group: ControlGroup, unlimited: tuple[str, ...]) -> None:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notes:
            address = f"op-{uuid.uuid4().hex}"
            notes.bind(f"\0{address}")  # a name that is no file
            log = os.open(self.console, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            before = os.fstat(log).st_size
            try:
                process = subprocess.Popen(
                    command_line(plan, group, self.folder),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env={
                        "PATH": os.defpath + ":/usr/sbin:/sbin",
                        "LANG": "C.UTF-8",
                        "NOTIFY_SOCKET": f"@{address}",
                    },
                    start_new_session=True,
                )
            finally:
                os.close(log)
            launcher = Process.of(process.pid)
            if launcher is None:
                process.wait()
                raise self._failure(plan, before)
            try:
                try:
                    self._note(
                        phase="running",
                        pid=launcher.pid,
                        started=launcher.started,
                        unlimited=unlimited,
                    )
                finally:
                    self._watch(launcher, process)
                first = await_first(notes, launcher, boots_systemd=not plan.command)
                if first is not None:
                    self._note(leader=first.pid, leader_started=first.started)
            except BaseException:
                self._kill(group)
                raise
            if first is None:
                self._kill(group)
                raise self._failure(plan, before)

    def _failure(self, plan: Plan, before: int) -> FabricError:
        said = _end(self.console, before)
        return FabricError(
            f"host {plan.hostname or plan.name} did not start; the end of {self.console} says:\n"
            f"{said or '(nothing)'}"
        )

    def _watch(self, launcher: Process, process: subprocess.Popen[bytes] | None) -> None:
        self._over.clear()
        threading.Thread(
            target=self._await_end,
            args=(launcher, process),
            name=f"end of {self.folder.name}",
            daemon=True,
        ).start()

    def _await_end(self, launcher: Process, process: subprocess.Popen[bytes] | None) -> None:
        launcher.wait()
        if process is not None:
            process.wait()
        state = self._state
        if state is not None:
            if not ControlGroup(state.name).remove():
                _LOG.warning("control group %s can't be removed: a process in it hangs", state.name)
            code = None if state.phase == "stopping" else exit_code(self.folder)
            with suppress(FabricError):  # a full disk: `recover` finds out the same
                self._note(phase="ended", code=code, pid=0, leader=0)
        self._over.set()
        if self._tell is not None:
            self._tell()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended, *seconds* from now at the latest (None: however long)."""
        return self._over.wait(seconds)

    def signal(self, number: int) -> bool:
        """Send a signal to its command (or its systemd); False when it does not run."""
        leader = self.leader
        if leader is None:
            return False
        state = self._state
        if state is not None and not state.boots_systemd:
            leader = command_of(leader) or leader
        return leader.signal(number)

    def stop(self, grace: float, number: int | None = None) -> None:
        """End it: with a signal first, and after *grace* seconds by force. The disk stays.

        The signal is *number*; None asks systemd to power off, and a command to end (SIGTERM).
        *grace* 0 pulls the plug. Raises FabricError when a process of it can't be killed.
        """
        with self._lock:
            state = self._state
            if state is None or not self.running:
                return
            with suppress(FabricError):  # a full disk must not keep anything running
                self._note(phase="stopping")
        group = ControlGroup(state.name)
        if grace > 0:
            gentle = _POWER_OFF if state.boots_systemd else signal.SIGTERM
            if self.signal(gentle if number is None else number) and self._over.wait(grace):
                return
        self._kill(group)

    def _kill(self, group: ControlGroup) -> None:
        state = self._state
        if state is not None and (launcher := state.launcher) is not None:
            launcher.signal(signal.SIGKILL)
        group.kill()
        if not self._over.wait(REST):
            raise FabricError(
                f"host {group.name} can't be stopped: a process of it hangs in the kernel; see "
                f"{self.console}, and restart this machine if it stays"
            )

    def remove(self, grace: float = 0) -> None:
        """Stop it and throw its folder away, with the disk. Raises FabricError."""
        self.stop(grace)
        with self._lock:
            if self._state is not None:
                ControlGroup(self._state.name).remove()
            try:
                if self.folder.exists():
                    shutil.rmtree(self.folder)
            except OSError as error:
                raise FabricError(
                    f"{self.folder} can't be removed: {error.strerror} ({error.filename}); remove "
                    "it by hand"
                ) from error
            self._state = None

    def recover(self) -> bool:
        """After a start of this program: adopt the guest when it runs, else clean up after it."""
        with self._lock:
            if self.running:
                return True
            self._state = state = read(self.folder)
            if state is None:
                end_strays(self.folder)
                return False
            launcher = state.launcher
            end_strays(self.folder, launcher)
            group = ControlGroup(state.name)
            if launcher is None or state.phase == "starting":
                group.remove()
                with suppress(FabricError):  # a full disk: the next one finds out the same
                    self._note(phase="ended", pid=0, leader=0)
                return False
            self._watch(launcher, None)
            for leaf in group.leaves(_COMMAND):
                # Commands that the process before this one waited for; nobody does any more.
                group.kill(leaf)
                group.dissolve(leaf, _REMAINS)
            if self.leader is None or state.phase == "stopping":
                self._kill(group)
                return False
            return True

    # Commands inside.

    def enter(
        self, argv: Sequence[str], *, user: str = "root", terminal: str | None = None
    ) -> list[str]:
        """The command line that runs *argv* inside; its exit code is that of *argv*.

        Raises FabricError when the guest does not run.
        """
        leader = self.leader
        if leader is None:
            raise FabricError(f"{self._state.name if self._state else self.folder} does not run")
        return entering(leader, argv, user=user, terminal=terminal)

    def run(
        self,
        argv: Sequence[str],
        timeout: float,
        cancelled: threading.Event | None = None,
        *,
        user: str = "root",
        text: str | None = None,
    ) -> Finished:
        """Run a command inside, with *text* as its input; also before systemd is up.

        After *timeout* seconds, or when *cancelled*, it is killed with all that it has started.
        Raises FabricError when the guest does not run.
        """
        line = self.enter(argv, user=user)
        state = self._state
        group = ControlGroup(state.name if state else "")
        leaf = f"{_COMMAND}{os.getpid()}-{next(_numbers)}"
        with suppress(OSError):  # without control groups it runs all the same
            group.leaf(leaf)
        command = Command(line, group.doors(leaf), text)
        try:
            code = command.wait(timeout, cancelled)
            if code is not None:
                return Finished(code, command.output())
            group.kill(leaf)
            command.reap()
            if cancelled is not None and cancelled.is_set():
                return Finished(INTERRUPTED, command.output())
            said = f"(it took more than {timeout:.0f} seconds and was ended)"
            return Finished(TIMED_OUT, f"{command.output()}\n{said}".lstrip())
        finally:
            group.dissolve(leaf, _REMAINS)

    # Its file.

    def _note(self, of: int | None = None, **changes: Any) -> None:
        """Change what is known of it; *of*: only when that is its launcher still."""
        with self._noting:
            if self._state is not None and of in (None, self._state.pid):
                self._write(replace(self._state, **changes))

    def _write(self, state: State) -> None:
        """Take *state* for true, and write it at once: a reader finds the old one or the new."""
        self._state = state
        draft = self._file.with_suffix(".new")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                json.dump(asdict(state), stream, indent=1)
            draft.replace(self._file)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise FabricError(
                f"{self._file} can't be written: {error.strerror}; make room on that disk"
            ) from error


def _end(file: Path, start: int, lines: int = 20) -> str:
    """The last lines of what came into *file* after its byte *start*."""
    with suppress(OSError):
        said = file.read_bytes()[start:].decode(errors="replace")
        return "\n".join(said.splitlines()[-lines:])
    return ""
