"""HTTP as both kinds of node speak it: routes, JSON, and an error's body (facts.md 13.1)."""

import json
import logging
import re
import signal
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from server.api.errors import ApiError
from server.api.store import DatabaseAwayError

LARGEST = 96 * 1024 * 1024
"""Bytes of a body; a model of 64 MiB in base64 fits."""

LAST_SECONDS = 60.0
"""How long a process that is ended waits for its last requests."""

log = logging.getLogger("stand_in")


@dataclass(frozen=True)
class Call:
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Parts of the path, by the names of its route."""
    peer: Mapping[str, Any] = field(default_factory=dict)
    """The client's certificate, as `ssl` describes it; empty without one."""

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body; an empty body is an empty object.

        Raises:
            ApiError: 400.
        """
        try:
            value = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            raise ApiError(400, "the body must be JSON") from None
        if not isinstance(value, dict):
            raise ApiError(400, "the body must be a JSON object")
        return value


@dataclass(frozen=True)
class Answer:
    """What is said to a request: bytes as they are, anything else as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A method and a path, with its handler."""

    method: str
    pattern: str
    """Such as `/services/{name}`: a name stands for one part of a path."""
    handler: Handler

    def matches(self, path: str) -> dict[str, str] | None:
        """Return the parts of *path* by name, or None when it is another path."""
        literal = re.split(r"\{(\w+)\}", self.pattern)
        expression = "".join(
            f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(literal)
        )
        found = re.fullmatch(expression, path.rstrip("/") or "/", re.IGNORECASE)
        return {name: unquote(part) for name, part in found.groupdict().items()} if found else None


def dispatch(routes: Sequence[Route], call: Call) -> Answer:
    """Return what the handler of *call* says, or an error's answer."""
    methods = []
    try:
        for route in routes:
            parameters = route.matches(call.path)
            if parameters is None:
                continue
            if route.method == call.method:
                return route.handler(_with(call, parameters))
            methods.append(route.method)
    except ApiError as error:
        return Answer({"message": error.message}, error.status, error.headers)
    except DatabaseAwayError as error:
        log.warning("the database is away: %s", error)
        message = "the database cannot be reached just now"
        return Answer({"message": message}, 503, {"Retry-After": "5"})
    except Exception:
        # Its number is all that a caller gets to know (facts.md 14.4); bodies are never logged.
        number = str(uuid.uuid4())
        log.exception("request failed: %s", number)
        return Answer({"message": number, "exceptionType": "UnhandledException"}, 500)
    if methods:
        headers = {"Allow": ", ".join(methods)}
        return Answer({"message": "this path has no such method"}, 405, headers)
    return Answer({"message": "there is nothing at this path"}, 404)


def _with(call: Call, parameters: dict[str, str]) -> Call:
    return Call(call.method, call.path, call.headers, call.body, call.query, parameters, call.peer)


