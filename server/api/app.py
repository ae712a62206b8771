"""The application: routes, and what stands behind them."""

# Debian 12's psycopg_pool 3.1 has no generic classes: annotations must stay text.
from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.api.check import check_model
from server.api.errors import ApiError, database_away, refusal
from server.api.login import Login
from server.api.services import Services
from server.api.status import Status
from server.api.store import Store
from server.api.tokens import Tokens
from server.common.database import connection_string
from server.common.node import credential, read_node
from server.common.notify import ready

ROLE = "operationalization_api"
WAIT_SECONDS = 5.0
"""How long a request waits for a connection before it hears that the database is away."""
RETRY_SECONDS = 2.0
"""How long the pool tries again by itself, ever more slowly, before the next request tries anew.

By default that is five minutes, in which a database that is back is not noticed for up to a half.
"""


@dataclass(frozen=True)
class Handlers:
    """What answers, apart from the process that serves it."""

    login: Login
    services: Services
    status: Status


def routes(handlers: Handlers) -> list[Route]:
    """Return the paths of facts.md 13.3 that this runtime has."""
    login, services = handlers.login, handlers.services
    return [
        Route("/live", _live, methods=["GET"]),
        Route("/login", login.log_in, methods=["POST"]),
        Route("/login/refreshToken", login.refresh, methods=["POST"]),
        Route("/login/refreshToken", login.revoke, methods=["DELETE"]),
        Route("/status", handlers.status.get, methods=["GET"]),
        Route("/services", services.list_all, methods=["GET"]),
        Route("/services/{name}", services.list_all, methods=["GET"]),
        Route("/services/{name}", services.publish, methods=["POST"]),
        Route("/services/{name}/{version}", services.get, methods=["GET"]),
        Route("/services/{name}/{version}", services.publish, methods=["POST"]),
        Route("/services/{name}/{version}", services.change, methods=["PATCH"]),
        Route("/services/{name}/{version}", services.remove, methods=["DELETE"]),
        Route("/api/{name}/{version}/swagger.json", services.describe, methods=["GET"]),
    ]


def connections(
    conninfo: str, most: int, *, wait: float = WAIT_SECONDS, retry: float = RETRY_SECONDS
) -> AsyncConnectionPool[AsyncConnection[TupleRow]]:
    """Return a pool, not open yet, that finds a database again as soon as it is back."""
    return AsyncConnectionPool(
        conninfo, min_size=1, max_size=most, timeout=wait, reconnect_timeout=retry, open=False
    )


def application(
    handlers: Handlers, pool: AsyncConnectionPool[AsyncConnection[TupleRow]]
) -> Starlette:
    """Return the application over *pool*, which it opens and closes."""

    @asynccontextmanager
    async def lifespan(_application: Starlette) -> AsyncIterator[None]:
        # Without waiting: this process lives while the database is away.
        await pool.open(wait=False)
        ready()
        try:
            yield
        finally:
            await pool.close()

    return Starlette(
        routes=routes(handlers),
        lifespan=lifespan,
        exception_handlers={
            ApiError: refusal,
            HTTPException: _no_route,
            psycopg.OperationalError: database_away,
            PoolTimeout: database_away,
            Exception: _failed,
        },
    )


def create() -> Starlette:
    """Return the application of this node: what uvicorn calls."""
    node = read_node()
    pool = connections(
        connection_string(node.database, user=ROLE, password=credential("database-api")),
        node.settings["connections"],
    )
    store = Store(pool)
    tokens = Tokens.from_pem(credential("token-signing-key"), os.environ["TOKEN_ISSUER"])
    handlers = Handlers(
        Login(store, tokens, credential("admin-password")),
        Services(store, tokens, check_model),
        Status(store, tokens, node.database.name),
    )
    return application(handlers, pool)


async def _live(_request: Request) -> Response:
    return JSONResponse("alive")


async def _no_route(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = "this path has no such method" if status == 405 else "there is nothing at this path"
    return JSONResponse({"message": message}, status)


async def _failed(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "the API service failed; its node's journal says why"}, 500)
