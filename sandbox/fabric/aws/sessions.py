"""Temporary credentials of roles, as the metadata service gives them to a machine.

A session's secret key follows from its token and from a key that each sandbox keeps, so that
nothing is to be remembered: credentials are valid over a restart, and nobody can make some up.

Sources: AWS Identity and Access Management User Guide, "Temporary security credentials in IAM" (a
token is opaque to clients; credentials hold until they expire), "IAM identifiers" (prefixes ASIA of
access keys, AROA of roles), Amazon EC2 User Guide, "Retrieve security credentials from instance
metadata" (new ones are there at least five minutes before the old ones expire).
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.fabric.contract import FabricError

LIFE = 6 * 3600
"""Seconds that credentials of a machine hold; AWS's do for about as long."""
_FRESH = 3600
"""Seconds that must be left of credentials that are given out again."""
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LONGEST = 4096


class SessionError(Exception):
    """Credentials that are not accepted; says why, never what they are."""


class SessionExpiredError(SessionError):
    """They were valid once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Who calls: a role, as one machine has assumed it."""

    account: str
    partition: str
    role: str
    """Name of the role."""
    role_id: str
    name: str
    """Of the session: the machine's id."""
    expires: int
    """Seconds since the epoch."""

    @property
    def arn(self) -> str:
        """As AWS names the caller."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.role}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What signs a call."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    begins: int
    expires: int
    """Seconds since the epoch."""


class Sessions:
    """All sessions of one sandbox. Methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        """Read the key in *folder*, or make it. Raises FabricError."""
        self._key = _key(folder / "sessions.key")
        self._lock = threading.Lock()
        self._given: dict[tuple[str, str], Credentials] = {}

    def give(self, session: Session) -> Credentials:
        """Credentials for a role on a machine: those that it has, while they hold long enough.

        *session*: its `expires` is decided here.
        """
        place = (session.role_id, session.name)
        with self._lock:
            known = self._given.get(place)
            if known is None or known.expires - time.time() < _FRESH:
                known = self._given[place] = self._issue(session)
            return known

    def _issue(self, session: Session) -> Credentials:
        now = int(time.time())
        claims = {
            "account": session.account,
            "partition": session.partition,
            "role": session.role,
            "role_id": session.role_id,
            "name": session.name,
            "expires": now + LIFE,
            "serial": secrets.token_hex(8),
        }
        body = json.dumps(claims, separators=(",", ":"), sort_keys=True).encode()
        token = base64.b64encode(self._mark(b"token", body) + body).decode()
        return Credentials(
            access_key=self._access_key(token),
            secret_key=self._secret(token),
            token=token,
            begins=now,
            expires=now + LIFE,
        )

    def find(self, access_key: str, token: str) -> tuple[Session, str]:
        """Who has these credentials, and the secret key that goes with them.

        Raises SessionError: they are not of this sandbox, or don't belong together, or are too old.
        """
        session = self._session(token)
        if session is None or not hmac.compare_digest(access_key, self._access_key(token)):
            raise SessionError("The security token included in the request is invalid.")
        if session.expires <= time.time():
            raise SessionExpiredError("The security token included in the request is expired")
        return session, self._secret(token)

    def _session(self, token: str) -> Session | None:
        """What a token says, if this sandbox issued it."""
        try:
            found = base64.b64decode(token[:_LONGEST].encode(), validate=True)
            mark, body = found[:32], found[32:]
            if not hmac.compare_digest(mark, self._mark(b"token", body)):
                return None
            claims = json.loads(body)
        except ValueError:
            return None
        del claims["serial"]
        return Session(**claims)

    def _mark(self, use: bytes, body: bytes) -> bytes:
        return hmac.new(self._key, use + b"\0" + body, hashlib.sha256).digest()

    def _secret(self, token: str) -> str:
        return base64.b64encode(self._mark(b"secret", token.encode())[:30]).decode()

    def _access_key(self, token: str) -> str:
        digest = self._mark(b"access key", token.encode())
        return "ASIA" + "".join(_ALPHABET[byte % 32] for byte in digest[:16])


def _key(file: Path) -> bytes:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
            made = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "wb") as stream:
                stream.write(secrets.token_bytes(32))
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        found = file.read_bytes()
    except OSError as error:
        raise FabricError(
            f"the key of the sandbox's sessions, {file}, can't be read or written: "
            f"{error.strerror}; make room on that disk, or make it writable"
        ) from error
    if len(found) != 32:
        raise FabricError(f"{file} is not a key of the sandbox; remove it, then start it again")
    return found
