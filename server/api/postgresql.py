"""The API's tables in PostgreSQL: services and refresh tokens. Each method is one statement."""

# Debian 12's psycopg_pool 3.1 has no generic classes: annotations must stay text.
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from server.api.definitions import Definition
from server.api.store import ComputeNode, DatabaseAwayError, Service

READ_SECONDS = 10.0
WRITE_SECONDS = 60.0
"""How long a request waits for the database's answer; a model has up to some hundred megabytes."""

WAIT_SECONDS = 5.0
"""How long a request waits for a connection before it hears that the database is away."""
RETRY_SECONDS = 2.0
"""How long the pool tries again by itself, ever more slowly, before the next request tries anew.

By default that is five minutes, in which a database that is back is not noticed for up to a half.
"""

Result = TypeVar("Result")


def connections(
    conninfo: str, most: int, *, wait: float = WAIT_SECONDS, retry: float = RETRY_SECONDS
) -> AsyncConnectionPool[AsyncConnection[TupleRow]]:
    """Return a pool, not open yet, that finds a database again as soon as it is back."""
    return AsyncConnectionPool(
        conninfo, min_size=1, max_size=most, timeout=wait, reconnect_timeout=retry, open=False
    )


class PostgresqlStore:
    """A `Store` over a pool of connections, which it opens and closes."""

    engine: Final = "postgresql"

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[TupleRow]]) -> None:
        self._pool = pool

    async def open(self) -> None:
        """Open the pool without waiting: the process lives while the database is away."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def list_services(self, name: str | None = None) -> list[Service]:
        """Return all services, or the versions of one, oldest first."""
        rows = await self._all(
            "SELECT * FROM operationalization.listed_service "
            "WHERE %(name)s::text IS NULL OR name = %(name)s "
            "ORDER BY name, created_at, version",
            {"name": name},
        )
        return [Service.from_row(row) for row in rows]

    async def find_service(self, name: str, version: str) -> Service | None:
        """Return the version, or None."""
        rows = await self._all(
            "SELECT * FROM operationalization.listed_service "
            "WHERE name = %(name)s AND version = %(version)s",
            {"name": name, "version": version},
        )
        return Service.from_row(rows[0]) if rows else None

    async def find_model(self, name: str, version: str) -> bytes | None:
        """Return the version's model, or None."""
        rows = await self._all(
            "SELECT model FROM operationalization.service "
            "WHERE name = %(name)s AND version = %(version)s",
            {"name": name, "version": version},
        )
        return bytes(rows[0][0]) if rows else None

    async def add_service(
        self, name: str, version: str, definition: Definition, published_by: str
    ) -> bool:
        """Add a version; False when it exists."""
        try:
            await self._run(
                "INSERT INTO operationalization.service (name, version, published_by, "
                "description, operation_id, inputs, outputs, model, sha256) VALUES (%(name)s, "
                "%(version)s, %(published_by)s, %(description)s, %(operation_id)s, %(inputs)s, "
                "%(outputs)s, %(model)s, %(sha256)s)",
                _values(name, version, definition) | {"published_by": published_by},
            )
        except psycopg.errors.UniqueViolation:
            return False
        return True

    async def change_service(self, name: str, version: str, definition: Definition) -> bool:
        """Replace what a version is; False when it is not there any more."""
        return await self._run(
            "UPDATE operationalization.service SET description = %(description)s, "
            "operation_id = %(operation_id)s, inputs = %(inputs)s, outputs = %(outputs)s, "
            "model = %(model)s, sha256 = %(sha256)s "
            "WHERE name = %(name)s AND version = %(version)s",
            _values(name, version, definition),
        )

    async def remove_service(self, name: str, version: str) -> bool:
        """Remove a version; False when it is not there."""
        return await self._run(
            "DELETE FROM operationalization.service "
            "WHERE name = %(name)s AND version = %(version)s",
            {"name": name, "version": version},
        )

    async def compute_nodes(self) -> list[ComputeNode]:
        """Return the compute nodes that serve, by address."""
        rows = await self._all(
            "SELECT host(address), port, workers FROM operationalization.serving_node "
            "ORDER BY address",
            {},
        )
        return [ComputeNode(*row) for row in rows]

    async def wait_until_everywhere(self, seconds: float) -> None:
        """Wait until every compute node that serves has the services of now, or *seconds*.

        So whoever publishes can score at once; a node that is late catches up by itself.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            rows = await self._all(
                "SELECT 1 FROM operationalization.serving_node AS node, "
                "operationalization.catalogue AS now "
                "WHERE node.revision < now.revision LIMIT 1",
                {},
            )
            if not rows:
                return
            await asyncio.sleep(0.05)

    async def add_refresh_token(
        self, digest: bytes, username: str, role: str, chain_started: datetime, expires_at: datetime
    ) -> None:
        """Remember a refresh token by its digest, and forget those that have ended."""
        await self._run(
            "WITH ended AS (DELETE FROM operationalization.refresh_token WHERE expires_at < now()) "
            "INSERT INTO operationalization.refresh_token "
            "VALUES (%(digest)s, %(username)s, %(role)s, %(chain_started)s, %(expires_at)s)",
            {
                "digest": digest,
                "username": username,
                "role": role,
                "chain_started": chain_started,
                "expires_at": expires_at,
            },
        )

    async def take_refresh_token(self, digest: bytes) -> tuple[str, str, datetime] | None:
        """Use up a refresh token: return its user, role and start of chain if it was good."""
        rows = await self._all(
            "DELETE FROM operationalization.refresh_token WHERE digest = %(digest)s "
            "RETURNING username, role, chain_started, expires_at > now()",
            {"digest": digest},
        )
        return (rows[0][0], rows[0][1], rows[0][2]) if rows and rows[0][3] else None

    async def _all(self, query: str, values: dict[str, Any]) -> list[TupleRow]:
        async def fetch(cursor: AsyncCursor[TupleRow]) -> list[TupleRow]:
            return await cursor.fetchall()

        return await _answer(self._ask(query, values, fetch), READ_SECONDS)

    async def _run(self, query: str, values: dict[str, Any]) -> bool:
        async def changed(cursor: AsyncCursor[TupleRow]) -> bool:
            return cursor.rowcount > 0

        return await _answer(self._ask(query, values, changed), WRITE_SECONDS)

    async def _ask(
        self,
        query: str,
        values: dict[str, Any],
        read: Callable[[AsyncCursor[TupleRow]], Awaitable[Result]],
    ) -> Result:
        """Run *query* in a transaction, on a connection that works.

        The pool does not look at what it holds (psycopg_pool 3.1), and after the database's
        restart none of it works. A transaction that could not begin changed nothing, so another
        connection may try; the last attempt is on one that the pool made anew.

        Raises:
            psycopg.OperationalError: the database is away, or went away on the way.
            PoolTimeout: it gives no connection.
        """
        begun = False
        for attempt in range(self._pool.max_size + 1):
            try:
                async with self._pool.connection() as connection, connection.transaction():
                    begun = True
                    return await read(await connection.execute(query.encode(), values))
            except psycopg.OperationalError:
                if begun or attempt == self._pool.max_size:
                    raise
        raise AssertionError("the last attempt returns or raises")


async def _answer(question: Coroutine[Any, Any, Result], seconds: float) -> Result:
    """Return the database's answer.

    What takes longer than *seconds* goes on alone, because a cancellation would ask the very server
    that does not answer, and block every other request meanwhile (psycopg 3.1).

    Raises:
        DatabaseAwayError: there was no answer.
    """
    asking = asyncio.ensure_future(question)
    done, _ = await asyncio.wait({asking}, timeout=seconds)
    if not done:
        asking.add_done_callback(_forget)
        raise DatabaseAwayError(f"no answer within {seconds:.0f} seconds")
    try:
        return asking.result()
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise DatabaseAwayError(str(error)) from error


def _forget(asked: asyncio.Task[Any]) -> None:
    if not asked.cancelled():
        asked.exception()


def _values(name: str, version: str, definition: Definition) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "description": definition.description,
        "operation_id": definition.operation_id,
        "inputs": Jsonb([parameter.as_json() for parameter in definition.inputs]),
        "outputs": Jsonb([parameter.as_json() for parameter in definition.outputs]),
        "model": definition.model,
        "sha256": definition.sha256,
    }
