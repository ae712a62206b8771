"""What the way in answers to this machine: name, connection, certificate, log-in, execution.

The certificate is looked at without trusting it, and then trusted or not as clients do; nothing is
sent over a connection that is not trusted.
"""

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from operations.client import Client
from operations.connection import Connection, trust
from operations.errors import OperationError
from operations.product import LOCAL
from operations.stack import Environment

SECONDS = 5.0
CONNECTIONS = 4
"""For each web node, so that most likely each of them is met; the balancer spreads as it likes."""
MOST = 12
ENOUGH = 8.0
"""Seconds for the reports of several connections: a database that is away makes each slow, and
so does a range with addresses that nobody has."""
PATIENCE = 18.0
"""Seconds for all steps of the trace."""
CODE = "x <- 5; x"
"""The documents' own block of code to trace (facts.md 8.3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """The certificate that one address shows."""

    until: float
    refused: str
    """Why a client of the environment would not trust it; empty when it would."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a traced execution."""

    name: str
    seconds: float
    failed: str = ""
    status: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """What was found out about the way in."""

    host: str
    port: int
    authority: float = math.inf
    """When the environment's own authority ends."""
    resolved: tuple[str, ...] = ()
    unresolved: str = ""
    closed: Mapping[str, str] = field(default_factory=dict)
    """Addresses that take no connection, and why."""
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    """By address."""
    pings: tuple[int, ...] = ()
    """Statuses of the ready path, one a connection."""
    steps: tuple[Step, ...] = ()
    """The trace, as far as it came."""
    reports: tuple[Mapping[str, Any], ...] = ()
    """The product's own report, one a connection."""
    refusals: tuple[int, ...] = ()
    """Statuses of calls with one token, that were not answered with a report."""


def look(environment: Environment, web_nodes: int, ask: Callable[[], float] = time.time) -> Front:
    """Return what the way in answers."""
    parts = urlsplit(environment.endpoint)
    host, port = str(parts.hostname), parts.port or 443
    resolved, unresolved = _resolved(host, port)
    addresses = environment.addresses or resolved
    with ThreadPoolExecutor(max(len(addresses), 1)) as pool:
        secure = parts.scheme == "https"
        each = pool.map(lambda address: _shown(address, port, secure=secure), addresses)
        shown = dict(zip(addresses, each, strict=True))
    closed = {address: found for address, found in shown.items() if isinstance(found, str)}
    certificates = {
        address: _judged(environment, address, host, port, found)
        for address, found in shown.items()
        if isinstance(found, bytes)
    }
    if secure:
        mute = Certificate(until=math.inf, refused="it does not speak TLS")
        certificates |= {address: mute for address, found in shown.items() if found is None}
    front = Front(
        host=host,
        port=port,
        authority=_end_of(environment.authority),
        resolved=resolved,
        unresolved=unresolved,
        closed=closed,
        certificates=certificates,
    )
    refused = any(certificate.refused for certificate in certificates.values())
    if len(closed) == len(addresses) or refused:
        return front
    return _asked(environment, front, min(max(web_nodes, 1) * CONNECTIONS, MOST), ask)


def _end_of(authority: str) -> float:
    try:
        found = x509.load_pem_x509_certificate(authority.encode())
    except ValueError:
        return math.inf  # what is no certificate is said where clients would trust it
    return found.not_valid_after_utc.timestamp()


def _resolved(host: str, port: int) -> tuple[tuple[str, ...], str]:
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return (host,), ""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return (), str(error)
    return tuple(sorted({str(each[4][0]) for each in found})), ""


def _shown(address: str, port: int, *, secure: bool) -> bytes | str | None:
    """Return the certificate that an address shows, in DER; or why it takes no connection.

    None: it does not speak TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((address, port), SECONDS) as plain:
            if not secure:
                return None
            try:
                with context.wrap_socket(plain) as wrapped:
                    return wrapped.getpeercert(binary_form=True)
            except (ssl.SSLError, TimeoutError, ConnectionError):
                return None
    except OSError as error:
        return str(error) or type(error).__name__


def _judged(
    environment: Environment, address: str, host: str, port: int, shown: bytes
) -> Certificate:
    found = x509.load_der_x509_certificate(shown)
    until = found.not_valid_after_utc.timestamp()
    refused = ""
    try:
        with (
            socket.create_connection((address, port), SECONDS) as plain,
            trust(environment).wrap_socket(plain, server_hostname=host),
        ):
            pass
    except ssl.SSLCertVerificationError as error:
        refused = error.verify_message or str(error)
    except OSError as error:
        refused = str(error) or type(error).__name__
    return Certificate(until=until, refused=refused)


def _asked(
    environment: Environment, front: Front, connections: int, ask: Callable[[], float]
) -> Front:
    with ThreadPoolExecutor(connections) as pool:
        pings = tuple(pool.map(lambda _: _ping(environment), range(connections)))
    if not any(pings):
        return replace(front, pings=pings)
    steps: list[Step] = []
    reports: list[Mapping[str, Any]] = []
    refusals: list[int] = []
    under_way = ["log in"]

    def follow() -> None:
        with Client(environment) as client:
            for name, call in _trace(environment, client, connections, reports, refusals, ask):
                under_way[0] = name
                steps.append(_step(name, call, ask))
                if steps[-1].failed:
                    return

    # Nobody waits for its end: a database that hangs must not hold up what the nodes say.
    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        late = f"no answer came within {PATIENCE:.0f} seconds"
        steps = [*steps, Step(name=under_way[0], seconds=PATIENCE, failed=late)]
    return replace(
        front,
        pings=pings,
        steps=tuple(steps),
        reports=tuple(reports),
        refusals=tuple(refusals),
    )


def _step(name: str, call: Callable[[], object], ask: Callable[[], float]) -> Step:
    began = ask()
    failed, status = "", 0
    try:
        call()
    except OperationError as error:
        failed = f"{error.what}: {error.why}"
        first = error.why.partition(":")[0]
        status = int(first) if first.isdigit() else 0
    took = math.ceil((ask() - began) * 1000) / 1000
    return Step(name=name, seconds=took, failed=failed, status=status)


def _ping(environment: Environment) -> int:
    connection = Connection(environment)
    try:
        return connection.send("GET", "/ping", seconds=SECONDS).status
    except OperationError:
        return 0
    finally:
        connection.close()


def _trace(
    environment: Environment,
    client: Client,
    connections: int,
    reports: list[Mapping[str, Any]],
    refusals: list[int],
    ask: Callable[[], float],
) -> list[tuple[str, Callable[[], object]]]:
    """Return the steps of a traced execution (facts.md 14.1), as far as we may go.

    The open runtime runs no code that was not published: there it ends with the list of services.
    """
    product = environment.product
    if product and product.authentication != LOCAL:
        return []  # its users are those of a directory, and none of them is ours

    def several() -> None:
        until, took = ask() + ENOUGH, 0.0
        for _ in range(connections):
            began = ask()
            if began + took > until:
                return
            status, report = client.raw_status()
            if status == HTTPStatus.OK and isinstance(report, dict):
                reports.append(report)
            else:
                refusals.append(status)
            took = ask() - began
            client.reconnect()

    steps: list[tuple[str, Callable[[], object]]] = [
        ("log in", client.sign_in),
        ("raw status", several),
        ("list services", client.names),
    ]
    if product:
        steps.append(("execute code", lambda: client.execute(CODE)))
    return steps
