"""The real internet for the sandbox's virtual networks: one slirp4netns.

It needs no rule in the root namespace: it opens each connection as this machine's own. It outlives
the daemon, so that downloads go on, and is found again by what it was started with.
Sources: slirp4netns(1).
"""

import logging
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

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
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

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
        if self._child is not None:
            self._child.wait()
            self._child = None
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if self._errors is not None:
            self._errors.close()
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
        # Its file, like itself, outlives this process: a pipe would end it at its next line.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by _forget
        ready, done = os.pipe()
        try:
            try:
                self._child = self._run(done)
            finally:
                os.close(done)
            self._handle = os.pidfd_open(self._child.pid)
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

    def _run(self, done: int) -> "subprocess.Popen[bytes]":
        # Never with --enable-sandbox: in /run/netns, which `ip netns` shares between all mount
        # namespaces, it unmounts every network namespace of the whole machine (1.2.0).
        return subprocess.Popen(
            [
                "slirp4netns",
                "--configure",
                "--mtu=1500",
                "--disable-host-loopback",
                "--disable-dns",
                f"--ready-fd={done}",
                "--netns-type=path",
                str(namespaces.path(self._namespace)),
                TAP,
            ],
            pass_fds=(done,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
            cwd="/",
        )

    def _said(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-500:]


def _has_ended(handle: int) -> bool:
    # Readable once the process has ended (pidfd_open(2)).
    return bool(select.select([handle], [], [], 0)[0])


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
