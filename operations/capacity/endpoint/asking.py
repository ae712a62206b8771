"""What callers ask a managed endpoint, and what they take for an answer."""

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from operations.capacity.asking import MODEL_FAILED, UNHEARD
from operations.capacity.samples import Sample
from operations.endpoint import Access, Deployment, Endpoint
from operations.endpoint_client import EndpointClient
from operations.errors import OperationError

FRONT_ALONE = "front alone"
"""A probe: a request without a credential, which the front refuses by itself."""

NO_PLACE = "too many at once (429)"
TOO_LATE = "the model took too long (408)"
BACK_OFF = 0.1
"""Seconds that a caller leaves an endpoint alone that has no place for him, as Azure asks clients
to; who came back at once would be a load of refusals."""

LIFE = 20 * 60.0
"""Seconds that callers share a token; those of Azure ML hold an hour at least."""

WRONG = {
    HTTPStatus.TOO_MANY_REQUESTS: NO_PLACE,
    HTTPStatus.REQUEST_TIMEOUT: TOO_LATE,
    HTTPStatus.FAILED_DEPENDENCY: MODEL_FAILED,
}


class Shared:
    """How all callers reach the endpoint and are let in: asked for once, and kept in memory."""

    def __init__(self, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self._access, self._clock, self._lock = access, clock, threading.Lock()
        self._address: dict[str, str] = {}
        self._trust: ssl.SSLContext | None = None
        self._bearer, self._since = "", 0.0

    def bearer(self, endpoint: Endpoint) -> str:
        """Return the credential; a new one when it is old. Raises OperationError."""
        with self._lock:
            if not self._bearer or self._clock() - self._since > LIFE:
                self._bearer, self._since = self._access.bearer(endpoint), self._clock()
            return self._bearer

    def address(self, host: str) -> str:
        """Return what to connect to. Raises OperationError."""
        with self._lock:
            if host not in self._address:
                self._address[host] = self._access.address(host)
            return self._address[host]

    def trust(self) -> ssl.SSLContext:
        """Return who may sign for the endpoint. Raises OperationError."""
        with self._lock:
            self._trust = self._trust or self._access.trust()
            return self._trust


class Caller:
    """One caller with a connection of his own."""

    def __init__(
        self,
        endpoint: Endpoint,
        access: Access,
        deployment: Deployment,
        inputs: Mapping[str, Any],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = EndpointClient(endpoint, access)
        self._deployment, self._inputs, self._seconds = deployment, inputs, seconds
        self._clock = clock

    def ask(self) -> Sample:
        """Ask once, for a score."""
        began = self._clock()
        try:
            reply = self._client.send(self._deployment, self._inputs, self._seconds)
        except OperationError as error:
            return Sample(seconds=self._clock() - began, error=f"{UNHEARD}: {error.what}")
        took = self._clock() - began
        if reply.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            time.sleep(BACK_OFF)
        return Sample(seconds=took, error=wrong(reply))

    def close(self) -> None:
        """End the connection."""
        self._client.close()


class Stranger(Caller):
    """One who shows no credential: what he is told comes from the front alone."""

    def ask(self) -> Sample:
        """Ask once; a refusal is the answer that there should be."""
        began = self._clock()
        try:
            reply = self._client.send(None, {}, self._seconds, stranger=True)
        except OperationError as error:
            return Sample(seconds=self._clock() - began, error=f"{UNHEARD}: {error.what}")
        took = self._clock() - began
        refused = reply.status_code == HTTPStatus.UNAUTHORIZED
        return Sample(seconds=took, error="" if refused else f"status {reply.status_code}")


def wrong(reply: httpx.Response) -> str:
    """Return why a reply is no good answer; nothing for one that is."""
    if reply.status_code == HTTPStatus.OK:
        return ""
    known = {int(status): why for status, why in WRONG.items()}
    return known.get(reply.status_code, f"status {reply.status_code}")
