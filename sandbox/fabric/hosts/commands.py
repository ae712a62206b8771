"""Runs commands inside a guest, and gives their end and the end of what they said."""

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from sandbox.fabric.hosts.processes import Process

OUTPUT = 64 * 1024
"""Bytes of a command's output that are kept: its end."""
TIMED_OUT = 124
"""Exit code of a command that took too long (that of timeout(1))."""
INTERRUPTED = 130
"""Exit code of a command that nobody waits for any more (that of a shell after Ctrl-C)."""

_TICK = 0.1
"""Seconds in which a cancellation is noticed."""
_REMAINDER = 0.5
"""Seconds that output may arrive after the command's end: another process may hold it open."""

_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
)

_DOORS = 'while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@"'
"""Shell: enter the control groups given before `--`, then become what is after it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    code: int
    output: str
    """The end of what it wrote to both outputs."""


def entering(
    leader: Process, argv: Sequence[str], *, user: str = "root", terminal: str | None = None
) -> list[str]:
    """The command line that runs *argv* inside, with a clean environment.

    It may do there what the guest's own root may (its capabilities), and its exit code is that of
    the command. *terminal*: value of TERM.
    """
    allowed = ",".join(["-all", *(f"+cap_{number}" for number in sorted(leader.capabilities))])
    home = "/root" if user == "root" else "/"
    return [
        *("setpriv", f"--bounding-set={allowed}"),
        *("nsenter", f"--target={leader.pid}"),
        *("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"),
        *("env", "-i", *_ENVIRONMENT, f"HOME={home}", f"USER={user}", f"LOGNAME={user}"),
        *([f"TERM={terminal}"] if terminal else []),
        *(["runuser", "-u", user, "--"] if user != "root" else []),
        *argv,
    ]


class Command:
    """One command under way."""

    def __init__(self, argv: Sequence[str], doors: Sequence[str], text: str | None) -> None:
        """Start it in the control groups behind *doors*, with *text* as its input."""
        self._output = bytearray()
        self._process = subprocess.Popen(
            ["sh", "-c", _DOORS, "enter", *doors, "--", *argv],
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 (for the type checker: PIPE was asked for)
        self._reader = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._reader.start()
        if text is not None:
            threading.Thread(target=self._write, args=(text,), daemon=True).start()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while part := pipe.read1(OUTPUT):  # type: ignore[attr-defined]  # it is a BufferedReader
                self._output += part
                del self._output[:-OUTPUT]

    def _write(self, text: str) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 (for the type checker)
        try:
            with pipe:
                pipe.write(text.encode())
        except BrokenPipeError:
            return  # it did not want all of it, which is its own matter

    def wait(self, timeout: float, cancelled: threading.Event | None) -> int | None:
        """Its exit code (128 and the number of the signal that ended it, as shells have it).

        None when *timeout* seconds were over, or it was *cancelled*, before that.
        """
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            if cancelled is not None and cancelled.is_set():
                return None
            try:
                code = self._process.wait(left if cancelled is None else min(left, _TICK))
            except subprocess.TimeoutExpired:
                continue
            return code if code >= 0 else 128 - code
        return None

    def reap(self) -> None:
        """Take note of the end of one that was killed."""
        self._process.kill()
        self._process.wait()

    def output(self) -> str:
        """The end of what it has written until now."""
        self._reader.join(_REMAINDER)
        return bytes(self._output).decode(errors="replace")
