"""What lets a caller score: the keys and tokens of an online endpoint.

The control plane gives them out (`listOnlineEndpointKeys`, `getOnlineEndpointToken`), and the
fabric's router checks them. Both read one secret of the sandbox, a note, and the endpoint's own
incarnation: an endpoint that was made again has other keys, and takes no token of the one before.

Sources: Azure documentation, "Authenticate clients for online endpoints" (an `aml_token` ends and
is asked for again; a key doesn't end; a token of Microsoft Entra is for https://ml.azure.com) and
"Troubleshoot online endpoints deployment and scoring" (401: no or a wrong credential).
"""

import hmac
import secrets
import time
from base64 import b64encode
from hashlib import sha256
from typing import NamedTuple, Protocol

import jwt

from sandbox.control.kinds import Record, Transaction
from sandbox.control.reading import text

AML_TOKEN, KEY, ENTRA = "AMLToken", "Key", "AADToken"
MODES = (AML_TOKEN, KEY, ENTRA)
"""What `properties.authMode` may be."""

ENTRA_AUDIENCE = "https://ml.azure.com"
"""The resource that a token of Microsoft Entra must be for."""

LIFETIME = 3600
"""Seconds that a token holds."""
REFRESH = 2700
"""Seconds after which a client should ask for another one."""

_NOTE = "online-endpoints/secret"
_ALGORITHM = "HS256"
_BEARER = "bearer "


class Notes(Protocol):
    """Where the sandbox's secret is kept: a `World`, or rows of the store."""

    def note(self, key: str) -> object:
        """The JSON value under *key*, or None."""


class Keys(NamedTuple):
    """The two keys of an endpoint: either lets a caller in."""

    primary: str
    secondary: str


class Token(NamedTuple):
    """A credential that ends; times are Unix seconds, as the service gives them."""

    access_token: str
    expires: int
    refresh_after: int


class CredentialError(Exception):
    """An endpoint can't give this; says why."""


def establish(transaction: Transaction) -> None:
    """Make the sandbox's secret, once."""
    if transaction.note(_NOTE) is None:
        transaction.remember(_NOTE, secrets.token_hex(32))


def mode_of(endpoint: Record) -> str:
    """How the endpoint's callers show who they are, as one of `MODES`."""
    given = (text(endpoint.inputs, "properties.authMode") or "").casefold()
    return next((mode for mode in MODES if mode.casefold() == given), "")


def keys(notes: Notes, endpoint: Record) -> Keys:
    """The keys of an endpoint, whatever its authMode: the service keeps them all the same."""
    return Keys(_key(notes, endpoint, "primary"), _key(notes, endpoint, "secondary"))


def token(notes: Notes, endpoint: Record, now: float | None = None) -> Token:
    """A new token for an endpoint whose authMode is AMLToken. Raises CredentialError."""
    if mode_of(endpoint) != AML_TOKEN:
        raise CredentialError(
            f"its authMode is {mode_of(endpoint)}: only an endpoint with AMLToken gives tokens"
        )
    return _signed(notes, {"aud": endpoint.id.casefold(), "inc": endpoint.incarnation}, now)


def entra_token(notes: Notes, principal: str, now: float | None = None) -> Token:
    """A token as the sandbox's own directory gives it to *principal* for machine learning."""
    return _signed(notes, {"aud": ENTRA_AUDIENCE, "oid": principal}, now)


def refusal(
    notes: Notes, endpoint: Record, authorization: str | None, now: float | None = None
) -> str | None:
    """Why a caller with this `Authorization` header may not score (401), or None: it may."""
    if not authorization:
        return "no credential: send the header Authorization: Bearer ..."
    if authorization[: len(_BEARER)].casefold() != _BEARER:
        return "the credential must be of the form: Authorization: Bearer ..."
    given = authorization[len(_BEARER) :].strip()
    match mode_of(endpoint):
        case "Key":
            return None if _is_key(notes, endpoint, given) else "the key is not the endpoint's"
        case "AMLToken":
            expected = {"aud": endpoint.id.casefold(), "inc": endpoint.incarnation}
        case _:
            expected = {"aud": ENTRA_AUDIENCE}
    return _refused(notes, given, expected, time.time() if now is None else now)


def _key(notes: Notes, endpoint: Record, purpose: str) -> str:
    """44 characters of base64, as the service's keys are."""
    made = hmac.digest(_secret(notes), f"{endpoint.incarnation}/{purpose}".encode(), sha256)
    return b64encode(made).decode()


def _is_key(notes: Notes, endpoint: Record, given: str) -> bool:
    return any(hmac.compare_digest(k.encode(), given.encode()) for k in keys(notes, endpoint))


def _signed(notes: Notes, claims: dict[str, str], now: float | None) -> Token:
    issued = int(time.time() if now is None else now)
    times = {"iat": issued, "nbf": issued, "exp": issued + LIFETIME}
    made = jwt.encode({**claims, **times}, _secret(notes), algorithm=_ALGORITHM)
    return Token(made, issued + LIFETIME, issued + REFRESH)


def _refused(notes: Notes, given: str, expected: dict[str, str], now: float) -> str | None:
    # Times are judged here, so that a test (or a paused sandbox) can say what time it is.
    try:
        claims = jwt.decode(
            given,
            _secret(notes),
            algorithms=[_ALGORITHM],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except jwt.InvalidTokenError:
        return "the token is not one of this cloud"
    if any(claims.get(name) != value for name, value in expected.items()):
        return "the token is for something else"
    if not isinstance(claims.get("exp"), int) or claims["exp"] <= now:
        return "the token has expired: ask for another one"
    return None


def _secret(notes: Notes) -> bytes:
    found = notes.note(_NOTE)
    if not isinstance(found, str):
        raise CredentialError("no online endpoint was ever created in this sandbox")
    return bytes.fromhex(found)
