"""What the loader asks of PostgreSQL: the services, and a row that says this node is there."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from server.loader.run import SourceAwayError
from server.loader.shelf import Entry, Shelf


@dataclass(frozen=True)
class ThisNode:
    """How web nodes reach this node."""

    address: str
    port: int
    workers: int


def synchronize(connection: psycopg.Connection[Any], shelf: Shelf) -> int:
    """Bring *shelf* to what is published and return the catalogue's revision.

    Raises:
        psycopg.Error: when the database cannot be asked.
        ServiceFileError: when a model differs from its sum; the shelf stays as it was.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = connection.execute("SELECT revision FROM operationalization.catalogue").fetchone()
        if row is None:
            raise psycopg.DataError("operationalization.catalogue is empty: migrations did not run")
        entries = [
            Entry(*values)
            for values in connection.execute(
                "SELECT name, version, sha256, inputs, outputs FROM operationalization.service"
            )
        ]
        for sha256 in {entry.sha256 for entry in entries}:
            if not shelf.has_model(sha256):
                shelf.add_model(sha256, _model(connection, sha256))
    shelf.replace(entries)
    return int(row[0])


def _model(connection: psycopg.Connection[Any], sha256: str) -> bytes:
    # Binary results: a model of 100 MB would be 200 MB of hexadecimal digits otherwise.
    row = connection.execute(
        "SELECT model FROM operationalization.service WHERE sha256 = %s LIMIT 1",
        [sha256],
        binary=True,
    ).fetchone()
    return b"" if row is None else bytes(row[0])


def heartbeat(connection: psycopg.Connection[Any], node: ThisNode, revision: int) -> None:
    """Say that *node* serves, with the services of *revision*."""
    connection.execute(
        "SELECT operationalization.heartbeat(%s::inet, %s, %s, %s)",
        [node.address, node.port, node.workers, revision],
    )


def farewell(connection: psycopg.Connection[Any], node: ThisNode) -> None:
    """Say that *node* serves no more."""
    connection.execute("SELECT operationalization.farewell(%s::inet)", [node.address])


class PostgresqlSource:
    """A `Source` over a connection that hears of publications."""

    def __init__(self, connection: psycopg.Connection[Any], node: ThisNode) -> None:
        self._connection = connection
        self._node = node
        connection.execute("LISTEN services")

    def synchronize(self, shelf: Shelf) -> int:
        """Bring *shelf* to what is published and return the catalogue's revision."""
        return synchronize(self._connection, shelf)

    def heartbeat(self, revision: int) -> None:
        """Say that this node serves, with the services of *revision*."""
        heartbeat(self._connection, self._node, revision)

    def farewell(self) -> None:
        """Say that this node serves no more."""
        farewell(self._connection, self._node)

    def wait(self, seconds: float) -> None:
        """Wait until something was published, or *seconds*."""
        select.select([self._connection.fileno()], [], [], seconds)


@contextmanager
def opened(conninfo: str, node: ThisNode) -> Iterator[PostgresqlSource]:
    """Connect as *node* for a block.

    Raises:
        SourceAwayError: the database is away, now or later in the block.
    """
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            yield PostgresqlSource(connection, node)
    except psycopg.Error as error:
        raise SourceAwayError(str(error)) from error
