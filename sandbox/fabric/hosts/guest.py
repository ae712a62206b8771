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
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, fields, replace
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
from sandbox.fabric.hosts.processes import Process

_LOG = logging.getLogger(__name__)

LAUNCHER = Path(__file__).with_name("launch.sh")
_NAMESPACES = Path("/run/netns")
ROOM = 1_000_000_000
"""Bytes that must be free for a guest to start."""
_PATIENCE = 30.0
"""Seconds that systemd-nspawn may take until the guest's first process runs."""
_REST = 10.0
"""Seconds that a killed guest may take to be gone."""
_MOMENT = 0.002
_STUB = "(sd-stubinit)"
"""Name of systemd-nspawn's own process above the command (--as-pid2), when all is set up."""
_CONSOLE = 4_000_000
"""Bytes of console.log after which it begins anew with the guest's next start."""
_POWER_OFF = signal.SIGRTMIN + 4
"""What systemd as process 1 takes for `poweroff` (systemd(1), "Signals")."""
_SUPERVISOR, _INSIDE, _REMAINS, _COMMAND = "launcher", "guest", "commands", "command-"
"""Names of the control groups below a guest's own; only the lowest ones have processes."""

_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What runs, on what, and how much of the machine it may use."""

    name: str
    """Unique on this machine: letters of a host name, at most 60."""
    layers: tuple[Path, ...]
    """Of the image, topmost first; nothing ever writes to them."""
    namespace: str
    """Name of its network namespace, which must exist."""
    hostname: str = ""
    """"" takes *name*."""
    uuid: str = ""
    """Its machine id; "" makes one up."""
    memory: int | None = None
    """Megabytes; None: no limit."""
    vcpus: int | None = None
    cpus: tuple[int, ...] = ()
    """Processors of this machine that it may use; none: any."""
    command: tuple[str, ...] = ()
    """What runs, as process 2; none: systemd boots."""
    user: str = "root"
    """Who runs *command*."""
    binds: Mapping[Path, str] = field(default_factory=dict)
    """Folders or files of this machine -> where the guest has them, to read and write."""
    read_only: Mapping[Path, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What `host.json` tells besides, as JSON; no secrets."""


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
        return _first(launcher, boots_systemd=self.boots_systemd)


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
        return replace(state, phase="ended", code=_exit_code(folder), pid=0, leader=0)
    return state


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
            _check(plan, self.folder)
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
                plan.memory, plan.vcpus, (_SUPERVISOR, _INSIDE, _REMAINS), plan.cpus
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
                    _command_line(plan, group, self.folder),
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
                first = _await_first(notes, launcher, boots_systemd=not plan.command)
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
            code = None if state.phase == "stopping" else _exit_code(self.folder)
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
            leader = _command(leader) or leader
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
        if not self._over.wait(_REST):
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


def _exit_code(folder: Path) -> int | None:
    """What the launcher wrote at its end; None when it was killed."""
    try:
        return int((folder / "ended").read_text())
    except (OSError, ValueError):
        return None


def launchers() -> Iterator[tuple[Process, Path]]:
    """All launchers on this machine, and the folders of their guests."""
    for pid in processes.pids():
        line = processes.arguments(pid)
        if str(LAUNCHER) in line[:-1] and (launcher := Process.of(pid)) is not None:
            yield launcher, Path(line[line.index(str(LAUNCHER)) + 1])


def end_strays(folder: Path, known: Process | None = None) -> None:
    """Kill launchers of *folder* that no file tells of: their starter was killed meanwhile."""
    for launcher, place in list(launchers()):
        if place == folder and launcher != known and not _is_child(launcher, known):
            launcher.signal(signal.SIGKILL)
            launcher.wait(_REST)


def _is_child(process: Process, parent: Process | None) -> bool:
    return parent is not None and any(child == process for child in parent.children())


def _check(plan: Plan, folder: Path) -> None:
    if shutil.which("systemd-nspawn") is None:
        raise FabricError(
            "systemd-nspawn is missing: hosts can't boot; install Debian's package "
            "systemd-container (scripts/setup does)"
        )
    for path in (folder, *plan.layers):
        if set(str(path)) & set(':,\\"'):
            raise FabricError(
                f"{path} can't hold a host's disk: its path has one of the characters "
                '`:`, `,`, `\\`, `"`; choose another folder'
            )
    if not _is_namespace(_NAMESPACES / plan.namespace):
        raise FabricError(f"network namespace {plan.namespace} of {plan.name} does not exist")
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if (free := shutil.disk_usage(there).free) < ROOM:
        raise FabricError(
            f"host {plan.hostname or plan.name} can't start: {there} has only {free >> 20} MB "
            f"free, and a host needs {ROOM // 1_000_000} MB; make room on that disk"
        )


def _is_namespace(file: Path) -> bool:
    """Whether a namespace is mounted there: `ip netns` may leave an empty file behind."""
    try:
        return file.stat().st_dev != file.parent.stat().st_dev
    except OSError:
        return False


def _command_line(plan: Plan, group: ControlGroup, folder: Path) -> list[str]:
    layers = ":".join(map(str, plan.layers))
    options = [
        *(each for door in group.doors(_SUPERVISOR) for each in ("--group", door)),
        *(each for door in group.doors(_INSIDE) for each in ("--guest-group", door)),
    ]
    for kind, binds in (("--bind", plan.binds), ("--bind-ro", plan.read_only)):
        for source, target in binds.items():
            options += [kind, str(source), target]
    return [
        *("unshare", "--mount", "--propagation", "slave", "--"),
        *(str(LAUNCHER), str(folder), layers, *options, "--"),
        f"--machine={plan.name}",
        f"--hostname={plan.hostname or plan.name}",
        *([f"--uuid={plan.uuid}"] if plan.uuid else []),
        f"--network-namespace-path={_NAMESPACES / plan.namespace}",
        *("--register=no", "--keep-unit", "--settings=no", "--capability=CAP_NET_ADMIN"),
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
        *(f"--setenv={name}={value}" for name, value in plan.environment.items()),
        *_payload(plan),
    ]


def _payload(plan: Plan) -> list[str]:
    if not plan.command:
        return ["--console=read-only", "--boot"]
    return ["--console=pipe", "--as-pid2", f"--user={plan.user}", "--", *plan.command]


def _await_first(notes: socket.socket, launcher: Process, *, boots_systemd: bool) -> Process | None:
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


def _first(launcher: Process, *, boots_systemd: bool) -> Process | None:
    """The guest's first process, found below its launcher; None while it may not be entered."""
    for nspawn in launcher.children():
        for child in nspawn.children():
            if child.inner_pid == 1 and _is_ready(child, boots_systemd=boots_systemd):
                return child
    return None


def _is_ready(first: Process, *, boots_systemd: bool) -> bool:
    """Whether systemd-nspawn has set up everything: the guest's own program is what runs."""
    payload = first if boots_systemd else _command(first)
    return payload is not None and Path(payload.program).name not in ("", "systemd-nspawn")


def _command(stub: Process) -> Process | None:
    """What the stub runs, once it does: its first child, before any that was left to it later."""
    if stub.name != _STUB:
        return None
    return min(stub.children(), key=lambda child: (child.started, child.pid), default=None)


def _end(file: Path, start: int, lines: int = 20) -> str:
    """The last lines of what came into *file* after its byte *start*."""
    with suppress(OSError):
        said = file.read_bytes()[start:].decode(errors="replace")
        return "\n".join(said.splitlines()[-lines:])
    return ""
