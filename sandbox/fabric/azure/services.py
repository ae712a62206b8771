"""What Azure answers inside of virtual networks: metadata, names, vaults.

Each network has a metadata service and a resolver; each private endpoint of a vault has the vault
behind it. What they answer is read from the records at each request, so a change holds at once.
"""

import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

import dns.name
import dns.rdatatype
from cryptography import x509

from sandbox.control import ids
from sandbox.control.store import Store
from sandbox.control.world import StoreWorld
from sandbox.fabric.azure import listening, names, resolver, vault
from sandbox.fabric.azure.exchange import Answer, Request
from sandbox.fabric.azure.listening import DatagramListener, Engine, StreamListener
from sandbox.fabric.azure.metadata import Metadata
from sandbox.fabric.azure.tokens import Tokens
from sandbox.fabric.contract import (
    METADATA,
    PLATFORM_PROBE,
    Blueprint,
    FabricError,
    Machine,
    Network,
    Place,
)
from sandbox.fabric.notices import Notices

_LOG = logging.getLogger(__name__)

_VAULTS = "microsoft.keyvault/vaults"
_HTTP, _HTTPS, _DNS = 80, 443, 53
_LOOK = 60.0
"""Seconds between looks at certificates that get old."""


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


class Authority(Protocol):
    """Who issues certificates that machines trust."""

    def issue(self, names: Sequence[str]) -> tuple[bytes, bytes]:
        """A chain and its key, both PEM."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where something is served, and for whom."""

    network: str
    address: IPv4Address
    port: int
    kind: socket.SocketKind
    owner: str = ""
    """Id of the vault."""


@dataclass(frozen=True, kw_only=True)
class _Certificate:
    """The certificate of one vault."""

    context: ssl.SSLContext
    renew_at: float
    """Seconds since the epoch."""


class Services:
    """All services of one sandbox. Methods may be called from any thread."""

    def __init__(
        self,
        *,
        store: Store,
        networks: Networks,
        authority: Authority,
        notices: Notices,
        tokens: Tokens,
        machines: Callable[[str, IPv4Address], Machine | None],
        upstream: Callable[[], Sequence[resolver.Address]] = resolver.configured,
    ) -> None:
        """*machines*: who has an address of a network. *upstream*: who knows all other names."""
        self._store = store
        self._networks = networks
        self._authority = authority
        self._notices = notices
        self._tokens = tokens
        self._machines = machines
        self._upstream = upstream
        self._blueprint = Blueprint()
        self._settling = threading.Lock()
        self._open: dict[_Place, StreamListener | DatagramListener] = {}
        self._certificates: dict[str, _Certificate] = {}
        self._certifying = threading.Lock()
        engine = Engine("services")
        self._engine: Engine | None = engine
        engine.repeat(_LOOK, self._renew)

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
            wanted = {place for network in blueprint.networks for place in _places(network)}
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

    def _world(self) -> StoreWorld:
        return StoreWorld(self._store.read())

    def _stranded(self, blueprint: Blueprint) -> list[_Place]:
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

    def _close(self, engine: Engine, places: list[_Place]) -> None:
        for place in places:
            engine.run(self._open.pop(place).close())
            if place.owner and not any(other.owner == place.owner for other in self._open):
                with self._certifying:
                    self._certificates.pop(place.owner, None)

    def _listen(self, engine: Engine, place: _Place) -> StreamListener | DatagramListener:
        tls = self._certificate(place.owner).context if place.owner else None
        bound = self._networks.open(place.network, place.address, place.port, place.kind)
        try:
            return engine.run(self._serve(engine, place, bound, tls))
        except BaseException:
            bound.close()
            raise

    async def _serve(
        self, engine: Engine, place: _Place, bound: socket.socket, tls: ssl.SSLContext | None
    ) -> StreamListener | DatagramListener:
        if place.port == _DNS:
            respond = self._resolver(engine, place.network)
            if place.kind == socket.SOCK_DGRAM:
                return await DatagramListener.on(bound, respond)
            return StreamListener(bound, listening.dns_stream(respond))
        if place.owner:
            here = vault.Vault(place.owner, self._tokens)
            name = f"vault {ids.name_of(place.owner)}"
            return StreamListener(bound, self._http(name, engine, here.answer), tls)
        metadata = Metadata(place.network, self._machines, self._tokens, self._notices)
        name = f"metadata {ids.name_of(place.network)}"
        return StreamListener(bound, self._http(name, engine, metadata.answer))

    def _http(
        self, name: str, engine: Engine, answer: Callable[[Request, StoreWorld], Answer]
    ) -> listening.Serve:
        return listening.http(name, engine, lambda request: answer(request, self._world()))

    def _resolver(self, engine: Engine, network: str) -> listening.Respond:
        def found(name: dns.name.Name, kind: dns.rdatatype.RdataType) -> names.Found:
            hosts = (
                names.Host(name=machine.hostname, address=machine.address)
                for machine in self._blueprint.machines
                if machine.network == network
            )
            return names.look_up(self._world(), network, hosts, name, kind)

        async def look_up(name: dns.name.Name, kind: dns.rdatatype.RdataType) -> names.Found:
            return await engine.work(lambda: found(name, kind))

        server = resolver.Resolver(look_up, self._upstream)

        async def respond(message: bytes, over_tcp: bool) -> bytes | None:
            return await server.respond(message, over_tcp=over_tcp)

        return respond

    def _certificate(self, owner: str) -> _Certificate:
        """The certificate of a vault, renewed in place: connections under way keep theirs."""
        with self._certifying:
            known = self._certificates.get(owner)
            if known is not None and time.time() < known.renew_at:
                return known
            chain, key = self._authority.issue(vault.hosts(owner))
            context = known.context if known else _context(vault.hosts(owner))
            _load(context, chain, key)
            made = _Certificate(context=context, renew_at=_middle(chain))
            self._certificates[owner] = made
            return made

    def _renew(self) -> None:
        for owner in list(self._certificates):
            self._certificate(owner)


def _places(network: Network) -> list[_Place]:
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    here = network.id
    places = [
        _Place(network=here, address=METADATA, port=_HTTP, kind=stream),
        _Place(network=here, address=PLATFORM_PROBE, port=_DNS, kind=stream),
        _Place(network=here, address=PLATFORM_PROBE, port=_DNS, kind=datagram),
    ]
    places += [
        _Place(network=here, address=port.address, port=_HTTPS, kind=stream, owner=port.owner)
        for port in network.ports
        if port.place is Place.PLATFORM and ids.type_of(ids.key(port.owner)) == _VAULTS
    ]
    return places


def _context(hosts: Sequence[str]) -> ssl.SSLContext:
    """TLS for a vault; who asks for another name is refused in the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def named(_: ssl.SSLObject | ssl.SSLSocket, name: str | None, __: ssl.SSLContext) -> int | None:
        if name is None or name.casefold() in hosts:
            return None
        _LOG.info("vault %s: a client that asks for another vault was refused", hosts[0])
        return ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = named
    return context


def _load(context: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Give a context its certificate; the library reads files only, so it gets one in memory."""
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    with os.fdopen(file, "wb") as stream:
        stream.write(key.rstrip() + b"\n" + chain)
        stream.flush()
        context.load_cert_chain(f"/proc/self/fd/{file}")


def _middle(chain: bytes) -> float:
    """The middle of a certificate's life, in seconds since the epoch."""
    first = x509.load_pem_x509_certificate(chain)
    times = (first.not_valid_before_utc.timestamp(), first.not_valid_after_utc.timestamp())
    return sum(times) / 2
