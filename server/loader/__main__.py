"""Runs the loader until systemd ends it; a database that is away only delays what is new."""

import logging
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from server.common.database import connection_string
from server.common.node import Database, credential, is_ready, read_node
from server.common.notify import ready
from server.loader.shelf import ServiceFileError, Shelf
from server.loader.synchronize import ThisNode, farewell, heartbeat, synchronize

SERVICES = Path("/var/lib/operationalization/services")
LIVE_SOCKET = Path("/run/operationalization/loader/live.sock")
ROLE = "operationalization_loader"
BEAT_SECONDS = 3.0
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before another attempt to reach the database: the last one again and again."""

log = logging.getLogger("loader")


def own_address(database: Database) -> str:
    """Return the address that this node speaks to the database from, without sending a packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((database.host, database.port))
        return str(probe.getsockname()[0])


def answer_probes(path: Path) -> None:
    """Accept on *path* for ever: a proxy that can connect knows that this process lives."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o666)
    listener.listen(16)
    while True:
        listener.accept()[0].close()


def serve(connection: psycopg.Connection[Any], shelf: Shelf, node: ThisNode) -> None:
    """Synchronize and beat until the connection breaks.

    Raises:
        psycopg.OperationalError: when it does.
    """
    connection.execute("LISTEN services")
    listed = False
    while True:
        revision = synchronize(connection, shelf)
        ready()
        if is_ready():
            heartbeat(connection, node, revision)
            listed = True
        elif listed:
            farewell(connection, node)
            listed = False
        select.select([connection.fileno()], [], [], BEAT_SECONDS)


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Load services, and say that this node is there while it is ready."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    signal.signal(signal.SIGTERM, _stop)
    settings = read_node()
    conninfo = connection_string(
        settings.database, user=ROLE, password=credential("database-loader")
    )
    known = (SERVICES / ".models").exists()
    shelf = Shelf(SERVICES)
    threading.Thread(target=answer_probes, args=[LIVE_SOCKET], daemon=True).start()
    if known:
        # It was synchronized before: a database that is away must not take the node out.
        ready()
    pause, failures = threading.Event(), 0
    while True:
        try:
            node = ThisNode(
                own_address(settings.database), settings.port, int(os.environ["WORKERS"])
            )
            with psycopg.connect(conninfo, autocommit=True) as connection:
                failures = 0
                serve(connection, shelf, node)
        except (psycopg.Error, OSError, ServiceFileError) as error:
            seconds = PAUSES[min(failures, len(PAUSES) - 1)]
            failures += 1
            log.warning("trying again in %g seconds: %s", seconds, error)
            pause.wait(seconds)


if __name__ == "__main__":
    main()
