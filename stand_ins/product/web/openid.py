"""Tokens of Azure Active Directory, verified against the authority's own metadata (facts.md 12.5).

The product asks the directory's graph for a user's groups, which is gone (facts.md 2); the stand-in
reads their names from the token's `groups`.
"""

import json
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import jwt

from server.api.errors import ApiError
from server.api.tokens import Caller
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import Stores
from stand_ins.product.web.directory import section_of
from stand_ins.product.web.roles import Roles
from stand_ins.versions import Version

SECONDS = 10
KEPT_SECONDS = 3600.0


@dataclass
class OpenId:
    """An authority, and the application that tokens must be for."""

    authority: str
    audience: str
    roles: Roles
    _keys: dict[str, Any] = field(default_factory=dict)
    _issuer: str = ""
    _at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def verify(self, token: str) -> Caller:
        """Return who *token* speaks for.

        Raises:
            ApiError: 401 for the token, 403 without a role, 503 without the authority.
        """
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._key(str(kid))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self.audience,
                issuer=self._issuer,
                options={"require": ["exp", "aud", "iss"]},
            )
        except (jwt.PyJWTError, KeyError):
            raise ApiError(401, "a valid access token of the directory is needed") from None
        name = claims.get("upn") or claims.get("unique_name") or claims.get("appid")
        if not isinstance(name, str):
            raise ApiError(401, "the token names nobody")
        groups = claims.get("groups", [])
        role = self.roles.of(groups if isinstance(groups, list) else [])
        if role is None:
            raise ApiError(403, "none of your groups has a role")
        return Caller(name, role)

    def _key(self, kid: str) -> Any:
        with self._lock:
            if kid not in self._keys or time.monotonic() - self._at > KEPT_SECONDS:
                self._load()
            return self._keys[kid]

    def _load(self) -> None:
        try:
            metadata = _read(f"{self.authority.rstrip('/')}/.well-known/openid-configuration")
            keys = _read(metadata["jwks_uri"])["keys"]
            self._keys = {
                key["kid"]: jwt.algorithms.RSAAlgorithm.from_jwk(json.dumps(key))
                for key in keys
                if key.get("kty") == "RSA"
            }
            self._issuer = str(metadata["issuer"])
            self._at = time.monotonic()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ApiError(503, "the directory's metadata cannot be read just now") from error


def _read(url: str) -> Any:
    if not url.startswith(("https://", "http://")):
        raise ValueError(url)
    with urllib.request.urlopen(url, timeout=SECONDS) as response:  # noqa: S310
        return json.load(response)


def openid(version: Version, root: Section, stores: Stores, roles: Roles) -> OpenId | None:
    """Return the authority of the web node's file, if it is enabled.

    Raises:
        ConfigurationError: a key is missing or wrong.
    """
    section = section_of(version, root, "AzureActiveDirectory")
    if section is None:
        return None
    for key in ("Authority", "Audience"):
        if not section.text(key):
            raise ConfigurationError(f"{section.name}{key} is missing")
    key = section.text("Key")
    if section.flag("KeyEncrypted"):
        key = stores.decrypt(key, f"{section.name}Key")
    if roles.groups and not key:
        raise ConfigurationError(f"{section.name}Key is needed for roles")
    return OpenId(section.text("Authority"), section.text("Audience"), roles)
