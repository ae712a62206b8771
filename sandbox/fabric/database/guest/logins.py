"""Checks the tokens that principals of the directory give as their passwords.

PostgreSQL asks as it asks an LDAP server (`ldap` in pg_hba.conf, simple bind): a bind request with
the role's name and the password, answered with success or invalidCredentials. The reason goes to
the server's log only, as LDAP's diagnostic message. Source of the protocol: RFC 4511, sections 4.2
and 5.1; only definite lengths occur, as the RFC demands.
"""

import json
import socketserver
import threading
from pathlib import Path
from typing import NamedTuple, Protocol

import jwt

from sandbox.fabric.database.guest import layout

_SUCCESS = 0
_INVALID_CREDENTIALS = 49
_UNAVAILABLE = 52

_LARGEST = 1 << 17
"""Bytes of a request; PostgreSQL takes no password longer than half of it."""
_INTEGER, _OCTETS, _ENUMERATED, _SEQUENCE = 0x02, 0x04, 0x0A, 0x30
_BIND, _ANSWER, _UNBIND, _SIMPLE = 0x60, 0x61, 0x42, 0x80


class MalformedError(Exception):
    """Not a request that PostgreSQL makes."""


class Source(Protocol):
    """Where bytes come from."""

    def read(self, count: int, /) -> bytes:
        """Return *count* bytes, or fewer at the end."""


class Request(NamedTuple):
    """Whoever wants to be let in."""

    number: int
    name: str
    password: str


class Directory(NamedTuple):
    """Who of the directory may log in, and with which tokens."""

    principals: dict[str, str]
    """Role -> object id."""
    tenant: str
    audiences: list[str]
    key: str
    """Public key of whoever issues tokens, PEM."""


class Handler(socketserver.StreamRequestHandler):
    """One connection of the server."""

    server: "_Server"
    timeout = 30.0

    def handle(self) -> None:
        """Answer until the server says goodbye."""
        try:
            while (request := read_request(self.rfile)) is not None:
                code, reason = judge(request, self.server.settings)
                self.wfile.write(answer(request.number, code, reason))
        except (MalformedError, OSError):
            # Who speaks otherwise is not PostgreSQL; it sees that the connection ended.
            return


def judge(request: Request, settings: Path) -> tuple[int, str]:
    """Return LDAP's result code, and why."""
    try:
        document = json.loads((settings / "directory.json").read_text(encoding="utf-8"))
        directory = Directory(key=(settings / "tokens.pem").read_text(), **document)
    except (OSError, ValueError, TypeError) as error:
        return _UNAVAILABLE, f"who may log in can't be read: {error}"
    reason = refusal(request.name.removeprefix(layout.PREFIX), request.password, directory)
    return (_INVALID_CREDENTIALS, reason) if reason else (_SUCCESS, "")


def refusal(role: str, token: str, directory: Directory) -> str:
    """Why *token* does not let anyone in as *role*; empty: it does. Never has the token in it."""
    identity = directory.principals.get(role)
    if identity is None:
        return "the role is no principal of the directory"
    try:
        claims = jwt.decode(
            token,
            directory.key,
            algorithms=["RS256"],
            audience=directory.audiences,
            options={"require": ["exp", "nbf", "aud", "tid", "oid"]},
        )
    except (jwt.InvalidTokenError, ValueError) as error:
        return f"the password is not a valid access token: {error}"
    if str(claims["tid"]).lower() != directory.tenant.lower():
        return "the token is of another tenant"
    if str(claims["oid"]).lower() != identity.lower():
        return "the token is another principal's"
    return ""


def read_request(source: Source) -> Request | None:
    """Return the next bind request; None: goodbye. Raises MalformedError."""
    head = source.read(1)
    if not head:
        return None
    if head[0] != _SEQUENCE:
        raise MalformedError("no LDAP message")
    message = _Reader(source.read(_length(source)))
    number = int.from_bytes(message.take(_INTEGER), "big", signed=True)
    kind, body = message.next()
    if kind == _UNBIND:
        return None
    if kind != _BIND:
        raise MalformedError("no bind request")
    bind = _Reader(body)
    bind.take(_INTEGER)
    name = bind.take(_OCTETS)
    return Request(number, _text(name), _text(bind.take(_SIMPLE)))


def answer(number: int, code: int, reason: str) -> bytes:
    """Return a bind response."""
    response = _element(_ENUMERATED, bytes([code])) + _element(_OCTETS, b"")
    response += _element(_OCTETS, reason.encode())
    size = number.bit_length() // 8 + 1
    return _element(
        _SEQUENCE,
        _element(_INTEGER, number.to_bytes(size, "big", signed=True)) + _element(_ANSWER, response),
    )


class _Reader:
    """Elements of ASN.1's basic encoding, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, count: int, /) -> bytes:
        """Return *count* bytes, or fewer at the end."""
        found = self._data[self._at : self._at + count]
        self._at += len(found)
        return found

    def next(self) -> tuple[int, bytes]:
        """Return the next element's tag and content."""
        head = self.read(1)
        if not head:
            raise MalformedError("an element is missing")
        size = _length(self)
        content = self.read(size)
        if len(content) != size:
            raise MalformedError("an element is cut off")
        return head[0], content

    def take(self, tag: int) -> bytes:
        """Return the next element's content. Raises MalformedError: it is of another kind."""
        found, content = self.next()
        if found != tag:
            raise MalformedError(f"element {found:#x} in the place of {tag:#x}")
        return content


def _length(source: Source) -> int:
    first = source.read(1)
    if not first:
        raise MalformedError("cut off")
    if first[0] < 0x80:
        return first[0]
    count = first[0] & 0x7F
    size = int.from_bytes(source.read(count), "big")
    if not 1 <= count <= 4 or size > _LARGEST:
        raise MalformedError("too long")
    return size


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    written = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(written)]) + written + content


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, settings: Path) -> None:
        self.settings = settings
        super().__init__(("127.0.0.1", layout.LOGINS_PORT), Handler)


def serve(settings: Path) -> None:
    """Answer in a thread from now on, by what the files in *settings* say at each request."""
    server = _Server(settings)
    threading.Thread(target=server.serve_forever, name="logins", daemon=True).start()
