"""The loader of a one-box whose database is a file: it looks for what is new instead of listening.

usage: python3 -m server.embedded.loader
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from server.embedded import presence
from server.embedded.database import DATABASE, connect_to_read, transaction
from server.embedded.presence import Presence
from server.loader.run import SourceAwayError, run
from server.loader.shelf import Entry, Shelf

LOOK_SECONDS = 0.05
"""A look costs some microseconds: SQLite compares a counter in the shared index."""


class SqliteSource:
    """A `Source` over a connection that only reads."""

    def __init__(
        self, connection: sqlite3.Connection, workers: int, folder: Path = presence.FOLDER
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._said = Presence(revision=0, workers=workers, serving=False)
        self._version = 0

    def synchronize(self, shelf: Shelf) -> int:
        """Bring *shelf* to what is published, say so, and return the catalogue's revision."""
        # Before the transaction: what changes after it is seen as new.
        self._version = self._data_version()
        with transaction(self._connection, "DEFERRED"):
            [(revision,)] = self._connection.execute("SELECT revision FROM catalogue")
            entries = [
                Entry(name, version, sha256, json.loads(inputs), json.loads(outputs))
                for name, version, sha256, inputs, outputs in self._connection.execute(
                    "SELECT name, version, sha256, inputs, outputs FROM service"
                )
            ]
            for sha256 in {entry.sha256 for entry in entries}:
                if not shelf.has_model(sha256):
                    shelf.add_model(sha256, self._model(sha256))
        shelf.replace(entries)
        self._say(revision=int(revision), serving=self._said.serving)
        return int(revision)

    def heartbeat(self, revision: int) -> None:
        """Say that this machine serves, with the services of *revision*."""
        self._say(revision=revision, serving=True)

    def farewell(self) -> None:
        """Say that this machine serves no more."""
        self._say(revision=self._said.revision, serving=False)

    def wait(self, seconds: float) -> None:
        """Wait until something was written, or *seconds*."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._data_version() == self._version:
            time.sleep(LOOK_SECONDS)

    def _say(self, *, revision: int, serving: bool) -> None:
        self._said = Presence(revision=revision, workers=self._said.workers, serving=serving)
        presence.say(self._said, self._folder)

    def _data_version(self) -> int:
        """Return a number that changes when another connection has written."""
        [(version,)] = self._connection.execute("PRAGMA data_version")
        return int(version)

    def _model(self, sha256: str) -> bytes:
        row = self._connection.execute(
            "SELECT model FROM service WHERE sha256 = ? LIMIT 1", [sha256]
        ).fetchone()
        return b"" if row is None else bytes(row[0])


@contextmanager
def opened(path: Path, workers: int, folder: Path = presence.FOLDER) -> Iterator[SqliteSource]:
    """Open the database at *path* for a block.

    Raises:
        SourceAwayError: it cannot be read, now or later in the block.
    """
    try:
        with closing(connect_to_read(path)) as connection:
            yield SqliteSource(connection, workers, folder)
    except sqlite3.Error as error:
        raise SourceAwayError(str(error)) from error


def main() -> None:
    """Load services until systemd ends this."""
    workers = int(os.environ["WORKERS"])
    run(lambda: opened(DATABASE, workers))


if __name__ == "__main__":
    main()
