"""The packet filter and the balancer of one virtual network: nftables text for its router.

Every packet of the network passes the router, also one between neighbours in a subnet. On its way
it meets, in this order: anti-spoofing (raw), the outbound stages of its sender (mangle, before any
address is translated, so that they see a frontend's address and not a member's), the balancer
(dstnat), the inbound stages of its receiver (forward, after the balancer: they see the member and
the real client), and the translation of who leaves to the internet (srcnat).

Only the first packet of a connection is judged. The rest of it is known to conntrack, which a
replaced table does not touch: a rule that becomes narrower cuts nobody off, and holds for every
new connection from the moment that `nft -f` returns.

A frontend may have stages of its own: of who comes to it (before a member is chosen) and of what
it sends to members. Who came through it has its mark on the connection, which is how a rule means
"from that balancer" although members see the client's own address.

Sources: nft(8); Azure documentation, "Network security groups" (stateful, subnet and interface),
"Azure Load Balancer distribution modes" (five-tuple hash), "Load Balancer health probes"
(connections that exist stay with an unwell member; without a well member new ones get no answer).
Not emulated: the idle timeout of balanced connections (they live as long as conntrack keeps them),
and a member that calls its own frontend (which fails on Azure, too).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2s
from ipaddress import IPv4Address, IPv4Network, collapse_addresses

from sandbox.fabric.contract import (
    EVERYWHERE,
    PLATFORM_PROBE,
    Frontend,
    Network,
    Place,
    Rule,
    Stage,
)

TABLE = "inet fabric"
"""Family and name of the only table: bridge conntrack is broken on some kernels."""
INTERNET = "internet"
"""The router's interface to the internet."""
PLATFORM = "platform"
"""The router's interface to what the cloud answers itself."""

UNROUTED = tuple(
    IPv4Network(prefix)
    for prefix in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)
"""What is nowhere on the internet: private, shared, local, multicast and reserved ranges."""

_LONGEST_COMMENT = 127
"""Bytes; libnftnl's limit is 128 with the end's zero."""
_SEED = 0x0A2B3C4D
"""Of the balancer's hash: the same after a reload, so that a repeated SYN meets the same member."""


