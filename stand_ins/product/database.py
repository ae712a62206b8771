"""SQLite and PostgreSQL, spoken to alike: statements with `:names`, each a transaction."""

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from server.api.store import DatabaseAwayError
from stand_ins.product.connection import Target

Row = tuple[Any, ...]
Values = Mapping[str, Any]
NOTHING: Values = MappingProxyType({})
LOCK = 9_054_128_005
"""Of web nodes that start together, in PostgreSQL."""


class Work(Protocol):
    """A transaction."""

    def run(self, statement: str, values: Values = NOTHING) -> list[Row]:
        """Run a statement and return its rows."""


class Database(Protocol):
    """What keeps a web node's rows."""

    name: str

    def work(self, *, alone: bool = False) -> Any:
        """Return a transaction as a context; with *alone* no other such runs meanwhile."""

    def close(self) -> None:
        """Let go of it."""


class SqliteDatabase:
    """A file, with one connection that requests take in turns."""

    name = "main"

    def __init__(self, path: Path) -> None:
        self._turn = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # One file holds all of it, as those who upgrade copy one (facts.md 15).
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.execute("PRAGMA busy_timeout = 5000")

    @contextmanager
    def work(self, *, alone: bool = False) -> Iterator[Work]:
        """Return a transaction; every one that may write begins alone."""
        del alone
        with self._turn:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield _SqliteWork(self._connection)
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise DatabaseAwayError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._connection.close()


class _SqliteWork:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: str, values: Values = NOTHING) -> list[Row]:
        """Run a statement and return its rows."""
        cursor = self._connection.execute(statement.replace("{bytes}", "BLOB"), dict(values))
        return list(cursor.fetchall())


class PostgresqlDatabase:
    """A server, through a pool of connections that are looked at before use."""

    def __init__(self, target: Target) -> None:
        _create(target.where)
        self.name = str(conninfo_to_dict(target.where)["dbname"])
        self._pool = ConnectionPool(
            target.where, min_size=1, max_size=target.most, timeout=5, open=True
        )

    @contextmanager
    def work(self, *, alone: bool = False) -> Iterator[Work]:
        """Return a transaction."""
        try:
            with self._connection() as connection, connection.transaction():
                if alone:
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
                yield _PostgresqlWork(connection)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise DatabaseAwayError(str(error)) from error

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Row]]:
        """Return a connection that works: after the server's restart none of the pool's does."""
        for _ in range(self._pool.max_size):
            connection = self._pool.getconn()
            try:
                connection.autocommit = True
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                self._pool.putconn(connection)
                continue
            try:
                yield connection
            finally:
                self._pool.putconn(connection)
            return
        raise DatabaseAwayError("no connection works")

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _PostgresqlWork:
    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def run(self, statement: str, values: Values = NOTHING) -> list[Row]:
        """Run a statement and return its rows."""
        text = re.sub(r":([a-z_]+)", r"%(\1)s", statement.replace("{bytes}", "BYTEA"))
        cursor = self._connection.execute(text.encode(), values)
        return list(cursor.fetchall()) if cursor.description else []


def _create(conninfo: str) -> None:
    """Create the database if it is not there, as the product does (facts.md 10)."""
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError as error:
        name = str(conninfo_to_dict(conninfo)["dbname"])
        if f'database "{name}" does not exist' not in str(error):
            raise DatabaseAwayError(str(error)) from error
        try:
            with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as c:
                c.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            return  # Another web node was faster.
        except psycopg.Error as denied:
            raise DatabaseAwayError(str(denied)) from denied


def connect(target: Target) -> Database:
    """Return the database at *target*.

    Raises:
        DatabaseAwayError: it cannot be reached.
    """
    if target.engine == "postgresql":
        return PostgresqlDatabase(target)
    try:
        return SqliteDatabase(Path(target.where))
    except sqlite3.Error as error:
        raise DatabaseAwayError(f"{target.where}: {error}") from error
