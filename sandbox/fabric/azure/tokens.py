"""Access tokens of the sandbox's directory: signed as Microsoft Entra ID signs its own.

The key is made once a sandbox, and kept. Whoever trusts the directory (a vault, a database) checks
tokens with the public half.

Source: Microsoft identity platform documentation, "Access token claims reference" (v1.0 tokens:
issuer, `appid`, `oid`, `tid`), "How managed identities for Azure resources work" (24 hours).
"""

import hashlib
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from sandbox.control.world import TENANT
from sandbox.fabric.contract import FabricError

LIFE = 86_400
"""Seconds that a token is valid."""
_EARLY = 300
"""Seconds that a token is valid before it is issued, for clocks that are late."""
_BITS = 2048
_NEEDED = ["exp", "nbf", "iat", "iss", "aud", "oid"]


class TokenError(Exception):
    """A token that is not accepted; says why, and never repeats it."""


class TokenExpiredError(TokenError):
    """It was valid once."""


class TokenAudienceError(TokenError):
    """It is meant for somebody else."""

    def __init__(self, found: str) -> None:
        self.found = found
        """The audience that it names."""
        super().__init__(f"the token is for {found}")


def public_key(folder: Path) -> Path:
    """Where the directory in *folder* has its public key."""
    return folder / "directory.pem"


class Tokens:
    """The directory that issues tokens, and checks them."""

    def __init__(self, folder: Path, tenant: str = TENANT) -> None:
        """Read the key in *folder*, or make it. Raises FabricError."""
        self.tenant = tenant
        self.public_key = public_key(folder)
        """The public key, PEM."""
        self._private = folder / "directory.key"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._key = self._read() or self._make()
            public = self._key.public_key().public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            )
            if not self.public_key.exists() or self.public_key.read_bytes() != public:
                _write(self.public_key, public, 0o644)
        except OSError as error:
            raise FabricError(
                f"the signing key of the sandbox's directory, {self._private}, can't be read or "
                f"written: {error.strerror}; make room on that disk, or make it writable"
            ) from error
        except (ValueError, TypeError) as error:
            raise FabricError(
                f"the signing key of the sandbox's directory, {self._private}, can't be used: "
                f"{error}; remove the file, then start the sandbox again: a new one is made"
            ) from error
        self._public = self._key.public_key()
        self._id = hashlib.sha256(public).hexdigest()[:32]

    @property
    def issuer(self) -> str:
        """Who the tokens say issued them."""
        return f"https://sts.windows.net/{self.tenant}/"

    def issue(
        self, principal_id: str, client_id: str, tenant: str, audience: str
    ) -> tuple[str, int]:
        """Return a token for a managed identity, and when it expires (seconds since the epoch).

        Raises ValueError when *tenant* is not the directory's own.
        """
        if tenant != self.tenant:
            raise ValueError(f"the directory {self.tenant} issues no tokens for tenant {tenant}")
        now = int(time.time())
        expires = now + LIFE
        claims = {
            "aud": audience,
            "iss": self.issuer,
            "iat": now - _EARLY,
            "nbf": now - _EARLY,
            "exp": expires,
            "appid": client_id,
            "appidacr": "2",
            "idp": self.issuer,
            "idtyp": "app",
            "oid": principal_id,
            "sub": principal_id,
            "tid": self.tenant,
            "uti": str(uuid4()),
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._id}), expires

    def verify(self, token: str, audience: str) -> Mapping[str, Any]:
        """The claims of a token for *audience*, written with or without a slash at its end.

        Raises TokenError: not signed by this directory, expired, or for another audience.
        """
        plain = audience.rstrip("/")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                issuer=self.issuer,
                options={"require": _NEEDED, "verify_aud": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenExpiredError("the token has expired") from error
        except (jwt.InvalidTokenError, ValueError) as error:
            # The library's own words can repeat claims, so they stay here.
            raise TokenError(f"the token is not valid ({type(error).__name__})") from error
        found = claims["aud"]
        if found not in (plain, f"{plain}/"):
            raise TokenAudienceError(found if isinstance(found, str) else "several audiences")
        return claims

    def _read(self) -> rsa.RSAPrivateKey | None:
        try:
            text = self._private.read_bytes()
        except FileNotFoundError:
            return None
        key = load_pem_private_key(text, password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("it is not an RSA key")
        return key

    def _make(self) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(self._private, text, 0o600)
        return key


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file at once: a reader finds the old content or the new one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(file, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
