"""What answers the callers of one endpoint: credentials, traffic, turns, time.

Sources: Azure documentation, "Troubleshoot online endpoints deployment and scoring" (the status
codes; 2 * concurrency * instances requests at a time; a container's own status other than 200 is
424, with what it was in ms-azureml-model-error-statuscode), "Perform safe rollout of new
deployments" (azureml-model-deployment; copies whose answers nobody gets), "Manage and increase
quotas" (10 MB a request).
"""

import asyncio
import logging
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import IPv4Address

import h11

from sandbox.control.azure import endpoint_credentials
from sandbox.control.kinds import Record
from sandbox.fabric.azure.endpoints import traffic
from sandbox.fabric.azure.endpoints.instances import InstanceError, Instances
from sandbox.fabric.contract import Machine
from sandbox.fabric.serving.exchange import Answer, Request, in_json
from sandbox.fabric.serving.messages import (
    MAX_HEADERS,
    TooLargeError,
    linger,
    receive,
    refuse,
    send,
)

_LOG = logging.getLogger(__name__)

HEADER = "azureml-model-deployment"
"""Asks for a deployment whatever the traffic, and tells which one answered."""
MAX_BODY = 10 << 20
"""Bytes."""
PATIENCE = 60.0
"""Seconds for a client to finish a request, and to take its answer."""
KEEP_ALIVE = 120.0
"""Seconds that a client may be silent between requests."""
COPIES = 64
"""Mirrored requests that may be under way: more are dropped."""
_RETRIES = 3
"""Instances that are tried when they don't even accept a connection."""


class Notes:
    """The sandbox's notes that credentials are checked with, as they were at one moment."""

    def __init__(self, found: Callable[[str], object]) -> None:
        self._found = found
        self._known: dict[str, object] = {}

    def note(self, key: str) -> object:
        """The JSON value under *key*, or None."""
        if key not in self._known:
            self._known[key] = self._found(key)
        return self._known[key]


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One deployment, as requests meet it."""

    path: str
    """Of its scoring route."""
    port: int
    timeout: float
    concurrent: int
    machines: tuple[Machine, ...]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint at one moment."""

    record: Record
    notes: Notes
    deployments: Mapping[str, Deployment] = field(default_factory=dict)
    """By name, in small letters."""
    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror: Mapping[str, int] = field(default_factory=dict)


