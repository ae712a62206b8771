"""Where resources are kept: one SQLite file, durable at every acknowledged operation.

WAL with synchronous=FULL: a commit is on disk before it returns, and a process that is killed at
any moment leaves the state before or after a transaction, never between. Reads use a connection per
thread and wait for nobody; one writer works at a time. The file is readable by its owner only: it
holds the secrets that a stack gives to the cloud.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.control import arns, ids, wire
from sandbox.control.kinds import Record

VERSION = 2
"""Of the tables below, in SQLite's user_version."""

_TABLES = """
CREATE TABLE resources (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, parent TEXT NOT NULL,
    inputs TEXT NOT NULL, outputs TEXT NOT NULL,
    incarnation TEXT NOT NULL, urn TEXT NOT NULL, created TEXT NOT NULL,
    short TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX resources_by_type ON resources (type, key);
CREATE INDEX resources_by_parent ON resources (parent, key);
CREATE TABLE parts (key TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX parts_by_owner ON parts (owner);
CREATE TABLE links (
    owner TEXT NOT NULL, path TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (owner, path)
) WITHOUT ROWID;
CREATE INDEX links_by_target ON links (target, owner);
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_SHORT = "CREATE INDEX resources_by_short ON resources (short, type)"
_MIGRATIONS = {
    0: (*filter(str.strip, _TABLES.split(";")), _SHORT),
    1: ("ALTER TABLE resources ADD COLUMN short TEXT NOT NULL DEFAULT ''", _SHORT),
}
"""By the version that a file has: what makes it one of `VERSION`."""

_COLUMNS = "id, type, inputs, outputs, incarnation, urn, created, short, parent"

_BRANCH = """
WITH RECURSIVE branch (key) AS (
    SELECT ?1 UNION SELECT r.key FROM resources r JOIN branch ON r.parent = branch.key
)
"""
"""What an ARN lies in is not in its text, so what goes with it is found by `parent`."""


class StoreError(Exception):
    """The state file can't be used; says which file and what to do."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource as it is kept: its secrets are still marked."""

    record: Record
    inputs: wire.Properties
    outputs: wire.Properties


def _dump(values: Mapping[str, object]) -> str:
    return json.dumps(values, separators=(",", ":"), default=_secret, allow_nan=False)


def _secret(value: object) -> object:
    if isinstance(value, wire.Secret):
        return {wire.SIGNATURE: wire.SECRET, "value": value.value}
    raise TypeError(f"a {type(value).__name__} can't be kept")


def _load(text: str) -> wire.Properties:
    values: wire.Properties = json.loads(text, object_hook=_unwrapped)
    return values


def _unwrapped(value: dict[str, Any]) -> object:
    if value.get(wire.SIGNATURE) == wire.SECRET:
        return wire.Secret(value["value"])
    return value


