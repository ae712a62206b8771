"""`/login`: tokens for the local administrator and for users of a directory (facts.md 12, 13.2)."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from server.api.errors import ApiError
from server.api.tokens import LIFETIME_SECONDS, ROLES, Caller, Role, Tokens
from stand_ins.product import passwords
from stand_ins.product.serving import Answer, Call
from stand_ins.product.store import Store

UNUSED = timedelta(days=14)
CHAIN = timedelta(days=90)
REFUSAL_SECONDS = 0.5

Verify = Callable[[str], Caller]
"""What tells who a bearer token speaks for; raises `ApiError` 401."""


class Directory(Protocol):
    """Who knows users and their passwords."""

    def authenticate(self, username: str, password: str) -> Caller | None:
        """Return the user, or None when name or password are wrong, or there is no role."""


@dataclass(frozen=True)
class LocalAccount:
    """The built-in administrator, who is an Owner."""

    name: str
    hash: str = field(repr=False)

    def authenticate(self, username: str, password: str) -> Caller | None:
        """Return the administrator, or None."""
        right = passwords.matches(password, self.hash)
        return Caller(self.name, "Owner") if right and username == self.name else None


class NoPasswords:
    """With Azure Active Directory tokens come from there, not from `/login`."""

    def authenticate(self, username: str, password: str) -> Caller | None:
        """Refuse everybody."""
        del username, password
        return None


@dataclass(frozen=True)
class Login:
    """Handlers of `/login`, and who calls."""

    store: Store
    tokens: Tokens
    directory: Directory
    verify: Verify
    """Of the tokens that this web node accepts: its own, or those of a directory."""

    def caller(self, call: Call) -> Caller:
        """Return who sent *call*.

        Raises:
            ApiError: 401.
        """
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise ApiError(401, "a valid access token is needed", {"WWW-Authenticate": "Bearer"})
        return self.verify(token.strip())

    def log_in(self, call: Call) -> Answer:
        """`POST /login`."""
        body = call.json()
        username, password = body.get("username"), body.get("password")
        if not isinstance(username, str) or not isinstance(password, str):
            raise ApiError(400, "username and password are needed")
        caller = self.directory.authenticate(username, password)
        if caller is None:
            time.sleep(REFUSAL_SECONDS)
            raise ApiError(401, "the user name or the password is wrong")
        return self._grant(caller, datetime.now(UTC))

    def refresh(self, call: Call) -> Answer:
        """`POST /login/refreshToken`: a new pair; the old refresh token is used up."""
        found = self.store.take_refresh_token(_digest(str(call.json().get("refreshToken", ""))))
        if found is None:
            raise ApiError(401, "the refresh token is not known, or has ended")
        username, role, started = found
        return self._grant(Caller(username, _role(role)), started)

    def revoke(self, call: Call) -> Answer:
        """`DELETE /login/refreshToken?refreshToken=...`."""
        if self.store.take_refresh_token(_digest(call.query.get("refreshToken", ""))) is None:
            raise ApiError(404, "the refresh token is not known, or has ended")
        return Answer({})

    def _grant(self, caller: Caller, started: datetime) -> Answer:
        ends = min(datetime.now(UTC) + UNUSED, started + CHAIN)
        refresh_token = secrets.token_urlsafe(32)
        self.store.add_refresh_token(
            _digest(refresh_token), caller.username, caller.role, started, ends
        )
        access_token, expires_on = self.tokens.issue(caller)
        return Answer(
            {
                "token_type": "Bearer",
                "access_token": access_token,
                "expires_in": LIFETIME_SECONDS,
                "expires_on": expires_on,
                "refresh_token": refresh_token,
            },
            headers={"Cache-Control": "no-store"},
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _role(name: str) -> Role:
    for role in ROLES:
        if role == name:
            return role
    raise ApiError(401, "the refresh token is not known, or has ended")