class Front:
    """Serves the connections of one endpoint."""

    def __init__(
        self, endpoint: Endpoint, instances: Instances, serving: Callable[[Machine], bool]
    ) -> None:
        """*serving*: whether a machine is ready and well, and is not about to go."""
        self.endpoint = endpoint
        self._instances = instances
        self._serving = serving
        self._pending: dict[str, int] = {}
        self._copies: set[asyncio.Task[None]] = set()
        # Not a secret: who gets which request.
        self._dice = random.Random().random  # noqa: S311

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: IPv4Address
    ) -> None:
        """One connection, as long as its client keeps it."""
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADERS)
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    request = await receive(connection, reader, writer, source, MAX_BODY)
            except h11.RemoteProtocolError as error:
                await refuse(connection, writer, error.error_status_hint)
                return await linger(reader, writer)
            except TooLargeError:
                await refuse(connection, writer, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                return await linger(reader, writer)
            if request is None:
                return None
            answer = await self.answer(request)
            async with asyncio.timeout(PATIENCE):
                await send(connection, writer, answer, head=request.method == "HEAD")
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return None
            connection.start_next_cycle()

    async def answer(self, request: Request) -> Answer:
        """What the caller gets, whatever happens."""
        identity = str(uuid.uuid4())
        name = None
        try:
            answer, name = await self._judged(request)
        except Exception:
            # A mistake of ours must show here, and not end the client's connection.
            _LOG.exception("endpoint %s failed", self.endpoint.record.id)
            answer = _said(500, "the sandbox itself failed; see its log")
        own = {"x-request-id": identity, "x-ms-request-id": identity}
        if name is not None:
            own[HEADER] = name
        return replace(answer, headers={**answer.headers, **own})

    async def _judged(self, request: Request) -> tuple[Answer, str | None]:
        endpoint = self.endpoint
        why = endpoint_credentials.refusal(
            endpoint.notes, endpoint.record, request.headers.get("authorization")
        )
        if why is not None:
            refused = _said(HTTPStatus.UNAUTHORIZED, why)
            return replace(refused, headers={"www-authenticate": "Bearer"}), None
        asked = request.headers.get(HEADER)
        name = asked.casefold() if asked else self._choose(endpoint)
        if name is None or name not in endpoint.deployments:
            return self._nobody(endpoint, asked), None
        if not asked and (copy := traffic.mirrored(endpoint.mirror, self._dice())):
            self._copy(endpoint, copy, request)
        return await self._score(endpoint.deployments[name], name, request), name

    def _choose(self, endpoint: Endpoint) -> str | None:
        able = (name for name, each in endpoint.deployments.items() if self._ready(each))
        return traffic.choose(endpoint.traffic, able, self._dice())

    def _nobody(self, endpoint: Endpoint, asked: str | None) -> Answer:
        if asked:
            return _said(HTTPStatus.NOT_FOUND, f"the endpoint has no deployment {asked}")
        if any(endpoint.traffic.values()):
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, "no instance is ready")
        return _said(
            HTTPStatus.NOT_FOUND,
            "the endpoint has no deployment with any traffic",
        )

    def _ready(self, deployment: Deployment) -> list[Machine]:
        return [each for each in deployment.machines if self._serving(each)]

    def _copy(self, endpoint: Endpoint, name: str, request: Request) -> None:
        """Send a copy to a deployment; nobody waits for its answer or hears of its troubles."""
        deployment = endpoint.deployments.get(name)
        if deployment is None or not self._ready(deployment) or len(self._copies) >= COPIES:
            return

        async def copy() -> None:
            answer = await self._score(deployment, name, request)
            _LOG.debug("mirrored to %s: %s", name, answer.status)

        task = asyncio.create_task(copy())
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)

    async def _score(self, deployment: Deployment, name: str, request: Request) -> Answer:
        if request.path != deployment.path:
            return _said(HTTPStatus.NOT_FOUND, f"the scoring route is {deployment.path}")
        ready = self._ready(deployment)
        if not ready:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, f"no instance of {name} is ready")
        if self._pending.get(name, 0) >= 2 * deployment.concurrent * len(ready):
            return _said(HTTPStatus.TOO_MANY_REQUESTS, "too many pending requests")
        self._pending[name] = self._pending.get(name, 0) + 1
        try:
            async with asyncio.timeout(deployment.timeout):
                return _of_model(await self._asked(deployment, name, request))
        except TimeoutError:
            return _said(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the model did not answer within {deployment.timeout:.0f} seconds",
            )
        except InstanceError as error:
            _LOG.warning("endpoint %s: %s", self.endpoint.record.id, error)
            return _said(HTTPStatus.BAD_GATEWAY, "the instance ended before it answered")
        finally:
            self._pending[name] -= 1

    async def _asked(self, deployment: Deployment, name: str, request: Request) -> Answer:
        for left in reversed(range(_RETRIES)):
            # What the deployment is by now: instances come and go while one waits.
            machine = await self._instances.turn(
                lambda: self._ready(self.endpoint.deployments.get(name, deployment)),
                deployment.concurrent,
            )
            try:
                return await self._instances.ask(machine, deployment.port, request)
            except InstanceError as error:
                if error.sent or not left:
                    raise
            finally:
                await asyncio.shield(self._instances.leave(machine))
        raise AssertionError("the last try returns or raises")


def _of_model(answer: Answer) -> Answer:
    if answer.status == HTTPStatus.OK:
        return answer
    told = {
        "ms-azureml-model-error-statuscode": str(answer.status),
        "ms-azureml-model-error-reason": "model_error",
    }
    return replace(answer, status=HTTPStatus.FAILED_DEPENDENCY, headers={**answer.headers, **told})


def _said(status: int, why: str) -> Answer:
    return in_json(status, {"error": {"code": HTTPStatus(status).phrase, "message": why}})