class Server(ThreadingHTTPServer):
    """Serves on all addresses of the machine, whatever `Kestrel.Host` says (facts.md 9.3, Q13)."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        routes: Sequence[Route],
        stand_in: str,
        *,
        context: ssl.SSLContext | None = None,
        guard: Callable[[Call], None] = lambda _call: None,
        origins: Sequence[str] = (),
    ) -> None:
        self.routes = routes
        self.stand_in = stand_in
        self.guard = guard
        """Looks at each request before its handler, and may raise `ApiError`."""
        self.context = context
        self.origins = origins
        """Whose pages may call (facts.md 9.5, CORS)."""
        self.ends: list[Callable[[], None]] = []
        """What ends with it."""
        self._working: set[int] = set()
        self._lock = threading.Lock()
        super().__init__(("", port), _Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection; its thread does the handshake, so that no client stops the others."""
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is None:
            return connection, address
        wrapped = self.context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away or speak no TLS."""

    def server_close(self) -> None:
        """Listen no more."""
        super().server_close()
        for end in self.ends:
            end()
        self.ends.clear()

    def run(self) -> None:
        """Serve until somebody ends the process; what was asked for by then is answered."""
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=self.shutdown).start())
        self.serve_until_ended()

    def serve_until_ended(self) -> None:
        """Serve until `shutdown`, and answer what was asked for by then."""
        self.serve_forever(poll_interval=0.1)
        self.socket.close()
        deadline = time.monotonic() + LAST_SECONDS
        while self.working and time.monotonic() < deadline:
            time.sleep(0.02)
        self.server_close()

    @property
    def working(self) -> int:
        """How many requests are not answered yet."""
        return len(self._working)

    def begin(self, request: object) -> None:
        """Note a request."""
        with self._lock:
            self._working.add(id(request))

    def end(self, request: object) -> None:
        """Note its answer."""
        with self._lock:
            self._working.discard(id(request))


def _length(text: str, base: int, already: int) -> int:
    try:
        length = int(text.strip(), base)
    except ValueError:
        raise ApiError(400, "the body's length must be a number") from None
    if not 0 <= length <= LARGEST - already:
        raise ApiError(413, f"the body is over the limit of {LARGEST} bytes")
    return length


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Kestrel"
    sys_version = ""
    wbufsize = 64 * 1024
    timeout = 3600
    server: Server

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(10)
            self.request.do_handshake()
        super().setup()

    def handle_method(self) -> None:
        self.server.begin(self)
        try:
            self._handle()
        finally:
            self.server.end(self)

    def _handle(self) -> None:
        begun = time.monotonic()
        parts = urlsplit(self.path)
        try:
            body = self._body()
        except ApiError as error:
            self.close_connection = True
            self._send(Answer({"message": error.message}, error.status))
            return
        call = Call(
            self.command,
            parts.path,
            {name.lower(): value for name, value in self.headers.items()},
            body,
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            peer=self._peer(),
        )
        answer = self._answer(call)
        self._send(answer)
        log.info(
            "%s",
            json.dumps(
                {
                    "Operation": f"RESPONSE {call.method} {call.path}",
                    "RemoteIpAddress": self.client_address[0],
                    "StatusCode": answer.status,
                    "Milliseconds": round(1000 * (time.monotonic() - begun)),
                }
            ),
        )

    def do_OPTIONS(self) -> None:
        """Tell a page whether it may call."""
        methods = {"Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE"}
        headers = methods | {"Access-Control-Allow-Headers": "Authorization, Content-Type"}
        self._send(Answer(b"", 204, headers))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_method  # noqa: N815

    def _answer(self, call: Call) -> Answer:
        try:
            self.server.guard(call)
        except ApiError as error:
            return Answer({"message": error.message}, error.status, error.headers)
        return dispatch(self.server.routes, call)

    def _peer(self) -> dict[str, Any]:
        connection = self.connection
        found = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
        return dict(found or {})

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(_length(self.headers.get("Content-Length", "0"), 10, 0))
        # Proxies that do not wait for the end of a body send it like this.
        body = bytearray()
        while length := _length(self.rfile.readline(64).split(b";")[0].decode(), 16, len(body)):
            body += self.rfile.read(length)
            self.rfile.readline(64)
        while self.rfile.readline(64 * 1024).strip():
            pass  # Trailers.
        return bytes(body)

    def _send(self, answer: Answer) -> None:
        raw = isinstance(answer.body, bytes)
        body = answer.body if raw else json.dumps(answer.body).encode()
        self.send_response(answer.status, HTTPStatus(answer.status).phrase)
        self.send_header("X-Stand-In", self.server.stand_in)
        self.send_header("Content-Type", "application/octet-stream" if raw else "application/json")
        self.send_header("Content-Length", str(len(body)))
        origin = self.headers.get("Origin", "")
        if origin in self.server.origins:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Vary", "Origin")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Leave the log to `handle_method`, which writes no query."""
