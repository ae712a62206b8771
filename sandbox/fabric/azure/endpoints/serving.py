"""All endpoints of a sandbox: their fronts as sockets, and the images that they come from."""

import asyncio
import base64
import binascii
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Protocol

from sandbox.control import ids
from sandbox.control.azure import registries
from sandbox.control.azure.endpoint_instances import ROUTER
from sandbox.control.azure.online_endpoints import (
    ONLINE_DEPLOYMENT_KIND,
    ONLINE_ENDPOINT_KIND,
    host_of,
    traffic_of,
)
from sandbox.control.fabric import Watch
from sandbox.control.kinds import Record, World
from sandbox.control.reading import mapping, number, text
from sandbox.control.store import Store
from sandbox.control.world import StoreWorld
from sandbox.fabric.azure.endpoints import places
from sandbox.fabric.azure.endpoints.front import Deployment, Endpoint, Front, Notes
from sandbox.fabric.azure.endpoints.instances import Instances
from sandbox.fabric.azure.endpoints.places import HTTPS
from sandbox.fabric.containers import Registry, read
from sandbox.fabric.contract import PLATFORM_PROBE, Blueprint, FabricError, Machine, Network
from sandbox.fabric.serving.certificates import Authority, Certificates
from sandbox.fabric.serving.listening import Engine, Limits, StreamListener, namespace_of

_LOG = logging.getLogger(__name__)

LIMITS = Limits(places=2048, each=1024, life=3600.0)
"""One machine is all of the endpoint's callers; the service lets 500 connections begin a second."""
_LOOK = 60.0
"""Seconds between looks at certificates that get old."""
_TICK = 0.05
"""Seconds in which the end of an instance's last request is noticed."""
_TASK_RUNS = "microsoft.containerregistry/registries/taskruns"


class Networks(Protocol):
    """Who makes sockets inside of networks."""

    def open(
        self,
        network: str,
        address: IPv4Address,
        port: int,
        kind: socket.SocketKind = socket.SOCK_STREAM,
    ) -> socket.socket:
        """A socket bound in the network's platform namespace, listening if it is for TCP."""

    def outgoing(self, network: str, source: IPv4Address) -> socket.socket:
        """A socket that is to connect from there."""


