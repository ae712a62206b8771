"""The compute nodes, as a web node sees them: which answer, and what they say (facts.md 3, 11)."""

import hashlib
import http.client
import itertools
import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from server.api.errors import ApiError
from server.api.store import DatabaseAwayError
from stand_ins.product import uris
from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.certificates import Pair
from stand_ins.product.compute.node import DATABASE

PROBE_SECONDS = 2.0
PROBE_EVERY_SECONDS = 2.0
PROBES = 64
"""At once: a range may name addresses that nobody has."""
CONNECT_SECONDS = 5.0
LONGEST_SECONDS = 3600.0
"""`ConnectionTimeout` of 9.3 is an hour (facts.md 9.3)."""
AWAY = (502, 503, 504)
"""What a node says that cannot, or the proxy before one that is gone."""

log = logging.getLogger("stand_in")


class AwayError(Exception):
    """A compute node that cannot be reached, before it heard anything."""


class LostError(ApiError):
    """A compute node that went away with a request, which may have been done."""

    def __init__(self, address: str) -> None:
        super().__init__(503, "the compute node went away during the request")
        log.warning("%s went away during a request", address)


@dataclass
class Backends:
    """All compute nodes that are declared."""

    entries: Callable[[], list[str]]
    """What is declared now: the file's, or the database's."""
    database: str
    client: Pair | None = None
    """What this web node shows to compute nodes (facts.md 12.3, mutual TLS)."""
    _alive: list[str] = field(default_factory=list)
    _seen: threading.Event = field(default_factory=threading.Event)
    _wake: threading.Event = field(default_factory=threading.Event)
    _ended: bool = False
    _turn: Any = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def watch(self) -> None:
        """Look for ever who answers, so that no request waits for addresses that nobody has."""
        while not self._ended:
            try:
                self.probe()
            except (DatabaseAwayError, ConfigurationError) as error:
                log.warning("compute nodes are not known: %s", error)
            self._wake.wait(PROBE_EVERY_SECONDS)
            self._wake.clear()

    def stop(self) -> None:
        """Look no more."""
        self._ended = True
        self._wake.set()

    def addresses(self) -> list[tuple[str, bool]]:
        """Return each address, and whether only a range means it; each once, in order."""
        found: dict[str, bool] = {}
        for entry in self.entries():
            expanded = uris.expand(entry)
            for address in expanded:
                found[address] = found.get(address, True) and len(expanded) > 1
        return list(found.items())

    def probe(self) -> list[tuple[str, bool, dict[str, Any] | None]]:
        """Ask every address for its status; None where nobody answers."""
        known = self.addresses()
        with ThreadPoolExecutor(max(1, min(PROBES, len(known)))) as pool:
            answers = list(pool.map(lambda each: self._status(each[0]), known))
        with self._lock:
            self._alive = [
                address for (address, _), answer in zip(known, answers, strict=True) if answer
            ]
        self._seen.set()
        return [(*each, answer) for each, answer in zip(known, answers, strict=True)]

    def _status(self, address: str) -> dict[str, Any] | None:
        try:
            status, body = self.call(address, "GET", "/status", seconds=PROBE_SECONDS)
        except AwayError:
            return None
        if status != 200:
            log.warning("%s answered %d to a status request", address, status)
            return None
        found: dict[str, Any] = json.loads(body)
        return found

    def alive(self) -> list[str]:
        """Return who answered lately, beginning with another one each time."""
        if not self._seen.is_set():
            self.probe()
        with self._lock:
            at = next(self._turn) % max(1, len(self._alive))
            return self._alive[at:] + self._alive[:at]

    def forget(self) -> None:
        """Look anew before the next request: what is declared has changed."""
        self._seen.clear()
        self._wake.set()

    def consume(self, definition: bytes, inputs: bytes) -> dict[str, Any]:
        """Run a service on some compute node, on another one when that goes away meanwhile.

        A call of a service leaves nothing behind, so it may be done twice (facts.md 17).

        Raises:
            ApiError: 503 when none can.
        """
        path = f"/services/{hashlib.sha256(definition).hexdigest()}"
        status, body = self._anywhere("POST", f"{path}/consume", inputs, path, definition)
        return _answer(status, body)

    def everywhere(
        self, method: str, what: str, definition: bytes, body: dict[str, Any] | None
    ) -> list[tuple[str, dict[str, Any]]]:
        """Ask every compute node that answers about a service; return what each says."""
        keep = f"/services/{hashlib.sha256(definition).hexdigest()}"
        found = []
        for address in sorted(self.alive()):
            try:
                if method == "POST":
                    self.call(address, "PUT", keep, definition)
                status, answer = self.call(
                    address, method, f"{keep}/{what}", json.dumps(body or {}).encode()
                )
                found.append((address, _answer(status, answer)))
            except AwayError:
                continue
        return found

    def open_session(self, handle: str) -> str:
        """Begin a session on some compute node, and return its address."""
        for address in self._in_turn():
            try:
                status, body = self.call(
                    address, "POST", "/sessions", json.dumps({"handle": handle}).encode()
                )
            except AwayError:
                continue
            if status == 201:
                return address
            if status == 409:
                _answer(status, body)
        raise _none()

    def session(
        self, address: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the compute node of a session.

        Raises:
            ApiError: the session is gone.
        """
        try:
            status, answer = self.call(address, method, path, json.dumps(body or {}).encode())
        except AwayError:
            raise ApiError(404, "the compute node of this session is gone") from None
        return _answer(status, answer)

    def _anywhere(
        self, method: str, path: str, body: bytes, keep: str, definition: bytes
    ) -> tuple[int, bytes]:
        busy: tuple[int, bytes] | None = None
        for address in self._in_turn():
            try:
                status, answer = self.call(address, method, path, body)
                if status == 404:
                    self.call(address, "PUT", keep, definition)
                    status, answer = self.call(address, method, path, body)
            except (AwayError, LostError):
                continue
            if status not in AWAY:
                return status, answer
            busy = (503, answer)
        if busy is not None:
            return busy
        raise _none()

    def _in_turn(self) -> Iterable[str]:
        yield from self.alive()
        # Whoever was found lately may be gone, and others be there.
        tried = set(self._alive)
        self.forget()
        yield from (address for address in self.alive() if address not in tried)

    def call(
        self,
        address: str,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        seconds: float = LONGEST_SECONDS,
    ) -> tuple[int, bytes]:
        """Return what *address* answers.

        Raises:
            AwayError: it did not take the connection.
            LostError: it went away with the request, which may have been done.
        """
        connection = self._connection(address, min(seconds, CONNECT_SECONDS))
        try:
            try:
                connection.connect()
            except OSError as error:
                raise AwayError(f"{address}: {error}") from error
            connection.sock.settimeout(seconds)
            try:
                connection.request(method, path, body, {DATABASE: self.database})
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                if method == "GET":
                    raise AwayError(f"{address}: {error}") from error
                raise LostError(address) from error
        finally:
            connection.close()

    def _connection(self, address: str, seconds: float) -> http.client.HTTPConnection:
        parts = urlsplit(address)
        host, port = str(parts.hostname), parts.port
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=seconds)
        context = ssl.create_default_context()
        if self.client is not None:
            self.client.show_to(context)
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)


def _answer(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    if status >= 400:
        raise ApiError(status, str(answer.get("message", "the compute node refused the request")))
    return answer


def _none() -> ApiError:
    return ApiError(503, "BackEndBusy Exception: no compute node answers")
