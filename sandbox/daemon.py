"""How the one process that serves every package is found, started and stopped.

The lock file decides who is the daemon: it is held as long as the process lives, so a second start
finds it held, and a daemon that was killed leaves it free. The state file only tells ports and pid.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from sandbox.home import PROJECT, Home, Running

_PATIENCE = 60.0
"""Seconds that a daemon may take to start or to stop; powering nodes off takes most of them."""
_MOMENT = 0.02
"""Seconds between looks at a process."""
_ROOM = 1 << 20
"""Bytes that must be free for a start."""


class DaemonError(Exception):
    """The daemon can't be started or stopped; says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a person wants the sandbox to run."""

    ports: Mapping[str, int] = field(default_factory=dict)
    """Fixed ports by package; the others get any free one."""
    nodes: bool = True
    """False: the control plane alone."""
    client: str = ""
    """Address of the user's machine, as environments see it; "": the default."""
    speed: float = 1.0
    """Divides the platform's timers."""
    image: str = ""
    """The sandbox's image for Debian 12 machines; "": the default."""

    def arguments(self) -> list[str]:
        """The options of `scripts/sandbox start` that say the same."""
        return [
            *(f"--port={name}={port}" for name, port in self.ports.items()),
            *([] if self.nodes else ["--no-nodes"]),
            *([f"--client-address={self.client}"] if self.client else []),
            *([f"--speed={self.speed}"] if self.speed != 1 else []),
            *([f"--image={self.image}"] if self.image else []),
        ]


def holder(home: Home) -> int | None:
    """The pid of the daemon, from the lock that it holds; None when nobody holds it."""
    try:
        with home.lock.open("r") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = home.lock.read_text()
        return int(text) if text.isdecimal() else None
    except OSError:
        pass
    return None


def already(home: Home) -> str:
    """What to say to who starts a second one."""
    which = f" (pid {pid})" if (pid := holder(home)) else ""
    return f"the sandbox in {home.root} is running already{which}; scripts/sandbox stop ends it"


def started(pid: int) -> float:
    """When a process began, in seconds since 1970."""
    return psutil.Process(pid).create_time()


def fingerprint() -> str:
    """Changes when the sandbox's own code does: a daemon goes on running what it started with."""
    files = sorted((PROJECT / "sandbox").rglob("*.py"))
    text = "".join(f"{file}:{file.stat().st_mtime_ns}:{file.stat().st_size}\n" for file in files)
    return hashlib.sha256(text.encode()).hexdigest()


def find(home: Home) -> Running | None:
    """The running daemon, or None: a state file of a dead one counts for nothing."""
    found = home.announced()
    if found is None:
        return None
    try:
        process = psutil.Process(found.pid)
        same = abs(process.create_time() - found.started) < 1
        return found if same and not _has_ended(process) else None
    except psutil.Error:
        return None


def _has_ended(process: psutil.Process) -> bool:
    """Whether it is gone, or only its parent has yet to take note: it holds nothing any more.

    The daemon's parent is the machine's first process, which in containers takes seconds for that.
    """
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def start(home: Home, wanted: Wanted) -> Running:
    """The running daemon, or one that is started in the background.

    One that runs other code than this is stopped first; nothing is lost, the state is on disk.
    Raises DaemonError with the end of its log, or when a running one has other ports.
    """
    if found := find(home):
        if found.code != fingerprint():
            stop(home)
        elif wanted.ports.items() <= found.ports.items():
            return found
        else:
            raise DaemonError(already(home))
    home.prepare()
    _require_room(home)
    command = [sys.executable, "-m", "sandbox", "start", "--foreground", *wanted.arguments()]
    environment = {**os.environ, "OPERATIONALIZATION_SANDBOX_HOME": str(home.root)}
    with home.log.open("a") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if (found := find(home)) and found.pid == process.pid:
            return found
        if process.poll() is not None:
            if not wanted.ports and (found := find(home)):
                return found  # another start was faster
            break
        time.sleep(_MOMENT)
    else:
        process.kill()
        process.wait()
    raise DaemonError(
        f"the sandbox did not start; the end of {home.log} says:\n{_end_of_log(home)}"
    )


def _require_room(home: Home) -> None:
    """The daemon would say so too, but into a log on the same disk, which may keep half of it."""
    free = shutil.disk_usage(home.root).free
    if free < _ROOM:
        raise DaemonError(
            f"the sandbox's state {home.state} can't be used: only {free // 1024} KB are free; "
            "make room on that disk, and start again"
        )


def _end_of_log(home: Home) -> str:
    lines = home.log.read_text(errors="replace").splitlines()[-10:]
    return "\n".join(f"  {line}" for line in lines)


def stop(home: Home) -> bool:
    """Stop the daemon and all that it runs, and wait until it is gone.

    Returns whether something ran: what a killed daemon left behind counts. Raises DaemonError.
    """
    pid = holder(home)
    if pid is None:
        # Only here: it brings the whole sandbox along, which the other commands need not wait for.
        from sandbox import machine_room  # noqa: PLC0415

        home.running.unlink(missing_ok=True)
        return machine_room.clean(home)
    try:
        process = psutil.Process(pid)
        process.terminate()
        deadline = time.monotonic() + _PATIENCE
        while not _has_ended(process):
            if time.monotonic() > deadline:
                raise DaemonError(
                    f"the sandbox (pid {pid}) did not stop within {_PATIENCE:.0f} seconds; "
                    f"see {home.log}, and end it with: kill -9 {pid}"
                )
            time.sleep(_MOMENT)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise DaemonError(
            f"the sandbox (pid {pid}) belongs to another user; stop it as that user"
        ) from error
    return True