class Rows:
    """What can be asked of the state over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def edition(self) -> int:
        """A number that changes with each transaction of another connection or process."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def get(self, target: str) -> Stored | None:
        """The resource with this id, compared without case."""
        query = f"SELECT {_COLUMNS} FROM resources WHERE key = ?"  # noqa: S608 -- own columns
        row = self._connection.execute(query, (ids.key(target),)).fetchone()
        return _stored(row) if row else None

    def has(self, target: str) -> bool:
        """Whether a resource or an inline part has this id."""
        query = "SELECT 1 FROM resources WHERE key = ?1 UNION SELECT 1 FROM parts WHERE key = ?1"
        return self._connection.execute(query, (ids.key(target),)).fetchone() is not None

    def short(self, short: str, kind: str = "") -> Iterator[Record]:
        """The resources (of a type, or of all) that Pulumi and AWS call so, by ARN."""
        if short:
            query = f"SELECT {_COLUMNS} FROM resources WHERE short = ?1 AND (?2 = '' OR type = ?2)"  # noqa: S608 -- own columns
            for row in self._connection.execute(f"{query} ORDER BY key", (short, kind)).fetchall():
                yield _stored(row).record

    def of(self, kind: str) -> Iterator[Record]:
        """All resources of a type, by id."""
        yield from self._records("type = ?", kind)

    def children(self, target: str) -> Iterator[Record]:
        """All resources with this parent, by id."""
        yield from self._records("parent = ?", ids.key(target))

    def all(self) -> Iterator[Stored]:
        """Every resource, by id."""
        yield from self._select("key > ?", "")

    def with_urn(self, urn: str) -> Iterator[Stored]:
        """Resources that were created for this URN; two while one replaces the other."""
        yield from self._select("urn = ?", urn)

    def referrers(self, target: str) -> Iterator[tuple[Record, str]]:
        """Resources outside *target* that name it, or something below it."""
        own = ids.key(target)
        if arns.is_arn(own):
            yield from self._referrers_of_branch(own)
            return
        # "0" follows "/", so this range is all that is below.
        query = (
            "SELECT owner, path FROM links WHERE (target = ?1 OR (target > ?2 AND target < ?3))"
            " AND owner <> ?1 AND NOT (owner > ?2 AND owner < ?3) ORDER BY owner, path"
        )
        for owner, path in self._connection.execute(query, (own, own + "/", own + "0")).fetchall():
            if found := self.get(owner):
                yield found.record, path

    def _referrers_of_branch(self, own: str) -> Iterator[tuple[Record, str]]:
        query = (
            f"{_BRANCH} SELECT owner, path FROM links WHERE target IN branch"  # noqa: S608
            " AND owner NOT IN branch ORDER BY owner, path"
        )
        for owner, path in self._connection.execute(query, (own,)).fetchall():
            if found := self.get(owner):
                yield found.record, path

    def note(self, key: str) -> object:
        """The JSON value under *key*, or None."""
        row = self._connection.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def counts(self) -> dict[str, int]:
        """Number of resources per type."""
        query = "SELECT type, count(*) FROM resources GROUP BY type ORDER BY type"
        return dict(self._connection.execute(query).fetchall())

    def _records(self, condition: str, value: str) -> Iterator[Record]:
        for stored in self._select(condition, value):
            yield stored.record

    def _select(self, condition: str, value: str) -> Iterator[Stored]:
        query = f"SELECT {_COLUMNS} FROM resources WHERE {condition} ORDER BY key"  # noqa: S608
        for row in self._connection.execute(query, (value,)).fetchall():
            yield _stored(row)


def _stored(row: tuple[str, ...]) -> Stored:
    target, kind, inputs, outputs, incarnation, urn, created, short, parent = row
    kept_inputs, kept_outputs = _load(inputs), _load(outputs)
    record = Record(
        id=target,
        type=kind,
        inputs=wire.known(kept_inputs),
        outputs=wire.known(kept_outputs),
        incarnation=incarnation,
        urn=urn,
        created=created,
        short=short,
        parent=parent if arns.is_arn(target) else "",
    )
    return Stored(record, kept_inputs, kept_outputs)


class Changes(Rows):
    """One transaction."""

    def put(self, record: Record, links: Mapping[str, str]) -> None:
        """Add or replace a resource. *links*: path of an input -> id that it names.

        Values may carry `wire.Secret`; what was secret in the kept resource stays so.
        """
        own, kept = ids.key(record.id), self.get(record.id)
        inputs: Any = wire.mark_like(record.inputs, kept.inputs) if kept else record.inputs
        outputs: Any = wire.mark_like(record.outputs, kept.outputs) if kept else record.outputs
        row = (own, record.id, record.type, record.parent or ids.key(ids.parent_of(record.id)))
        values = (_dump(inputs), _dump(outputs), record.incarnation, record.urn, record.created)
        marks = ",".join("?" * 10)
        sql = f"INSERT OR REPLACE INTO resources VALUES ({marks})"  # noqa: S608 -- only marks
        self._connection.execute(sql, (*row, *values, record.short))
        self._forget_names(own)
        self._connection.executemany(
            "INSERT OR IGNORE INTO links VALUES (?, ?, ?)",
            [(own, path, ids.key(target)) for path, target in links.items()],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO parts VALUES (?, ?)",
            [(part, own) for part in parts(own, wire.known(outputs))],
        )

    def remove(self, target: str) -> None:
        """Remove a resource and everything below it."""
        own = ids.key(target)
        query = "SELECT key FROM resources WHERE key = ?1 OR (key > ?2 AND key < ?3)"
        below: tuple[str, ...] = (own, own + "/", own + "0")
        if arns.is_arn(own):
            query, below = f"{_BRANCH} SELECT key FROM branch", (own,)  # noqa: S608 -- own text
        for (key,) in self._connection.execute(query, below).fetchall():
            self._forget_names(key)
            self._connection.execute("DELETE FROM resources WHERE key = ?", (key,))

    def remember(self, key: str, value: object) -> None:
        """Keep a JSON value; None forgets it."""
        if value is None:
            self._connection.execute("DELETE FROM notes WHERE key = ?", (key,))
        else:
            text = json.dumps(value, allow_nan=False)
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, text))

    def _forget_names(self, own: str) -> None:
        self._connection.execute("DELETE FROM links WHERE owner = ?", (own,))
        self._connection.execute("DELETE FROM parts WHERE owner = ?", (own,))


