"""The real internet for the sandbox's virtual networks: one slirp4netns.

It needs no rule in the root namespace: it opens each connection as this machine's own. It outlives
the daemon, so that downloads go on, and is found again by what it was started with.
Sources: slirp4netns(1).
"""

import logging
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

from sandbox.fabric.contract import FabricError
from sandbox.fabric.network import namespaces
from sandbox.fabric.network.internet import TAP

_LOG = logging.getLogger(__name__)

_PATIENCE = 10.0
"""Seconds for it to become ready."""


class Egress:
    """The way out of one `internet` namespace."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._looked = False
        self._handle: int | None = None
        """The process (pidfd): a number alone may be another process later."""
        self._errors: int | None = None
        """What the one that this object started writes to its standard error."""

    def settle(self, wanted: bool) -> None:
        """Have it or not. Raises FabricError when it does not start."""
        if not self._looked:
            self._adopt()
            self._looked = True
        if self._handle is not None and _has_ended(self._handle):
            _LOG.warning("slirp4netns of %s ended and is started again", self._namespace)
            self.clear()
        if wanted and self._handle is None:
            self._start()
        elif not wanted and self._handle is not None:
            self.clear()

    def clear(self) -> None:
        """End it, whoever started it."""
        for handle in _hold(self._namespace):
            _kill(handle)
        self._forget()

    def _forget(self) -> None:
        if self._handle is not None:
            _reap(self._handle)
            os.close(self._handle)
            self._handle = None
        if self._errors is not None:
            os.close(self._errors)
            self._errors = None

    def _adopt(self) -> None:
        # One whose namespace was removed and made anew has no interface here.
        useful = TAP in namespaces.interfaces(self._namespace)
        for handle in _hold(self._namespace):
            if useful and self._handle is None:
                self._handle = handle
            else:
                _kill(handle)

    def _start(self) -> None:
        # A file outlives this process, as slirp4netns does; a pipe would end it at its next line.
        self._errors = os.memfd_create("slirp4netns")
        ready, done = os.pipe()
        try:
            try:
                self._handle = os.pidfd_open(self._run(done))
            finally:
                os.close(done)
            readable, _, _ = select.select([ready], [], [], _PATIENCE)
            well = bool(readable) and os.read(ready, 1) == b"1"
        except FileNotFoundError as error:
            raise FabricError(
                "slirp4netns is not installed, which is the machines' way to the internet: run "
                "scripts/setup"
            ) from error
        finally:
            os.close(ready)
        if not well:
            reason = self._said() or f"no answer within {_PATIENCE:.0f} seconds"
            self.clear()
            raise FabricError(
                f"machines have no way to the internet: slirp4netns did not start: {reason}"
            )

    def _run(self, done: int) -> int:
        # Never with --enable-sandbox: in /run/netns, which `ip netns` shares between all mount
        # namespaces, it unmounts every network namespace of the whole machine (1.2.0).
        words = [
            "slirp4netns",
            "--configure",
            "--mtu=1500",
            "--disable-host-loopback",
            "--disable-dns",
            "--ready-fd=3",
            "--netns-type=path",
            str(namespaces.path(self._namespace)),
            TAP,
        ]
        # No subprocess.Popen, which is for processes that end before this one does.
        return os.posix_spawnp(
            words[0],
            words,
            os.environ,
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, self._errors, 2),
                (os.POSIX_SPAWN_DUP2, done, 3),
            ],
        )

    def _said(self) -> str:
        if self._errors is None:
            return ""
        size = os.fstat(self._errors).st_size
        return os.pread(self._errors, 500, max(0, size - 500)).decode(errors="replace").strip()


def _has_ended(handle: int) -> bool:
    # Readable once the process has ended (pidfd_open(2)).
    return bool(select.select([handle], [], [], 0)[0])


def _reap(handle: int) -> None:
    """Take an ended child's exit status, so that it is no zombie; adopted ones have no parent."""
    try:
        os.waitid(os.P_PIDFD, handle, os.WEXITED)
    except ChildProcessError:
        return


def _kill(handle: int) -> None:
    """End a process, wait until it has ended, and close the handle."""
    try:
        # It has no state to save, and SIGTERM could be ignored by a stopped one.
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], _PATIENCE)
    except ProcessLookupError:
        pass  # it ended meanwhile
    finally:
        os.close(handle)


def running(namespace: str) -> list[int]:
    """Process ids of the slirp4netns of a namespace."""
    file = os.fsencode(namespaces.path(namespace))
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _serves(entry, file)
    ]


def _hold(namespace: str) -> Iterator[int]:
    """A handle (pidfd) on each; the caller closes it."""
    file = os.fsencode(namespaces.path(namespace))
    for pid in running(namespace):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue  # it ended
        # Between the look and the handle the number may have become another process's.
        if _serves(Path("/proc") / str(pid), file):
            yield handle
        else:
            os.close(handle)


def _serves(process: Path, file: bytes) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False  # it ended
    return Path(os.fsdecode(words[0])).name == "slirp4netns" and file in words
