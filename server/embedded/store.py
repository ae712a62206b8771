"""The API's tables in a file: services and refresh tokens. Each method is one transaction."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from anyio import to_thread

from server.api.definitions import Definition, Parameter
from server.api.store import ComputeNode, DatabaseAwayError, Service
from server.embedded import presence
from server.embedded.database import connect, transaction

ADDRESS = "127.0.0.1"
"""Where the compute node is, seen from the web node, when both are one machine."""

LISTED = (
    "SELECT name, version, description, operation_id, inputs, outputs, sha256, published_by, "
    "created_at FROM service "
)

Result = TypeVar("Result")


class SqliteStore:
    """A `Store` over one connection, which requests take in turns."""

    engine: Final = "sqlite"

    def __init__(self, path: Path, port: int, loader: Path = presence.FOLDER) -> None:
        """Over the database at *path*; the machine serves on *port*."""
        self._path = path
        self._port = port
        self._loader = loader
        self._turn = asyncio.Lock()
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file if it is there: the loader reads only while somebody has it open."""
        try:
            await self._revision()
        except DatabaseAwayError:
            # Each request tries again, and its answer says so.
            return

    async def close(self) -> None:
        """Close the file."""
        async with self._turn:
            await to_thread.run_sync(self._disconnect)

    async def list_services(self, name: str | None = None) -> list[Service]:
        """Return all services, or the versions of one, oldest first."""
        rows = await self._read(
            LISTED + "WHERE :name IS NULL OR name = :name ORDER BY name, created_at, version",
            {"name": name},
        )
        return [_service(row) for row in rows]

    async def find_service(self, name: str, version: str) -> Service | None:
        """Return the version, or None."""
        rows = await self._read(
            LISTED + "WHERE name = :name AND version = :version", {"name": name, "version": version}
        )
        return _service(rows[0]) if rows else None

    async def find_model(self, name: str, version: str) -> bytes | None:
        """Return the version's model, or None."""
        rows = await self._read(
            "SELECT model FROM service WHERE name = :name AND version = :version",
            {"name": name, "version": version},
        )
        return bytes(rows[0][0]) if rows else None

    async def add_service(
        self, name: str, version: str, definition: Definition, published_by: str
    ) -> bool:
        """Add a version; False when it exists."""
        return await self._changed(
            "INSERT INTO service (name, version, published_by, description, operation_id, inputs, "
            "outputs, model, sha256, created_at) VALUES (:name, :version, :published_by, "
            ":description, :operation_id, :inputs, :outputs, :model, :sha256, :created_at) "
            "ON CONFLICT (name, version) DO NOTHING",
            _values(name, version, definition)
            | {"published_by": published_by, "created_at": _time(datetime.now(UTC))},
        )

    async def change_service(self, name: str, version: str, definition: Definition) -> bool:
        """Replace what a version is; False when it is not there any more."""
        return await self._changed(
            "UPDATE service SET description = :description, operation_id = :operation_id, "
            "inputs = :inputs, outputs = :outputs, model = :model, sha256 = :sha256 "
            "WHERE name = :name AND version = :version",
            _values(name, version, definition),
        )

    async def remove_service(self, name: str, version: str) -> bool:
        """Remove a version; False when it is not there."""
        return await self._changed(
            "DELETE FROM service WHERE name = :name AND version = :version",
            {"name": name, "version": version},
        )

    async def compute_nodes(self) -> list[ComputeNode]:
        """Return this machine while it serves."""
        # So that a database that is away is noticed, as it is where it lists the nodes.
        await self._revision()
        found = presence.heard(self._loader)
        serves = found is not None and found.serving
        return [ComputeNode(ADDRESS, self._port, found.workers)] if found and serves else []

    async def wait_until_everywhere(self, seconds: float) -> None:
        """Wait until the workers have the services of now, or *seconds*."""
        now = await self._revision()
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            found = presence.heard(self._loader)
            if found is None or found.revision >= now:
                return
            await asyncio.sleep(0.02)

    async def add_refresh_token(
        self, digest: bytes, username: str, role: str, chain_started: datetime, expires_at: datetime
    ) -> None:
        """Remember a refresh token by its digest, and forget those that have ended."""
        values = (digest, username, role, _time(chain_started), _time(expires_at))

        def add(connection: sqlite3.Connection) -> None:
            now = _time(datetime.now(UTC))
            connection.execute("DELETE FROM refresh_token WHERE expires_at < ?", [now])
            connection.execute("INSERT INTO refresh_token VALUES (?, ?, ?, ?, ?)", values)

        await self._write(add)

    async def take_refresh_token(self, digest: bytes) -> tuple[str, str, datetime] | None:
        """Use up a refresh token: return its user, role and start of chain if it was good."""

        def take(connection: sqlite3.Connection) -> list[Any]:
            return connection.execute(
                "DELETE FROM refresh_token WHERE digest = ? "
                "RETURNING username, role, chain_started, expires_at > ?",
                [digest, _time(datetime.now(UTC))],
            ).fetchall()

        rows = await self._write(take)
        if not rows or not rows[0][3]:
            return None
        username, role, chain_started, _ = rows[0]
        return username, role, datetime.fromisoformat(chain_started)

    async def _revision(self) -> int:
        [(revision,)] = await self._read("SELECT revision FROM catalogue", {})
        return int(revision)

    async def _read(self, query: str, values: Mapping[str, Any]) -> list[Any]:
        return await self._ask(lambda connection: connection.execute(query, values).fetchall())

    async def _changed(self, query: str, values: Mapping[str, Any]) -> bool:
        return await self._write(lambda connection: connection.execute(query, values).rowcount > 0)

    async def _write(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do *work* as one transaction, which is on the disk when this returns."""

        def within(connection: sqlite3.Connection) -> Result:
            with transaction(connection):
                found = work(connection)
            # A reader who may not write the shared index needs a mark of somebody who may, at what
            # was just written; who reads leaves one (walTryBeginRead in SQLite's wal.c).
            connection.execute("SELECT revision FROM catalogue").fetchall()
            return found

        return await self._ask(within)

    async def _ask(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do *work* beside the event loop, with the connection for itself.

        Raises:
            DatabaseAwayError: the file is not there, the disk is full, or a lock does not end.
        """
        async with self._turn:
            return await to_thread.run_sync(self._do, work)

    def _do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            if self._connection is None:
                self._connection = connect(self._path)
            return work(self._connection)
        except sqlite3.OperationalError as error:
            self._disconnect()
            raise DatabaseAwayError(str(error)) from error

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _service(row: tuple[Any, ...]) -> Service:
    name, version, description, operation_id, inputs, outputs, sha256, by, created_at = row
    return Service(
        name,
        version,
        description,
        operation_id,
        _parameters(inputs),
        _parameters(outputs),
        sha256,
        by,
        datetime.fromisoformat(created_at),
    )


def _parameters(text: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(**value) for value in json.loads(text))


def _time(moment: datetime) -> str:
    """Return *moment* as a text that sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _values(name: str, version: str, definition: Definition) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "description": definition.description,
        "operation_id": definition.operation_id,
        "inputs": json.dumps([parameter.as_json() for parameter in definition.inputs]),
        "outputs": json.dumps([parameter.as_json() for parameter in definition.outputs]),
        "model": definition.model,
        "sha256": definition.sha256,
    }