def parts(own: str, outputs: Mapping[str, object]) -> set[str]:
    """Ids below the resource's own, anywhere in its outputs: they exist as long as it does."""
    found: set[str] = set()
    pending: list[object] = [outputs]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending.extend(value.values())
            named = value.get("id")
            if isinstance(named, str) and ids.key(named).startswith(own + "/"):
                found.add(ids.key(named))
        elif isinstance(value, list):
            pending.extend(value)
    return found


class Store:
    """The state file."""

    def __init__(self, path: Path) -> None:
        """Open or create it. Raises StoreError when it is not ours or can't be written."""
        self.path = path
        self._threads = threading.local()
        self._writing = threading.RLock()
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._writer = self._connect()
            self._create()
        except (OSError, sqlite3.Error) as error:
            full = isinstance(error, sqlite3.OperationalError)
            raise StoreError(
                f"the sandbox's state {path} can't be used: {error}; "
                f"{'make room on that disk, ' if full else ''}"
                "make it readable and writable for you, or run: scripts/sandbox reset"
            ) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _create(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            (found,) = self._writer.execute("PRAGMA user_version").fetchone()
            if found in _MIGRATIONS:
                for statement in _MIGRATIONS[found]:
                    self._writer.execute(statement)
                self._writer.execute(f"PRAGMA user_version = {VERSION}")
        finally:
            self._writer.execute("COMMIT")
        if found not in (*_MIGRATIONS, VERSION):
            raise StoreError(
                f"the sandbox's state {self.path} has format {found}, this program writes "
                f"{VERSION}; destroy its stacks with the program that made it, "
                "or run: scripts/sandbox reset"
            )

    def read(self) -> Rows:
        """What is there now, over this thread's connection."""
        self._refuse_closed()
        rows: Rows | None = getattr(self._threads, "rows", None)
        if rows is None:
            rows = self._threads.rows = Rows(self._connect())
        return rows

    @contextmanager
    def change(self) -> Iterator[Changes]:
        """One transaction: on disk when the block ends, undone when it raises.

        Raises StoreError when it can't be written: the disk is full.
        """
        with self._writing:
            self._refuse_closed()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield Changes(self._writer)
                self._writer.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise StoreError(
                    f"the sandbox's state {self.path} can't be written: {error}; nothing was "
                    "changed: make room on that disk, and do it again"
                ) from error
            finally:
                # SQLite undoes a transaction itself after some errors, and not after others.
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    @contextmanager
    def trial(self) -> Iterator[Changes]:
        """One transaction that is always undone: to see what would be refused."""
        with self._writing:
            self._refuse_closed()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield Changes(self._writer)
            finally:
                self._writer.execute("ROLLBACK")

    def close(self) -> None:
        """End the use of the store, when a transaction under way is over.

        A connection for reading goes with its thread: to close it from here could crash a look-up.
        Since it may stay for a while, what SQLite does when the last one goes is done here: all of
        the state is in the one file afterwards.
        """
        with self._writing:
            if not self._closed:
                self._closed = True
                # On a full disk it fails, and loses nothing: the log is read at the next start.
                with suppress(sqlite3.Error):
                    self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._writer.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreError(f"the sandbox's state {self.path} is closed: the sandbox stops")
