"""What a cloud answers inside of virtual networks: opened, closed and renewed as networks change.

A cloud says what is served where (`Services.places`), and gives each of them its answers. What they
answer is read from the records at each request, so a change holds at once.
"""

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

import dns.name
import dns.rdatatype

from sandbox.control.fabric import Watch
from sandbox.control.store import Store
from sandbox.control.world import StoreWorld
from sandbox.fabric.contract import METADATA, Blueprint, FabricError, Machine, Network
from sandbox.fabric.serving import listening, resolver
from sandbox.fabric.serving.certificates import Authority, Certificates
from sandbox.fabric.serving.exchange import Answer, Request
from sandbox.fabric.serving.listening import DatagramListener, Engine, StreamListener

HTTP, HTTPS, DNS = 80, 443, 53
_LOOK = 60.0
"""Seconds between looks at certificates that get old."""

Answers = Callable[[Request, StoreWorld], Answer]


class Networks(Protocol):
    """Who opens sockets inside of networks."""

    def open(
        self,
        network: str,
        address: IPv4Address,
        port: int,
        kind: socket.SocketKind = socket.SOCK_STREAM,
    ) -> socket.socket:
        """A socket bound in the network's platform namespace, listening if it is for TCP."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something is served, and for whom."""

    network: str
    address: IPv4Address
    port: int
    kind: socket.SocketKind = socket.SOCK_STREAM
    owner: str = ""
    """What answers there over TLS (the id of a vault); "": what every network has."""


class Services(ABC):
    """All services of one cloud in one sandbox. Methods may be called from any thread."""

    def __init__(
        self,
        *,
        store: Store,
        networks: Networks,
        authority: Authority,
        upstream: Callable[[], Sequence[resolver.Address]] = resolver.configured,
        published: Mapping[str, IPv4Address] = resolver.NOTHING,
    ) -> None:
        """*upstream*: who knows the names that neither the cloud nor *published* has."""
        self._store = store
        self._networks = networks
        self._upstream = upstream
        self.published = published
        self._published = resolver.named(published)
        self._blueprint = Blueprint()
        self._settling = threading.Lock()
        self._open: dict[Place, StreamListener | DatagramListener] = {}
        self._certificates = Certificates(authority)
        engine = Engine("services")
        self._engine: Engine | None = engine
        engine.repeat(_LOOK, self._certificates.renew)

    # What a cloud says.

    @abstractmethod
    def places(self, network: Network) -> Iterable[Place]:
        """What is served in a network."""

    @abstractmethod
    def hosts(self, owner: str) -> Sequence[str]:
        """The names that an owner's certificate is for."""

    @abstractmethod
    def answers(self, place: Place) -> tuple[str, Answers]:
        """What answers at a place, and its name for the log."""

    @abstractmethod
    def look_up(
        self, network: str, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> resolver.Found:
        """What the network's resolver knows of a name; called by a worker."""

    def protocol(self, engine: Engine, place: Place) -> listening.Serve | None:
        """What speaks at a place, where that is neither HTTP nor DNS."""
        del engine, place
        return None

    # What all have in common.

    def settle(self, blueprint: Blueprint) -> None:
        """Serve in each network of *blueprint*, and nowhere else.

        What has gone is closed first. Raises FabricError when something can't be served; all else
        is, and the next call tries again.
        """
        with self._settling:
            engine = self._engine
            if engine is None:
                return
            self._blueprint = blueprint
            wanted = {place for network in blueprint.networks for place in self.places(network)}
            gone = [place for place in self._open if place not in wanted]
            self._close(engine, gone)
            self._close(engine, self._stranded(blueprint))
            problems = []
            for place in sorted(wanted - self._open.keys(), key=str):
                try:
                    self._open[place] = self._listen(engine, place)
                except (OSError, FabricError) as error:
                    where = f"{place.address}:{place.port} of {place.network}"
                    problems.append(f"{where} can't be served: {error}")
        if problems:
            raise FabricError("; ".join(problems))

    def stop(self) -> None:
        """Serve nothing any more, and return when everything has ended."""
        with self._settling:
            engine, self._engine = self._engine, None
            if engine is not None:
                self._close(engine, list(self._open))
                engine.stop()

    def realize(self, target: str, watch: Watch) -> None:
        """Nothing that has to be done once."""
        del target, watch

    def drain(self, machine: Machine, seconds: float, cancelled: threading.Event) -> None:
        """Nothing of it runs containers."""
        del machine, seconds, cancelled

    def world(self) -> StoreWorld:
        """The records of this moment."""
        return StoreWorld(self._store.read())

    def _stranded(self, blueprint: Blueprint) -> list[Place]:
        """What is served in a namespace that its network has no longer: it was made anew."""
        now = {network.id: self._namespace(network.id) for network in blueprint.networks}
        return [
            place
            for place, listener in self._open.items()
            if (found := now.get(place.network)) is not None and listener.namespace != found
        ]

    def _namespace(self, network: str) -> int | None:
        """What tells a network's namespace from all others; None when nobody can be asked."""
        try:
            with self._networks.open(network, METADATA, 0, socket.SOCK_DGRAM) as probe:
                return listening.namespace_of(probe)
        except (OSError, FabricError):
            return None

    def _close(self, engine: Engine, places: list[Place]) -> None:
        for place in places:
            engine.run(self._open.pop(place).close())
            if place.owner and not any(other.owner == place.owner for other in self._open):
                self._certificates.forget(place.owner)

    def _listen(self, engine: Engine, place: Place) -> StreamListener | DatagramListener:
        owner = place.owner
        tls = self._certificates.of(owner, self.hosts(owner)) if owner else None
        bound = self._networks.open(place.network, place.address, place.port, place.kind)

        async def listen() -> StreamListener | DatagramListener:
            if place.port == DNS:
                respond = self._resolver(engine, place.network)
                if place.kind == socket.SOCK_DGRAM:
                    return await DatagramListener.on(bound, respond)
                return StreamListener(bound, listening.dns_stream(respond))
            if (serve := self.protocol(engine, place)) is not None:
                return StreamListener(bound, serve)
            name, answer = self.answers(place)
            return StreamListener(
                bound,
                listening.http(name, engine, lambda request: answer(request, self.world())),
                tls,
            )

        try:
            return engine.run(listen())
        except BaseException:
            bound.close()
            raise

    def _resolver(self, engine: Engine, network: str) -> listening.Respond:
        async def look_up(name: dns.name.Name, kind: dns.rdatatype.RdataType) -> resolver.Found:
            if (address := self._published.get(name)) is not None:
                return resolver.address_of(name, kind, address)
            return await engine.work(lambda: self.look_up(network, name, kind))

        server = resolver.Resolver(look_up, self._upstream)

        async def respond(message: bytes, over_tcp: bool) -> bytes | None:
            return await server.respond(message, over_tcp=over_tcp)

        return respond


def everywhere(network: Network, resolvers: Iterable[IPv4Address]) -> Iterable[Place]:
    """What every network of every cloud has: metadata, and names at *resolvers*."""
    here = network.id
    yield Place(network=here, address=METADATA, port=HTTP)
    for address in resolvers:
        yield Place(network=here, address=address, port=DNS)
        yield Place(network=here, address=address, port=DNS, kind=socket.SOCK_DGRAM)
