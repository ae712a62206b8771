"""Connections to the file, as its owner and as a reader.

It is in write-ahead mode, so that the loader reads while the API writes ("Write-Ahead Logging" in
SQLite's documentation). A reader who may not write needs the index that is shared in memory, the
file with `-shm`, to be there: the API keeps it open. While no API has it open, a reader is refused
and tries again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path("/var/lib/operationalization/database")
DATABASE = FOLDER / "operationalization.sqlite"

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock."""

LARGEST_LOG = 64 * 1024 * 1024
"""Bytes of the write-ahead log that stay on the disk after a large model went through it."""


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Return a connection of the owner, whose statements are durable when they have returned.

    It begins transactions only where it is told to, and may be handed from thread to thread.

    Raises:
        sqlite3.OperationalError: there is no such file, or it cannot be opened.
    """
    mode = "rwc" if create else "rw"
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # In this mode the default would lose the last transactions with the machine's power.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {LARGEST_LOG}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write, whatever its user may.

    Raises:
        sqlite3.OperationalError: there is no such file, or nobody who may write has it open.
    """
    return sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """Do all of the block's statements, or none of them."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        # Some errors, such as a full disk, have ended the transaction already.
        if connection.in_transaction:
            connection.rollback()
        raise
    connection.execute("COMMIT")
