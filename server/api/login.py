"""`/login`: the local administrator's tokens (facts.md 12.1, 13.2)."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.api.body import read_object, take
from server.api.errors import ApiError
from server.api.store import Store
from server.api.tokens import LIFETIME_SECONDS, ROLES, Caller, Role, Tokens

ADMINISTRATOR = Caller("admin", "Owner")
UNUSED = timedelta(days=14)
CHAIN = timedelta(days=90)
"""A refresh token ends after 14 days unused; each use gives a new one, for at most 90 days."""

REFUSAL_SECONDS = 0.5
"""A wrong password is answered late; the proxy counts attempts besides."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Login:
    """Handlers of `/login` and `/login/refreshToken`."""

    store: Store
    tokens: Tokens
    password: str = field(repr=False)
    now: Callable[[], datetime] = _now

    async def log_in(self, request: Request) -> Response:
        """`POST /login`."""
        body = await read_object(request)
        username, password = take(body, "username", str), take(body, "password", str)
        # Both are compared always: how long it takes says nothing of what was right.
        right_name = hmac.compare_digest(username.encode(), ADMINISTRATOR.username.encode())
        right_password = hmac.compare_digest(password.encode(), self.password.encode())
        if not (right_name and right_password):
            await asyncio.sleep(REFUSAL_SECONDS)
            raise ApiError(401, "the user name or the password is wrong")
        return await self._grant(ADMINISTRATOR, self.now())

    async def refresh(self, request: Request) -> Response:
        """`POST /login/refreshToken`: a new pair, the old refresh token is used up."""
        body = await read_object(request)
        found = await self.store.take_refresh_token(_digest(take(body, "refreshToken", str)))
        if found is None:
            raise ApiError(401, "the refresh token is not known, or has ended: POST /login")
        username, role, chain_started = found
        return await self._grant(Caller(username, _role(role)), chain_started)

    async def revoke(self, request: Request) -> Response:
        """`DELETE /login/refreshToken?refreshToken=...`: whoever has it may end it."""
        token = request.query_params.get("refreshToken", "")
        if await self.store.take_refresh_token(_digest(token)) is None:
            raise ApiError(404, "the refresh token is not known, or has ended")
        return JSONResponse({})

    async def _grant(self, caller: Caller, chain_started: datetime) -> Response:
        ends = min(self.now() + UNUSED, chain_started + CHAIN)
        refresh_token = secrets.token_urlsafe(32)
        await self.store.add_refresh_token(
            _digest(refresh_token), caller.username, caller.role, chain_started, ends
        )
        access_token, expires_on = self.tokens.issue(caller)
        return JSONResponse(
            {
                "token_type": "Bearer",
                "access_token": access_token,
                "expires_in": LIFETIME_SECONDS,
                "expires_on": expires_on,
                "refresh_token": refresh_token,
            },
            headers={"Cache-Control": "no-store"},
        )


def _digest(token: str) -> bytes:
    """Return what the database keeps: 32 random bytes need no salt."""
    return hashlib.sha256(token.encode()).digest()


def _role(name: str) -> Role:
    for role in ROLES:
        if role == name:
            return role
    raise ApiError(401, "the refresh token is not known, or has ended: POST /login")
