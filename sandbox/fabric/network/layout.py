"""What a blueprint means in namespaces, links and routes: plain values, nothing is touched.

Facts of the arrangement:
- Ends of links between parts of the sandbox have addresses of 192.0.0.0/29 (RFC 7335: for use
  inside of one system, never routed): the internet is .1, a router .2, and .3 to its platform.
- A host's end has its address as /32 and the default route through its gateway, which the router
  has as /32 on each link: neighbours are reached through the router, too.
- A second address of one owner leaves through its own link (a rule by source address).
- IPv6 is off but for a host's link-local addresses, which reach nobody: no router has an address.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network

from sandbox.fabric.contract import (
    METADATA,
    PLATFORM_PROBE,
    Blueprint,
    FabricError,
    Network,
    Place,
    Port,
)
from sandbox.fabric.network import names
from sandbox.fabric.network.namespaces import ROOT
from sandbox.fabric.packet_filter import INTERNET, PLATFORM

INTERNET_SIDE = IPv4Address("192.0.0.1")
ROUTER_SIDE = IPv4Address("192.0.0.2")
PLATFORM_SIDE = IPv4Address("192.0.0.3")
_INTERNET_MAC, _ROUTER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
"""Of the two ends of an uplink. Known beforehand: all routers have the same address, so that the
internet's reverse path filter would not hear them ask for it (ARP)."""
USER = "user"
"""The internet's interface to the root namespace."""
ROUTER = "router"
"""The platform's interface."""

GROUP = 7
"""Of all outer ends: the kernel removes a whole group faster than its links one by one."""

_NO_IPV6 = {"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"}
_FORWARDING = {
    # First: changing it resets others to their defaults (ip-sysctl).
    "ipv4/ip_forward": "1",
    **_NO_IPV6,
    # Whoever uses an address that is routed elsewhere is not heard, whatever the filter says.
    "ipv4/conf/all/rp_filter": "1",
    "ipv4/conf/default/rp_filter": "1",
    # Packets that leave where they came in (a network's own frontend) take the best way already.
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv4/conf/all/accept_redirects": "0",
    "ipv4/conf/default/accept_redirects": "0",
    # A packet from the middle of a connection that the filter never judged begins none. Without
    # this, an ACK would be taken for a beginning, and pass rules that let its direction through.
    "netfilter/nf_conntrack_tcp_loose": "0",
    # Load tests open thousands of connections a second: ended ones make room soon. (The number of
    # entries is the machine's own nf_conntrack_max and can't be set for one namespace.)
    "netfilter/nf_conntrack_tcp_timeout_time_wait": "30",
    "netfilter/nf_conntrack_tcp_timeout_close_wait": "30",
    "netfilter/nf_conntrack_tcp_timeout_fin_wait": "30",
}


class Role(Enum):
    """What a namespace is."""

    INTERNET = "internet"
    ROUTER = "router"
    PLATFORM = "platform"
    HOST = "host"

    @property
    def settings(self) -> Mapping[str, str]:
        """Kernel parameters by path below /proc/sys/net, in the order of writing."""
        match self:
            case Role.INTERNET | Role.ROUTER:
                return _FORWARDING
            case Role.PLATFORM:
                return {"ipv4/ip_forward": "0", **_NO_IPV6}
            case Role.HOST:
                # A database with two endpoints sends what the main table would send elsewhere. The
                # root namespace's values are inherited otherwise; after this it is the host's own.
                return {"ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0"}


def _neighbour(address: IPv4Address, mac: str, name: str) -> str:
    return f"neigh add {address} lladdr {mac} dev {name} nud permanent"


def _mac(address: str | None) -> str:
    return f" address {address}" if address else ""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link, and what `ip` does there once it exists."""

    namespace: str
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """A virtual cable between two namespaces."""

    outer: End
    """The sandbox's own end, which carries the mark."""
    inner: End
    """The other end, made and configured first."""
    address: str | None = None
    """MAC address of the inner end."""
    outer_address: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Where it is found: the outer end's namespace and name."""
        return self.outer.namespace, self.outer.name

    @cached_property
    def mark(self) -> str:
        """What the finished outer end has as its alias: another mark is another link."""
        return sha256(repr(self).encode()).hexdigest()[:32]

    def creation(self) -> str:
        """The line that makes both ends, each in its namespace."""
        inner = f" netns {self.inner.namespace}" if self.inner.namespace != ROOT else ""
        return (
            f"link add {self.outer.name} netns {self.outer.namespace} group {GROUP}"
            f"{_mac(self.outer_address)} type veth "
            f"peer name {self.inner.name}{inner}{_mac(self.address)}"
        )


Spot = tuple[str, IPv4Address]
"""An address, as one namespace knows it."""


