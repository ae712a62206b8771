"""The daemon itself: one process that serves every package and runs the nodes."""

import contextlib
import fcntl
import logging
import os
import signal
import threading
from collections.abc import Iterator

from sandbox import daemon, machine_room
from sandbox.control import server
from sandbox.control.packages import PACKAGES
from sandbox.control.store import Store, StoreError
from sandbox.daemon import DaemonError, Wanted
from sandbox.home import Home, Running

_LOG = logging.getLogger(__name__)
_GRACE = 5.0
"""Seconds that calls under way may take when the daemon stops."""


def run(home: Home, wanted: Wanted) -> None:
    """Serve until SIGTERM or SIGINT. Raises DaemonError when another daemon does."""
    home.prepare()
    with _locked(home):
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
        )
        store = _opened(home)
        done = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: done.set())
        allowed, code = frozenset({0, os.getuid()}), daemon.fingerprint()
        servers, bound = [], {}
        fabric, off = machine_room.opened(home, store, wanted)
        try:
            for package in PACKAGES:
                port = wanted.ports.get(package.name, 0)
                started, port = server.serve(package, store, allowed, port, fabric)
                servers.append(started)
                bound[package.name] = port
            pid = os.getpid()
            running = Running(pid=pid, started=daemon.started(pid), ports=bound, code=code, off=off)
            home.announce(running)
            _LOG.info("serving %s", bound)
            done.wait()
        except OSError as error:
            raise DaemonError(f"{error}; choose another with --port NAME=PORT") from error
        finally:
            for stopping in [each.stop(_GRACE) for each in servers]:
                stopping.wait()
            machine_room.close(fabric)
            home.running.unlink(missing_ok=True)
            store.close()
        _LOG.info("stopped")


def _opened(home: Home) -> Store:
    try:
        return Store(home.state)
    except StoreError as error:
        raise DaemonError(str(error)) from error


@contextlib.contextmanager
def _locked(home: Home) -> Iterator[None]:
    with home.lock.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DaemonError(daemon.already(home)) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
