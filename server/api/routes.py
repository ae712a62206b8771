"""The application: routes, and what stands behind them, over any store."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

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
from server.api.store import DatabaseAwayError, Store
from server.api.tokens import Tokens
from server.common.node import credential
from server.common.notify import ready


@dataclass(frozen=True)
class Handlers:
    """What answers, apart from the process that serves it."""

    login: Login
    services: Services
    status: Status


def handlers_of_this_node(store: Store, database: str) -> Handlers:
    """Return what answers on this node, with its secrets, over *store* of the name *database*."""
    tokens = Tokens.from_pem(credential("token-signing-key"), os.environ["TOKEN_ISSUER"])
    return Handlers(
        Login(store, tokens, credential("admin-password")),
        Services(store, tokens, check_model),
        Status(store, tokens, database),
    )


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
        Route("/services/{name}/{version}/model", services.model, methods=["GET"]),
        Route("/api/{name}/{version}/swagger.json", services.describe, methods=["GET"]),
    ]


def application(handlers: Handlers, store: Store) -> Starlette:
    """Return the application over *store*, which it opens and closes."""

    @asynccontextmanager
    async def lifespan(_application: Starlette) -> AsyncIterator[None]:
        await store.open()
        ready()
        try:
            yield
        finally:
            await store.close()

    return Starlette(
        routes=routes(handlers),
        lifespan=lifespan,
        exception_handlers={
            ApiError: refusal,
            HTTPException: _no_route,
            DatabaseAwayError: database_away,
            Exception: _failed,
        },
    )


async def _live(_request: Request) -> Response:
    return JSONResponse("alive")


async def _no_route(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = "this path has no such method" if status == 405 else "there is nothing at this path"
    return JSONResponse({"message": message}, status)


async def _failed(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "the API service failed; its node's journal says why"}, 500)