@dataclass(frozen=True)
class Layout:
    """Everything that should exist."""

    namespaces: Mapping[str, Role]
    links: Mapping[tuple[str, str], Link]
    routes: Mapping[Spot, str]
    """To single addresses that come and go: the interface that they are behind."""
    served: Mapping[Spot, str]
    """Addresses of services in a platform namespace: the interface that has them."""
    owners: Mapping[str, str]
    """Namespace of each machine and database."""
    routers: Mapping[str, str]
    """Namespace of each network's router, by `Network.id`."""
    platforms: Mapping[str, str]
    egress: bool
    """Whether somebody may reach the real internet."""


def layout(prefix: str, pool: IPv4Network, client: IPv4Address, blueprint: Blueprint) -> Layout:
    """Return the namespaces, links and routes that should exist.

    Args:
        prefix: begins every name.
        pool: the sandbox's own public addresses.
        client: the user's machine, as the environments see it.
        blueprint: everything that should exist.

    Raises:
        FabricError: two things would have the same name or address.
    """
    return _Layouter(prefix, pool, client, blueprint).layout()


class _Layouter:
    def __init__(
        self, prefix: str, pool: IPv4Network, client: IPv4Address, blueprint: Blueprint
    ) -> None:
        self._prefix = prefix
        self._pool = pool
        self._client = client
        self._blueprint = blueprint
        self._internet = names.internet(prefix)
        self._owners = dict(self._hosts())
        self._routers = {
            found.id: names.namespace(prefix, "router", found.name, found.id)
            for found in blueprint.networks
        }
        self._platforms = {
            found.id: names.namespace(prefix, "platform", found.name, found.id)
            for found in blueprint.networks
        }
        self._order = self._numbers()

    def layout(self) -> Layout:
        self._verify()
        namespaces = {
            self._internet: Role.INTERNET,
            **dict.fromkeys(self._routers.values(), Role.ROUTER),
            **dict.fromkeys(self._platforms.values(), Role.PLATFORM),
            **dict.fromkeys(self._owners.values(), Role.HOST),
        }
        ports = [(net, port) for net in self._blueprint.networks for port in net.ports]
        routes, served = self._routes(ports)
        return Layout(
            namespaces=namespaces,
            links={link.key: link for link in self._links(ports)},
            routes=routes,
            served=served,
            owners=self._owners,
            routers=self._routers,
            platforms=self._platforms,
            egress=any(port.nat is not None for _, port in ports),
        )

    def _hosts(self) -> Iterator[tuple[str, str]]:
        # Another incarnation is another machine: it must not find its predecessor's firewall.
        for machine in self._blueprint.machines:
            identity = f"{machine.id} {machine.incarnation}"
            yield machine.id, names.namespace(self._prefix, "machine", machine.name, identity)
        for database in self._blueprint.databases:
            identity = f"{database.id} {database.incarnation}"
            yield database.id, names.namespace(self._prefix, "database", database.name, identity)

    def _numbers(self) -> dict[str, int]:
        """The number of each port's interface in its namespace; the first has the default route."""
        known = {machine.id: [machine.port] for machine in self._blueprint.machines}
        known |= {database.id: list(database.ports) for database in self._blueprint.databases}
        for network in self._blueprint.networks:
            for port in network.ports:
                if port.id not in known.get(port.owner, [port.id]):
                    known[port.owner].append(port.id)
        return {port: number for ports in known.values() for number, port in enumerate(ports)}

    def _verify(self) -> None:
        names.verify_distinct(
            (name, what)
            for group in (self._owners, self._routers, self._platforms)
            for what, name in group.items()
        )
        names.verify_distinct((names.uplink(n.id), n.id) for n in self._blueprint.networks)
        for network in self._blueprint.networks:
            names.verify_distinct((names.interface(p.id), p.id) for p in network.ports)
            holders: dict[IPv4Address, str] = {}
            for port in network.ports:
                if (other := holders.setdefault(port.address, port.id)) != port.id:
                    raise FabricError(
                        f"{port.id} and {other} have the same address {port.address} in the "
                        f"virtual network {network.name}: give one of them another"
                    )

    def _links(self, ports: Iterable[tuple[Network, Port]]) -> Iterator[Link]:
        yield self._user_link()
        for network in self._blueprint.networks:
            yield self._uplink(network)
            yield self._platform_link(network)
        for network, port in ports:
            if port.place is not Place.PLATFORM and port.owner in self._owners:
                yield self._port_link(network, port)

    def _user_link(self) -> Link:
        name, first = names.user(self._prefix), self._pool[1]
        return Link(
            outer=End(
                self._internet,
                USER,
                (
                    f"addr add {first}/32 dev {USER}",
                    f"link set {USER} up",
                    f"route add {self._client}/32 dev {USER}",
                    # An address that nobody has: said at once, where the real internet is silent.
                    f"route replace unreachable {self._pool}",
                ),
            ),
            inner=End(
                ROOT,
                name,
                (
                    f"addr add {self._client} peer {first} dev {name}",
                    f"link set {name} up",
                    f"route add {self._pool} via {first} dev {name} src {self._client}",
                ),
            ),
        )

    def _uplink(self, network: Network) -> Link:
        name = names.uplink(network.id)
        return Link(
            outer=End(
                self._internet,
                name,
                (
                    f"addr add {INTERNET_SIDE}/32 dev {name}",
                    f"link set {name} up",
                    _neighbour(ROUTER_SIDE, _ROUTER_MAC, name),
                ),
            ),
            inner=End(
                self._routers[network.id],
                INTERNET,
                (
                    f"addr add {ROUTER_SIDE}/32 dev {INTERNET}",
                    f"link set {INTERNET} up",
                    _neighbour(INTERNET_SIDE, _INTERNET_MAC, INTERNET),
                    f"route add default via {INTERNET_SIDE} dev {INTERNET} onlink",
                ),
            ),
            address=_ROUTER_MAC,
            outer_address=_INTERNET_MAC,
        )

    def _platform_link(self, network: Network) -> Link:
        return Link(
            outer=End(
                self._routers[network.id],
                PLATFORM,
                (
                    f"addr add {PLATFORM_SIDE}/32 dev {PLATFORM}",
                    f"link set {PLATFORM} up",
                    f"route add {METADATA}/32 dev {PLATFORM}",
                    f"route add {PLATFORM_PROBE}/32 dev {PLATFORM}",
                ),
            ),
            inner=End(
                self._platforms[network.id],
                ROUTER,
                (
                    f"addr add {PLATFORM_PROBE}/32 dev {ROUTER}",
                    # Of link scope: nothing takes it as its source by itself.
                    f"addr add {METADATA}/32 dev {ROUTER} scope link",
                    f"link set {ROUTER} up",
                    f"route add default via {PLATFORM_SIDE} dev {ROUTER} onlink",
                ),
            ),
        )

    def _port_link(self, network: Network, port: Port) -> Link:
        outer, number = names.interface(port.id), self._order[port.id]
        inner = f"eth{number}"
        return Link(
            outer=End(
                self._routers[network.id],
                outer,
                (
                    f"addr add {port.gateway}/32 dev {outer}",
                    f"link set {outer} up",
                    f"route add {port.address}/32 dev {outer}",
                ),
            ),
            inner=End(
                self._owners[port.owner],
                inner,
                tuple(host_lines(inner, port.address, port.gateway, number)),
            ),
            address=names.hardware_address(port.id),
        )

    def _routes(
        self, ports: Iterable[tuple[Network, Port]]
    ) -> tuple[dict[Spot, str], dict[Spot, str]]:
        routes: dict[Spot, str] = {}
        served: dict[Spot, str] = {}
        for network in self._blueprint.networks:
            for frontend in network.frontends:
                self._publish(frontend.address, network, routes)
            for address in _platform_addresses(network):
                routes[self._routers[network.id], address] = PLATFORM
                served[self._platforms[network.id], address] = ROUTER
        for network, port in ports:
            for public in (port.nat, port.public):
                if public is not None:
                    self._publish(public, network, routes)
            if port.place is Place.PLATFORM:
                routes[self._routers[network.id], port.address] = PLATFORM
                served[self._platforms[network.id], port.address] = ROUTER
        return routes, served

    def _publish(self, address: IPv4Address, network: Network, routes: dict[Spot, str]) -> None:
        if address not in self._pool:
            return  # an internal frontend: the network's own business
        link = names.uplink(network.id)
        if routes.setdefault((self._internet, address), link) != link:
            raise FabricError(
                f"public address {address} is used in two virtual networks, one of which is "
                f"{network.name}: it can lead to one of them only"
            )


def _platform_addresses(network: Network) -> Iterator[IPv4Address]:
    """What the platform answers at beside the two addresses that each link to it has."""
    for address in (*network.given, *(service.address for service in network.services)):
        if address not in (METADATA, PLATFORM_PROBE):
            yield address


def host_lines(name: str, address: IPv4Address, gateway: IPv4Address, number: int) -> Iterator[str]:
    """Lines of `ip` that configure a host's interface; *number* 0 is its first one."""
    yield f"addr add {address}/32 dev {name}"
    yield f"link set {name} up"
    if number == 0:
        yield f"route add default via {gateway} dev {name} onlink src {address}"
    else:
        # The table's number is the address: every interface has its own.
        table = int(address)
        yield f"route add default via {gateway} dev {name} onlink src {address} table {table}"
        yield f"rule add from {address} lookup {table}"
