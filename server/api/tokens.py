"""Access tokens: RS256, signed with the environment's key, the same on every web node.

The proxy checks the same things before a request gets here (design.md section 8); this is the
second look, and the one that tells who calls.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.requests import Request

from server.api.errors import ApiError

Role = Literal["Owner", "Contributor", "Reader"]
ROLES: tuple[Role, ...] = ("Owner", "Contributor", "Reader")

LIFETIME_SECONDS = 3600
"""facts.md 13.2. An access token cannot be revoked; a refresh token can."""

NEEDED = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class Caller:
    """Who a token speaks for."""

    username: str
    role: Role

    def require(self, *roles: Role) -> None:
        """Refuse a caller that has none of *roles*.

        Raises:
            ApiError: 403.
        """
        if self.role not in roles:
            raise ApiError(403, f"this needs the role {' or '.join(roles)}, you are {self.role}")


@dataclass(frozen=True)
class Tokens:
    """Issues access tokens and looks into them."""

    key: RSAPrivateKey = field(repr=False)
    issuer: str
    now: Callable[[], float] = time.time

    @classmethod
    def from_pem(cls, pem: str, issuer: str) -> "Tokens":
        """Return tokens signed with the RSA key in *pem*.

        Raises:
            ValueError: when it is no RSA key.
        """
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("secret token-signing-key is not an RSA private key in PEM")  # noqa: TRY004
        return cls(key, issuer)

    @property
    def key_id(self) -> str:
        """What names the key in a token's header; role.sh computes the same for the proxy."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:16]

    def issue(self, caller: Caller) -> tuple[str, int]:
        """Return an access token for *caller* and the Unix time at which it ends."""
        begin = int(self.now())
        end = begin + LIFETIME_SECONDS
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": caller.username,
            "role": caller.role,
            "iat": begin,
            "nbf": begin,
            "exp": end,
        }
        return jwt.encode(claims, self.key, "RS256", headers={"kid": self.key_id}), end

    def verify(self, token: str) -> Caller:
        """Return who *token* speaks for.

        Raises:
            ApiError: 401, without saying which check failed.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.key.public_key(),
                algorithms=["RS256"],
                issuer=self.issuer,
                audience=self.issuer,
                options={"require": ["exp", "nbf", "iss", "aud", "sub", "role"]},
            )
        except jwt.PyJWTError:
            raise _needed() from None
        username, role = claims["sub"], claims["role"]
        if not isinstance(username, str) or role not in ROLES:
            raise _needed()
        return Caller(username, role)

    def caller(self, request: Request) -> Caller:
        """Return who sent *request*.

        Raises:
            ApiError: 401 without a valid token.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise _needed()
        return self.verify(token.strip())


def _needed() -> ApiError:
    return ApiError(
        401,
        "a valid access token is needed: POST /login, then send it as Authorization: Bearer",
        NEEDED,
    )
