"""What the packet filters of both clouds let in and out, in one form.

Azure says it in rules inside a network security group or beside it, AWS in rules beside a security
group, inside it, or of an older type. An `Opening` is one of them that allows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal

from policies.reading import UNKNOWN, Resource, at, items

NSG = "azure-native:network:NetworkSecurityGroup"
NSG_RULE = "azure-native:network:SecurityRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"

ALL_PORTS = (0, 65535)
NEARLY_ALL = 60_000
"""Ports in a range that names no service."""

RANGES = (
    "cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks", "prefixListId", "prefixListIds",
)  # fmt: skip
"""Where a rule of AWS names ranges: one inside a group names several of each."""

ANYONE = frozenset({"*", "any", "internet", "0.0.0.0/0", "::/0"})
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "*", "-1": "*"}
"""What AWS also takes for a protocol (IpPermission of EC2: a number of IANA's)."""
WIDEST = 8
"""Prefix of the widest range that is still somebody's; `access.anyClient` draws the same line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """Something that a packet filter allows."""

    rule: str
    """Its name, for messages."""
    inbound: bool
    protocol: str
    """`*` for all of them."""
    ports: tuple[tuple[int, int], ...]
    """First and last of each range, of the destination."""
    peers: tuple[str, ...]
    """At the other end: ranges, prefix lists, Azure's service tags and application groups."""
    near: tuple[str, ...] = ("*",)
    """The same of this end; AWS has no more than the group's members."""
    groups: bool = False
    """Whether the other end are members of a security group of AWS."""
    unknown: tuple[str, ...] = ()
    """Paths of what is not known before the deployment."""

    def covers(self, port: int) -> bool:
        """Return whether it is open on *port*, over TCP."""
        tcp = self.protocol in ("*", "tcp")
        return tcp and any(first <= port <= last for first, last in self.ports)

    @property
    def wide(self) -> bool:
        """Whether it is open on all ports, or for all protocols."""
        open_ports = sum(last - first + 1 for first, last in self.ports)
        return self.protocol == "*" or open_ports >= NEARLY_ALL

    def only(self, allowed: frozenset[int]) -> bool:
        """Return whether it is open on nothing but TCP ports of *allowed*."""
        single = all(first == last and first in allowed for first, last in self.ports)
        return self.protocol == "tcp" and bool(self.ports) and single

    def __str__(self) -> str:
        spans = [str(first) if first == last else f"{first}-{last}" for first, last in self.ports]
        shown = "all ports" if ALL_PORTS in self.ports else f"port {', '.join(spans) or 'unknown'}"
        return f"rule {self.rule} ({'all protocols' if self.protocol == '*' else shown})"


def openings(resource: Resource, direction: Literal["in", "out"] = "in") -> Iterator[Opening]:
    """Yield what *resource* lets in, or out."""
    read = _READERS.get(resource.type)
    wanted = direction == "in"
    return (each for each in (read(resource) if read else ()) if each.inbound is wanted)


def _inside(
    resource: Resource, path: str, read: Callable[[Mapping[str, Any]], Iterator[Opening]]
) -> Iterator[Opening]:
    """Yield the openings of the rules that a group lists itself."""
    known, whole = items(resource(path))
    for rule in known:
        yield from read(rule)
    if not whole:
        yield Opening(
            rule=path,
            inbound=path != "egress",
            protocol="unknown",
            ports=(),
            peers=(),
            unknown=(path,),
        )


def _of_group(resource: Resource) -> Iterator[Opening]:
    for path in ("ingress", "egress"):
        yield from _inside(resource, path, partial(_of_aws, name=path, inbound=path == "ingress"))


def _of_rule(resource: Resource) -> Iterator[Opening]:
    outbound = resource.type == EGRESS or resource("type") == "egress"
    return _of_aws(resource.inputs, name=resource.name, inbound=not outbound)


def _of_azure(rule: Mapping[str, Any]) -> Iterator[Opening]:
    # Azure compares the words of an enumeration without regard to case.
    if str(at(rule, "access")).lower() == "deny":
        return
    inbound = str(at(rule, "direction")).lower() != "outbound"
    sources, some = _several(rule, "sourceAddressPrefix", "sourceAddressPrefixes")
    targets, others = _several(rule, "destinationAddressPrefix", "destinationAddressPrefixes")
    spans, more = _several(rule, "destinationPortRange", "destinationPortRanges")
    members = f"{'source' if inbound else 'destination'}ApplicationSecurityGroups"
    groups, all_known = items(at(rule, members))
    protocol = at(rule, "protocol", "*")
    unknown = (
        *some, *others, *more,
        *(() if all_known else (members,)),
        *(("protocol",) if protocol is UNKNOWN else ()),
    )  # fmt: skip
    yield Opening(
        rule=str(at(rule, "name", "without a name")),
        inbound=inbound,
        protocol=str(protocol).lower(),
        ports=tuple(_span(each) for each in spans),
        peers=(*(sources if inbound else targets), *map(_application_group, groups)),
        near=tuple(targets if inbound else sources) or ("*",),
        unknown=unknown,
    )


def _of_aws(rule: Mapping[str, Any], *, name: str, inbound: bool) -> Iterator[Opening]:
    peers: list[str] = []
    unknown: list[str] = []
    for path in RANGES:
        known, whole = items(at(rule, path))
        peers += [str(each) for each in known]
        if not whole:
            unknown.append(path)
    keys = ("referencedSecurityGroupId", "sourceSecurityGroupId", "securityGroups", "self")
    given = at(rule, "ipProtocol", at(rule, "protocol", "-1"))
    protocol = PROTOCOLS.get(str(given).lower(), str(given).lower())
    first, last = at(rule, "fromPort"), at(rule, "toPort")
    everything = protocol == "*"
    if UNKNOWN in (given, first, last):
        unknown.append("ports")
        ports: tuple[tuple[int, int], ...] = ()
    elif everything or first is None or last is None:
        ports = (ALL_PORTS,)
    else:
        ports = ((int(first), int(last)),)
    yield Opening(
        rule=name,
        inbound=inbound,
        protocol=protocol,
        ports=ports,
        peers=tuple(peers),
        groups=any(at(rule, key) for key in keys),
        unknown=tuple(unknown),
    )


_READERS: Mapping[str, Callable[[Resource], Iterator[Opening]]] = {
    NSG: lambda resource: _inside(resource, "securityRules", _of_azure),
    NSG_RULE: lambda resource: _of_azure(resource.inputs),
    GROUP: _of_group,
    DEFAULT_GROUP: _of_group,
    INGRESS: _of_rule,
    EGRESS: _of_rule,
    GROUP_RULE: _of_rule,
}
"""What reads each type."""


def _application_group(given: Any) -> str:
    known = at(given, "id")
    name = "" if known in (None, UNKNOWN) else str(known).rpartition("/")[2]
    return f"the application security group {name}".rstrip()


def _several(rule: Mapping[str, Any], one: str, many: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the values under both keys, and those of the keys that are not wholly known."""
    found: list[str] = []
    unknown: list[str] = []
    for key in (one, many):
        known, whole = items(at(rule, key))
        found += [str(each) for each in known if each != ""]
        if not whole:
            unknown.append(key)
    return found, tuple(unknown)


def _span(word: str) -> tuple[int, int]:
    """Return the ports of Azure's `*`, `80` or `80-90`; all of them for what is none of these."""
    first, _, last = word.partition("-")
    if first.isdecimal() and (last or first).isdecimal():
        return int(first), int(last or first)
    return ALL_PORTS


def network_of(peer: str) -> IPv4Network | IPv6Network | None:
    """Return the range that *peer* is; None for a tag, or another name."""
    try:
        return ip_network(peer, strict=False)
    except ValueError:
        return None


def is_anyone(peer: str) -> bool:
    """Return whether *peer* is everybody, or a part of it that is nobody's own."""
    network = network_of(peer)
    return peer.lower() in ANYONE or (network is not None and network.prefixlen < WIDEST)


def is_within(peer: str, ranges: tuple[IPv4Network, ...]) -> bool:
    """Return whether all of *peer* is in one of *ranges*."""
    network = network_of(peer)
    return isinstance(network, IPv4Network) and any(network.subnet_of(each) for each in ranges)


def overlaps(peer: str, ranges: tuple[IPv4Network, ...]) -> bool:
    """Return whether some of *peer* may be in *ranges*; a tag may be anything."""
    network = network_of(peer)
    if network is None or not isinstance(network, IPv4Network):
        return True
    return any(network.overlaps(each) for each in ranges)
