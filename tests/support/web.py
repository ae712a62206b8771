"""An environment in this process: the real API over HTTPS, and a compute node made of words.

The front stands for the load balancer and the web node's proxy: it ends TLS with a certificate for
its address, and sends scoring to the compute node and all else to the API (haproxy.cfg).
"""

import asyncio
import http.client
import ipaddress
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from operations.stack import Environment
from server.api.check import check_model
from server.api.login import Login
from server.api.routes import Handlers, application
from server.api.services import Services
from server.api.status import Status
from server.api.store import Store
from tests.support import stores
from tests.support.api import PASSWORD, TOKENS
from tests.support.pretending import serving

ADDRESS = "127.0.0.1"


class Authority:
    """A certificate authority as an environment has one."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test environment")])
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, folder: Path, address: str = ADDRESS, *, days: float = 1) -> ssl.SSLContext:
        """Return what serves as *address* for so many days; its files are in *folder*."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test web")])
        try:
            known: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(address))
        except ValueError:
            known = x509.DNSName(address)
        names = x509.SubjectAlternativeName([known])
        certificate = (
            _builder(name, self._name, key.public_key(), days)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / "web-server.pem").write_bytes(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "web-server.pem")
        return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: float = 1
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )


@dataclass(frozen=True)
class Heard:
    """A request that reached a server."""

    method: str
    path: str
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)


Respond = Callable[[Heard], tuple[int, Any]]
"""Status, and the JSON of the answer; bytes go out as they are."""


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    pass


class _Secure(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__((ADDRESS, 0), handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the connection's own thread: who stops in the handshake holds up nobody else.
        try:
            secure = self._context.wrap_socket(request, server_side=True)
        except OSError:
            return
        with secure:
            super().finish_request(secure, client_address)


def _handler(respond: Respond) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5.0

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            heard = Heard(self.command, self.path, body, dict(self.headers))
            status, answer = respond(heard)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            # The one answer of the API that is not JSON.
            given = status == 200 and heard.path.endswith("/model")
            self.send_header("Content-Type", f"application/{'octet-stream' if given else 'json'}")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 (the server's names)

        def address_string(self) -> str:
            return "client"

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


@contextmanager
def compute_node(path: Path, respond: Respond) -> Iterator[None]:
    """A compute node behind the web node's proxy, on the socket *path*."""
    with serving(_Unix(str(path), _handler(respond))):
        yield


@contextmanager
def https(
    folder: Path, authority: Authority, respond: Respond, address: str, *, days: float = 1
) -> Iterator[str]:
    """Serve on this machine with a certificate for *address*; yields the URL."""
    server = _Secure(authority.issue(folder, address, days=days), _handler(respond))
    with serving(server):
        yield f"https://{ADDRESS}:{server.server_address[1]}"


@dataclass
class Web:
    """A running environment."""

    environment: Environment
    heard: list[Heard]
    """What reached the front, in order."""
    compute: list[Heard]
    """What reached the compute node, checks included."""
    answers: list[tuple[int, Any]]
    """What the compute node says to the next requests for scores, the last one for ever."""
    checks: list[tuple[int, Any]]
    """The same for models to look into."""
    refusals: list[tuple[int, Any]]
    """What the front itself says to the next requests; then they go through."""
    watch: Callable[[Heard], None]
    """Called with each request that reaches the front."""

    def paths(self) -> list[str]:
        """Methods and paths that reached the front."""
        return [f"{heard.method} {heard.path}" for heard in self.heard]


@contextmanager
def environment(
    folder: Path,
    conninfo: str,
    *,
    address: str = ADDRESS,
    authority: Authority | None = None,
    login: dict[str, Any] | None = None,
) -> Iterator[Web]:
    """Run an environment over a migrated database; *login* changes how tokens are given."""
    signs = authority or Authority()
    socket_path = folder / "compute.sock"
    heard: list[Heard] = []
    asked: list[Heard] = []
    answers: list[tuple[int, Any]] = [(200, _said({}))]
    checks: list[tuple[int, Any]] = [(200, {"inputs": ["..."]})]
    refusals: list[tuple[int, Any]] = []

    def compute(request: Heard) -> tuple[int, Any]:
        asked.append(request)
        queue = checks if request.path == "/check" else answers
        return queue.pop(0) if len(queue) > 1 else queue[0]

    known = Environment(stack="test", endpoint="", authority=signs.pem, password=PASSWORD)
    running = Web(known, heard, asked, answers, checks, refusals, lambda _heard: None)

    with _api(conninfo, socket_path, login or {}) as api:

        def front(request: Heard) -> tuple[int, Any]:
            heard.append(request)
            running.watch(request)
            if refusals:
                return refusals.pop(0)
            if request.method == "POST" and request.path.startswith("/api/"):
                return _forward(socket_path, request)
            return api(request)

        with (
            compute_node(socket_path, compute),
            https(folder, signs, front, address) as url,
        ):
            running.environment = replace(known, endpoint=url)
            yield running


def _said(outputs: dict[str, Any], error: str = "", console: str = "") -> dict[str, Any]:
    return {
        "success": not error,
        "errorMessage": error,
        "outputParameters": outputs,
        "consoleOutput": console,
        "changedFiles": [],
    }


said = _said
"""What a worker answers (facts.md 13.3, "Consume")."""


def _forward(path: Path, request: Heard) -> tuple[int, Any]:
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(path))
        connection = http.client.HTTPConnection("compute")
        connection.sock = channel
        connection.request(request.method, request.path, request.body)
        response = connection.getresponse()
        return response.status, response.read()


@contextmanager
def _api(conninfo: str, proxy: Path, login: dict[str, Any]) -> Iterator[Respond]:
    """The API on an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Awaitable[Any]) -> Any:
        async def waited() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(waited(), loop).result(60)

    async def check(definition: Any) -> None:
        await check_model(definition, proxy)

    async def start() -> tuple[Store, httpx.AsyncClient]:
        store = stores.postgresql(conninfo, most=4)()
        await store.open()
        handlers = Handlers(
            Login(store, TOKENS, PASSWORD, **login),
            Services(store, TOKENS, check),
            Status(store, TOKENS, "operationalization"),
        )
        transport = httpx.ASGITransport(application(handlers, store))
        return store, httpx.AsyncClient(transport=transport, base_url="https://web", timeout=60)

    async def stop(store: Store, client: httpx.AsyncClient) -> None:
        await client.aclose()
        await store.close()

    store, client = run(start())

    def respond(request: Heard) -> tuple[int, Any]:
        kept = {"Authorization", "Content-Type"}
        headers = {name: value for name, value in request.headers.items() if name.title() in kept}
        response = run(
            client.request(request.method, request.path, content=request.body, headers=headers)
        )
        return response.status_code, response.content

    try:
        yield respond
    finally:
        run(stop(store, client))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
