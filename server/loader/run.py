"""The loader's life, whichever engine keeps the services: load, say so, wait, and begin again."""

import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import Protocol

from server.common.node import is_ready
from server.common.notify import ready
from server.loader.shelf import ServiceFileError, Shelf

SERVICES = Path("/var/lib/operationalization/services")
LIVE_SOCKET = Path("/run/operationalization/loader/live.sock")
BEAT_SECONDS = 3.0
PAUSES = (0.5, 1.0, 2.0)
"""Seconds before another attempt to reach the database: the last one again and again."""

log = logging.getLogger("loader")


class SourceAwayError(Exception):
    """The database cannot be asked just now."""


class Source(Protocol):
    """Where the published services are, and who must hear that this node has them.

    Every method may raise `SourceAwayError`; what was opened is then of no use any more.
    """

    def synchronize(self, shelf: Shelf) -> int:
        """Bring *shelf* to what is published and return the catalogue's revision.

        Raises:
            ServiceFileError: when a model differs from its sum; the shelf stays as it was.
        """

    def heartbeat(self, revision: int) -> None:
        """Say that this node serves, with the services of *revision*."""

    def farewell(self) -> None:
        """Say that this node serves no more."""

    def wait(self, seconds: float) -> None:
        """Wait until something was published, or *seconds*."""


def answer_probes(path: Path) -> None:
    """Accept on *path* for ever: a proxy that can connect knows that this process lives."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(16)
    while True:
        listener.accept()[0].close()


def serve(source: Source, shelf: Shelf) -> None:
    """Synchronize and beat until *source* is away.

    Raises:
        SourceAwayError: when it is.
    """
    listed = False
    while True:
        revision = source.synchronize(shelf)
        ready()
        if is_ready():
            source.heartbeat(revision)
            listed = True
        elif listed:
            source.farewell()
            listed = False
        source.wait(BEAT_SECONDS)


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def run(opened: Callable[[], AbstractContextManager[Source]]) -> None:
    """Load services, and say that this node is there while it is ready.

    A database that is away only delays what is new.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signal.signal(signal.SIGTERM, _stop)
    known = (SERVICES / ".models").exists()
    shelf = Shelf(SERVICES)
    threading.Thread(target=answer_probes, args=[LIVE_SOCKET], daemon=True).start()
    if known:
        # It was synchronized before: a database that is away must not take the node out.
        ready()
    pause, failures = threading.Event(), 0
    while True:
        try:
            with opened() as source:
                failures = 0
                serve(source, shelf)
        except (SourceAwayError, OSError, ServiceFileError) as error:
            seconds = PAUSES[min(failures, len(PAUSES) - 1)]
            failures += 1
            log.warning("trying again in %g seconds: %s", seconds, error)
            pause.wait(seconds)
