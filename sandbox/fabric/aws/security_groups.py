"""Security groups as a stage of the packet filter: rules that only allow.

Sources: Amazon VPC User Guide, "Security groups" and "Security group rules" (stateful; allow only;
all groups of an interface count together; a rule may name a group: the private addresses of its
interfaces, a prefix list, or a range; what is not filtered: names, metadata), Elastic Load
Balancing User Guide, "Network Load Balancer security groups" (a target's rule that names the
balancer's group lets in clients and probes that come through it, although targets see the clients'
addresses).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from sandbox.control.aws import prefix_lists
from sandbox.control.aws.addresses import network
from sandbox.control.kinds import Record, World
from sandbox.control.reading import number, text
from sandbox.fabric.contract import EVERYWHERE, Rule, Stage

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

_PROTOCOLS: Mapping[str, Literal["*", "tcp", "udp", "icmp"]] = {
    "-1": "*",
    "all": "*",
    "tcp": "tcp",
    "6": "tcp",
    "udp": "udp",
    "17": "udp",
    "icmp": "icmp",
    "1": "icmp",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One interface, and the groups that it is in."""

    address: IPv4Address
    groups: tuple[str, ...]


class Groups:
    """All groups, with who is in them now."""

    def __init__(
        self,
        world: World,
        members: Iterable[Member],
        frontends: Mapping[str, Sequence[str]],
    ) -> None:
        """*frontends*: of balancers, by the ids of their groups."""
        self._members: dict[str, list[IPv4Network]] = defaultdict(list)
        for member in members:
            for group in member.groups:
                self._members[group].append(IPv4Network(member.address))
        self._frontends = frontends
        self._rules: dict[tuple[str, str], list[Record]] = defaultdict(list)
        for kind in (INGRESS, EGRESS):
            for record in world.of(kind):
                self._rules[kind, text(record.inputs, "securityGroupId") or ""].append(record)
        self._stages: dict[tuple[str, tuple[str, ...]], tuple[Stage, ...]] = {}

    def inbound(self, groups: Sequence[str]) -> tuple[Stage, ...]:
        """What a new connection to an interface in these groups must pass."""
        return self._stage(INGRESS, tuple(sorted(groups)))

    def outbound(self, groups: Sequence[str]) -> tuple[Stage, ...]:
        """What a new connection from an interface in these groups must pass."""
        return self._stage(EGRESS, tuple(sorted(groups)))

    def _stage(self, kind: str, groups: tuple[str, ...]) -> tuple[Stage, ...]:
        """One stage for all; nothing where there is no group: a balancer may have none."""
        if not groups:
            return ()
        key = kind, groups
        if key not in self._stages:
            direction = "ingress" if kind == INGRESS else "egress"
            rules = [
                rule
                for group in groups
                for record in self._rules[kind, group]
                for rule in self._read(record, kind)
            ]
            stage = Stage(id=f"{' '.join(groups)} {direction}", rules=tuple(rules))
            self._stages[key] = (stage,)
        return self._stages[key]

    def _read(self, record: Record, kind: str) -> Iterator[Rule]:
        protocol = _PROTOCOLS.get((text(record.inputs, "ipProtocol") or "").casefold())
        ends, frontends = self._peer(record)
        if protocol is None or not (ends or frontends):
            return
        name = text(record.inputs, "description") or record.short
        ports = _ports(record, protocol)
        if kind == INGRESS:
            yield Rule(
                name=name,
                allow=True,
                protocol=protocol,
                sources=ends,
                destination_ports=ports,
                frontends=frontends,
            )
        else:
            yield Rule(
                name=name,
                allow=True,
                protocol=protocol,
                sources=EVERYWHERE,
                destinations=ends,
                destination_ports=ports,
            )

    def _peer(self, record: Record) -> tuple[tuple[IPv4Network, ...], tuple[str, ...]]:
        """Addresses of the other end, and the frontends that it may have come through."""
        if group := text(record.inputs, "referencedSecurityGroupId"):
            group = group.rpartition("/")[2]  # ACCOUNT/ID is the same
            return tuple(self._members.get(group, ())), tuple(self._frontends.get(group, ()))
        if listed := text(record.inputs, "prefixListId"):
            found = prefix_lists.find(listed)
            return tuple(map(IPv4Network, found.blocks)) if found else (), ()
        written = network(text(record.inputs, "cidrIpv4"))
        return ((written,) if written else ()), ()


def _ports(record: Record, protocol: str) -> tuple[tuple[int, int], ...]:
    first, last = number(record.inputs, "fromPort"), number(record.inputs, "toPort")
    if protocol not in ("tcp", "udp") or first is None or last is None or first < 0:
        return ()
    return ((first, last),)
