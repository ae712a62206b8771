"""The API service in this process, over a real database, as a client sees it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from server.api.definitions import Definition
from server.api.login import Login
from server.api.routes import Handlers, application
from server.api.services import Services
from server.api.status import Status
from server.api.tokens import Caller, Role, Tokens
from tests.support.stores import MakeStore

PASSWORD = "Sandbox-Pass:1"
TOKENS = Tokens(
    rsa.generate_private_key(public_exponent=65537, key_size=2048), "operationalization/test"
)


async def any_model(_definition: Definition) -> None:
    """Stand for a compute node that finds nothing wrong."""


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    body: object = None
    role: Role | None = "Owner"
    username: str = "admin"
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = tuple[int, Any]


def talk(
    make_store: MakeStore,
    *calls: Call,
    check_model: Callable[[Definition], Awaitable[None]] = any_model,
    **login: Any,
) -> list[Answer]:
    """Return the status and body of each of *calls*, sent in order."""

    async def run() -> list[Answer]:
        store = make_store()
        handlers = Handlers(
            Login(store, TOKENS, PASSWORD, **login),
            Services(store, TOKENS, check_model),
            Status(store, TOKENS, "operationalization"),
        )
        transport = httpx.ASGITransport(application(handlers, store))
        await store.open()
        try:
            async with httpx.AsyncClient(transport=transport, base_url="https://web") as client:
                return [await _send(client, call) for call in calls]
        finally:
            await store.close()

    return asyncio.run(run())


async def _send(client: httpx.AsyncClient, call: Call) -> Answer:
    headers = dict(call.headers)
    if call.role is not None:
        token, _ = TOKENS.issue(Caller(call.username, call.role))
        headers["Authorization"] = f"Bearer {token}"
    content = call.body if isinstance(call.body, bytes) else json.dumps(call.body).encode()
    response = await client.request(call.method, call.path, content=content, headers=headers)
    if response.headers["Content-Type"] == "application/octet-stream":
        return response.status_code, response.content
    return response.status_code, response.json()