class Endpoints:
    """A `cloud.Services`: all that endpoints serve. Methods may be called from any thread."""

    def __init__(
        self,
        *,
        store: Store,
        networks: Networks,
        authority: Authority,
        registry: Registry,
        serving: Callable[[Machine], bool],
    ) -> None:
        """*serving*: whether a machine is ready and well, and is not about to go."""
        self._store = store
        self._networks = networks
        self._registry = registry
        self._serving = serving
        self._settling = threading.Lock()
        self._open: dict[str, StreamListener] = {}
        self._fronts: dict[str, Front] = {}
        self._certificates = Certificates(authority)
        engine = Engine("endpoints")
        self._engine: Engine | None = engine
        self._instances = engine.run(self._prepared())
        engine.repeat(_LOOK, self._certificates.renew)

    async def _prepared(self) -> Instances:
        return Instances(lambda it: self._networks.outgoing(it.network, PLATFORM_PROBE))

    def settle(self, blueprint: Blueprint) -> None:
        """Serve these endpoints, and no others. Raises FabricError after trying all."""
        with self._settling:
            engine = self._engine
            if engine is None:
                return
            world = StoreWorld(self._store.read())
            known = {ids.key(each.id): each for each in world.of(ONLINE_ENDPOINT_KIND)}
            wanted = {network.id: network for network in blueprint.networks if network.id in known}
            for gone in self._open.keys() - wanted.keys():
                self._close(engine, gone)
            problems = []
            for name, network in wanted.items():
                try:
                    self._serve(engine, network, known[name], world, blueprint)
                except (OSError, FabricError) as error:
                    problems.append(f"endpoint {network.name} can't be served: {error}")
            machines = [each for each in blueprint.machines if each.container is not None]
            engine.run(self._prune(machines))
            self._registry.keep(
                registries.login_server(ids.name_of(each.id))
                for each in world.of(registries.REGISTRY_KIND)
            )
        if problems:
            raise FabricError("; ".join(problems))

    def stop(self) -> None:
        """Serve nothing any more, and return when everything has ended."""
        with self._settling:
            engine, self._engine = self._engine, None
            if engine is not None:
                for name in list(self._open):
                    self._close(engine, name)
                engine.run(self._prune([]))
                engine.stop()

    def realize(self, target: str, watch: Watch) -> None:
        """Build what a task run says. Raises FabricError with the end of the build's log."""
        if ids.type_of(ids.key(target)) != _TASK_RUNS:
            return
        record = StoreWorld(self._store.read()).find(target)
        if record is None:
            return  # it was deleted
        registry = registries.login_server(ids.name_of(ids.parent_of(record.id)))
        written = text(record.inputs, "runRequest.encodedTaskContent") or ""
        try:
            task = read(base64.b64decode(written, validate=True).decode(), registry)
        except (binascii.Error, UnicodeDecodeError) as error:
            raise FabricError(f"the task's content is not base64 of text: {error}") from error
        self._registry.build(task, watch.report)

    def drain(self, machine: Machine, seconds: float, cancelled: threading.Event) -> None:
        """Return once the machine answers no request any more, or after *seconds*."""
        engine = self._engine

        async def busy() -> int:
            return self._instances.busy(machine)

        left = seconds
        while engine is not None and left > 0 and engine.run(busy()):
            if cancelled.wait(_TICK):
                return
            left -= _TICK

    def _serve(
        self, engine: Engine, network: Network, record: Record, world: World, plan: Blueprint
    ) -> None:
        endpoint = _endpoint(record, world, plan.machines)
        front = self._fronts.get(network.id)
        if front is not None:
            front.endpoint = endpoint
        listener = self._open.get(network.id)
        if listener is not None and listener.namespace != self._namespace(network.id):
            self._close(engine, network.id)
            listener = None
        if listener is None:
            self._fronts[network.id] = made = Front(endpoint, self._instances, self._serving)
            tls = self._certificates.of(network.id, (host_of(record),))
            bound = self._networks.open(network.id, ROUTER, HTTPS)
            self._open[network.id] = engine.run(_listening(bound, made, tls))

    def _namespace(self, network: str) -> int | None:
        with self._networks.open(network, ROUTER, 0, socket.SOCK_DGRAM) as probe:
            return namespace_of(probe)

    def _close(self, engine: Engine, name: str) -> None:
        engine.run(self._open.pop(name).close())
        self._fronts.pop(name, None)
        self._certificates.forget(name)

    async def _prune(self, machines: list[Machine]) -> None:
        self._instances.prune(machines)
        await asyncio.sleep(0)


async def _listening(bound: socket.socket, front: Front, tls: ssl.SSLContext) -> StreamListener:
    return StreamListener(bound, front.serve, tls, LIMITS)


def _endpoint(record: Record, world: World, machines: tuple[Machine, ...]) -> Endpoint:
    return Endpoint(
        record=record,
        notes=Notes(world.note),
        deployments={
            ids.name_of(child.id).casefold(): _deployment(child, world, machines)
            for child in world.children(record.id)
            if child.type == ONLINE_DEPLOYMENT_KIND
        },
        traffic=_folded(traffic_of(record)),
        mirror=_folded(traffic_of(record, "mirrorTraffic")),
    )


def _folded(found: dict[str, int]) -> dict[str, int]:
    return {name.casefold(): part for name, part in found.items()}


def _deployment(record: Record, world: World, machines: tuple[Machine, ...]) -> Deployment:
    environment = world.find(text(record.inputs, "properties.environmentId") or "")
    routes = mapping(environment.inputs if environment else {}, "properties.inferenceConfig")
    settings = mapping(record.outputs, "properties.requestSettings")
    own = ids.key(record.id)
    return Deployment(
        path=text(routes, "scoringRoute.path") or "/score",
        port=number(routes, "scoringRoute.port") or 0,
        timeout=places.request_timeout(record),
        concurrent=number(settings, "maxConcurrentRequestsPerInstance") or 1,
        machines=tuple(each for each in machines if each.group == own and not each.leaving),
    )