def ruleset(
    network: Network,
    healthy: Callable[[Frontend], Sequence[IPv4Address]],
    interface: Callable[[str], str],
    public: IPv4Network,
) -> str:
    """Return what `nft -f` makes of a router, whatever was there, in one transaction.

    Args:
        network: with its ports and frontends.
        healthy: the members of a frontend that new connections may go to.
        interface: the router's interface to a port, by `Port.id`.
        public: the sandbox's pool of public addresses; its frontends answer who comes from the
            internet, the others who is in the network.
    """
    marks = _marks(network)
    chains = _Chains(marks)
    outbound = list(chains.verdicts((port.address, port.outbound) for port in network.ports))
    inbound = list(chains.verdicts((port.address, port.inbound) for port in network.ports))
    fronts = [
        _Front(
            front,
            tuple(healthy(front)),
            marks.get(front.id),
            chains.sequence(front.inbound) if front.inbound else None,
        )
        for front in network.frontends
    ]
    through = [
        f"{marks[front.id]:#x} : jump {chains.sequence(front.outbound)}"
        for front in network.frontends
        if front.outbound
    ]
    leaving = [port for port in network.ports if port.nat is not None]
    lines = [
        f"table {TABLE}",
        f"delete table {TABLE}",
        f"table {TABLE} {{",
        *_set("bound", "type ifname . ipv4_addr", _bound(network, interface)),
        *_set("ports", "type ipv4_addr", (str(port.address) for port in network.ports)),
        *_set("egress", "type ipv4_addr", (str(port.address) for port in leaving)),
        *_set(
            "unrouted",
            "type ipv4_addr; flags interval",
            map(str, collapse_addresses((*UNROUTED, *network.ranges))),
        ),
        *_map("outbound", "type ipv4_addr : verdict", outbound),
        *_map("inbound", "type ipv4_addr : verdict", inbound),
        *_map(
            "nat",
            "type ipv4_addr : ipv4_addr",
            (f"{port.address} : {port.nat}" for port in leaving),
        ),
        *_set("services", "type ipv4_addr . ipv4_addr", _ways(network)),
        *_map(
            "own",
            "type ipv4_addr : ipv4_addr",
            (f"{port.public} : {port.address}" for port in network.ports if port.public),
        ),
        *_map("through", "type mark : verdict", through),
        *_frontends("public", (front for front in fronts if front.address in public)),
        *_frontends("internal", (front for front in fronts if front.address not in public)),
        *chains.text(),
        *(line for front in fronts for line in front.chain()),
        *_hooks(network),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _hooks(network: Network) -> list[str]:
    given = _braced(map(str, network.given))
    asking = {front.probe_from for front in network.frontends} | {PLATFORM_PROBE}
    askers = f"ip saddr != {_braced(map(str, sorted(asking)))} "
    return f"""
chain arriving {{
  type filter hook prerouting priority raw; policy accept;
  meta nfproto ipv6 drop
  meta l4proto != {{ icmp, tcp, udp }} counter drop comment "neither TCP nor UDP nor ICMP"
  iifname "{INTERNET}" ip saddr @unrouted counter drop comment "no address of the internet"
  iifname "{INTERNET}" accept
  iifname . ip saddr @bound accept
  counter drop comment "source address of somebody else"
}}
chain leaving {{
  type filter hook prerouting priority mangle; policy accept;
  ct state != new accept
  tcp flags & (fin | syn | rst | ack) != syn counter drop comment "no beginning of a connection"
  ip daddr {given} accept
  ip saddr vmap @outbound
}}
chain balancing {{
  type nat hook prerouting priority dstnat; policy accept;
  iifname "{INTERNET}" ip daddr . meta l4proto . th dport vmap @public
  iifname "{INTERNET}" dnat ip to ip daddr map @own
  iifname != {{ "{INTERNET}", "{PLATFORM}" }} ip daddr . meta l4proto . th dport vmap @internal
}}
chain forwarding {{
  type filter hook forward priority filter; policy drop;
  ct state invalid counter drop comment "belongs to no connection"
  ct state established,related accept
  oifname "{PLATFORM}" iifname != {{ "{INTERNET}", "{PLATFORM}" }} \
ip daddr {given} accept
  oifname "{PLATFORM}" iifname != {{ "{INTERNET}", "{PLATFORM}" }} \
ip saddr . ip daddr @services accept
  iifname "{INTERNET}" ct status & dnat == 0 counter drop comment "no frontend there"
  iifname "{PLATFORM}" {askers}counter drop comment "the platform only answers"
  oifname "{INTERNET}" ip daddr @unrouted counter drop comment "nowhere on the internet"
  oifname "{INTERNET}" ip saddr @egress accept
  oifname "{INTERNET}" counter drop comment "no way to the internet (no NAT)"
  ct mark vmap @through
  ip daddr vmap @inbound
  ip daddr @ports accept
  counter drop comment "nothing has this address"
}}
chain translating {{
  type nat hook postrouting priority srcnat; policy accept;
  oifname "{INTERNET}" snat ip to ip saddr map @nat
}}
chain to_router {{
  type filter hook input priority filter; policy drop;
  iifname != "{INTERNET}" icmp type echo-request accept
  counter drop comment "the router serves nothing"
}}
chain from_router {{
  type filter hook output priority filter; policy drop;
  icmp type {{ echo-reply, destination-unreachable, time-exceeded }} accept
}}
""".strip().splitlines()


def _marks(network: Network) -> dict[str, int]:
    """The mark of each frontend that somebody has to tell from others."""
    meant = {
        name
        for port in network.ports
        for stage in port.inbound
        for rule in stage.rules
        for name in rule.frontends
    }
    return {
        front.id: number
        for number, front in enumerate(network.frontends, 1)
        if front.outbound or front.id in meant
    }


def _ways(network: Network) -> Iterator[str]:
    """Who has a way to which service: `address . address`."""
    addresses = {port.id: port.address for port in network.ports}
    for service in network.services:
        for port in service.ports:
            if (source := addresses.get(port)) is not None:
                yield f"{source} . {service.address}"


def _bound(network: Network, interface: Callable[[str], str]) -> Iterator[str]:
    """Who may send what address: `interface . address`."""
    for given in (*network.given, *(service.address for service in network.services)):
        yield f'"{PLATFORM}" . {given}'
    for port in network.ports:
        where = PLATFORM if port.place is Place.PLATFORM else interface(port.id)
        yield f'"{where}" . {port.address}'


class _Front:
    """One frontend, and the members that it has now."""

    def __init__(
        self,
        frontend: Frontend,
        members: tuple[IPv4Address, ...],
        mark: int | None,
        stages: str | None,
    ) -> None:
        """*stages*: the chain that a new connection must pass."""
        self._mark = mark
        self._stages = stages
        self.address = frontend.address
        self._frontend = frontend
        self._members = members
        self.name = f"front_{_short(frontend.id)}"

    def element(self) -> str:
        """Its entry in the map of frontends."""
        found = self._frontend
        return f"{found.address} . {found.protocol} . {found.port} : goto {self.name}"

    def chain(self) -> Iterator[str]:
        """The choice of a member."""
        found = self._frontend
        yield f"chain {self.name} {{"
        yield f"  {_comment(found.id)}"
        if self._stages is not None:
            yield f"  jump {self._stages}"
        if self._mark is not None:
            yield f"  ct mark set {self._mark:#x}"
        match self._members:
            case ():
                yield f"  counter drop {_comment('no healthy member')}"
            case (only,):
                yield f"  meta l4proto {found.protocol} dnat ip to {only}:{found.member_port}"
            case several:
                targets = ", ".join(
                    f"{number} : {member} . {found.member_port}"
                    for number, member in enumerate(several)
                )
                yield (
                    f"  meta l4proto {found.protocol} dnat ip addr . port to jhash "
                    "ip saddr . ip daddr . th sport . th dport "
                    f"mod {len(several)} seed {_SEED:#x} map {{ {targets} }}"
                )
        yield "}"


def _frontends(name: str, fronts: Iterable[_Front]) -> Iterator[str]:
    elements = {front.name: front.element() for front in fronts}
    return _map(name, "type ipv4_addr . inet_proto . inet_service : verdict", elements.values())


class _Chains:
    """The stages that ports have, each as one chain, whatever the number of ports."""

    def __init__(self, marks: Mapping[str, int]) -> None:
        """*marks*: of frontends, by id."""
        self._marks = marks
        self._names: dict[int, str] = {}
        self._stages: dict[str, Stage] = {}
        self._sequences: dict[str, tuple[str, ...]] = {}

    def verdicts(self, ports: Iterable[tuple[IPv4Address, tuple[Stage, ...]]]) -> Iterator[str]:
        """Map entries, address to the chain of its stages; none for who has no stage."""
        for address, stages in ports:
            if stages:
                yield f"{address} : jump {self.sequence(stages)}"

    def sequence(self, stages: tuple[Stage, ...]) -> str:
        """The chain of several stages, each of which must allow."""
        names = tuple(self._stage(stage) for stage in stages)
        if len(names) == 1:
            return names[0]
        name = f"stages_{_short(' '.join(names))}"
        self._sequences[name] = names
        return name

    def _stage(self, stage: Stage) -> str:
        # Ports of a subnet share the very same object: its rules are read once.
        if id(stage) not in self._names:
            name = f"stage_{_short(repr(stage))}"
            self._names[id(stage)] = name
            self._stages[name] = stage
        return self._names[id(stage)]

    def text(self) -> Iterator[str]:
        """The chains; one that is jumped to comes first."""
        for name, stage in self._stages.items():
            yield f"chain {name} {{"
            yield f"  {_comment(stage.id)}"
            for rule in stage.rules:
                verdict = "return" if rule.allow else "counter drop"
                for condition in _conditions(rule, self._marks):
                    yield f"  {condition}{verdict} {_comment(rule.name)}"
            yield f"  counter drop {_comment('no rule allows it')}"
            yield "}"
        for name, names in self._sequences.items():
            yield f"chain {name} {{"
            yield from (f"  jump {each}" for each in names)
            yield "}"


def _conditions(rule: Rule, marks: Mapping[str, int]) -> Iterator[str]:
    """What a packet must be like, each with a space behind it; none: nothing matches the rule."""
    rest = _condition(rule)
    if rest is None:
        return
    if rule.sources:
        yield "".join(f"{part} " for part in _among("ip saddr", rule.sources)) + rest
    if through := [f"{marks[name]:#x}" for name in rule.frontends if name in marks]:
        yield f"ct mark {_braced(through)} {rest}"


def _condition(rule: Rule) -> str | None:
    """The same but for who sends it; None for a rule that nothing matches."""
    if not rule.destinations:
        return None
    parts = [*_among("ip daddr", rule.destinations)]
    ported = bool(rule.source_ports or rule.destination_ports)
    if rule.protocol == "icmp" and ported:
        return None
    if rule.protocol != "*":
        parts.append(f"meta l4proto {rule.protocol}")
    elif ported:
        # Nothing but TCP, UDP and ICMP gets this far.
        parts.append("meta l4proto != icmp")
    parts.extend(_between("th sport", rule.source_ports))
    parts.extend(_between("th dport", rule.destination_ports))
    return "".join(f"{part} " for part in parts)


def _among(field: str, prefixes: Sequence[IPv4Network]) -> Iterator[str]:
    merged = tuple(collapse_addresses(prefixes))
    if merged != EVERYWHERE:
        yield f"{field} {_braced(map(str, merged))}"


def _between(field: str, ranges: Sequence[tuple[int, int]]) -> Iterator[str]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    if merged and merged != [(0, 65535)]:
        yield f"{field} {_braced(str(a) if a == b else f'{a}-{b}' for a, b in merged)}"


def _set(name: str, kind: str, elements: Iterable[str]) -> Iterator[str]:
    return _collection("set", name, kind, elements)


def _map(name: str, kind: str, elements: Iterable[str]) -> Iterator[str]:
    return _collection("map", name, kind, elements)


def _collection(what: str, name: str, kind: str, elements: Iterable[str]) -> Iterator[str]:
    yield f"{what} {name} {{"
    yield f"  {kind};"
    if given := ", ".join(elements):
        yield f"  elements = {{ {given} }}"
    yield "}"


def _braced(several: Iterable[str]) -> str:
    """One value as it is, several as a set: of those, a thousand cost a second to load."""
    found = list(several)
    return found[0] if len(found) == 1 else "{ " + ", ".join(found) + " }"


def _comment(written: str) -> str:
    """A comment of nft; of an id that is too long the end, where it differs from others."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in written
    )
    if len(plain) > _LONGEST_COMMENT:
        plain = f"...{plain[-_LONGEST_COMMENT + 3 :]}"
    return f'comment "{plain}"'


def _short(written: str) -> str:
    return blake2s(written.encode(), digest_size=6).hexdigest()
