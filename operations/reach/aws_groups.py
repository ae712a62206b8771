"""AWS's security groups as rules: each allows, none denies, and what no rule allows is denied.

Rules are in the group itself, or resources of their own in one of two forms; all count. A group
made by Pulumi lets nothing out by itself: the provider takes AWS's own rule away.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from operations.export.state import Deployment, Resource
from operations.links import Links, UnclearError, is_unknown
from operations.reach.addresses import ANY, V6, Services, of
from operations.reach.places import ARTIFACTS, Guard
from operations.reach.reading import ports
from operations.reach.rules import PORTS, PROTOCOLS, Rule
from operations.reach.spans import Spans
from operations.values import known, maps, texts

GROUP_TYPES = (
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
)
STANDALONE = {
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "ingress",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "egress",
}
OLDER = "aws:ec2/securityGroupRule:SecurityGroupRule"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
PREFIX_LIST = "aws:ec2/managedPrefixList:ManagedPrefixList"

NAMED = {
    "tcp": "TCP",
    "6": "TCP",
    "udp": "UDP",
    "17": "UDP",
    "icmp": "ICMP",
    "1": "ICMP",
    "icmpv6": "ICMP",
    "58": "ICMP",
}

KEYS = {
    "cidrs": ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks"),
    "lists": ("prefixListId", "prefixListIds"),
    "groups": ("referencedSecurityGroupId", "sourceSecurityGroupId", "securityGroups"),
}
"""What a rule's other end is under, in all forms of rules."""


class Two(NamedTuple):
    """Both directions."""

    inbound: Guard
    outbound: Guard


class _Directions(NamedTuple):
    """Rules and doubts of one group."""

    rules: Mapping[str, list[Rule]]
    doubts: Mapping[str, list[str]]


class Groups:
    """The security groups of a deployment."""

    def __init__(self, deployment: Deployment, links: Links, services: Services) -> None:
        self._links = links
        self._services = services
        self._astray: list[str] = []
        self.names_v6 = False
        """Whether a rule names an address of IPv6."""
        self._found: dict[str, _Directions] = {}
        for each in deployment.resources:
            if each.type in GROUP_TYPES:
                self._found[each.urn] = _Directions(
                    {"ingress": [], "egress": []}, {"ingress": [], "egress": []}
                )
        for each in deployment.resources:
            if each.type in GROUP_TYPES:
                self._inline(each)
            elif each.type in STANDALONE:
                self._own(each, STANDALONE[each.type])
            elif each.type == OLDER:
                self._own(each, str(each.inputs.get("type")))

    def guards(self, groups: list[Resource]) -> Two:
        """Return what all of *groups* let through together."""
        return Two(self._together(groups, "ingress"), self._together(groups, "egress"))

    def _together(self, groups: list[Resource], direction: str) -> Guard:
        found = [self._found[group.urn] for group in groups]
        return Guard(
            tuple(rule for each in found for rule in each.rules[direction]),
            (*self._astray, *(doubt for each in found for doubt in each.doubts[direction])),
        )

    def _inline(self, group: Resource) -> None:
        for direction in ("ingress", "egress"):
            given = group.inputs.get(direction)
            if is_unknown(given):
                self._found[group.urn].doubts[direction].append(
                    f"only a deployment tells the rules of '{group.name}'"
                )
            for rule in maps(given):
                self._add(group, direction, group, rule, direction)

    def _own(self, rule: Resource, direction: str) -> None:
        try:
            value = rule.inputs.get("securityGroupId")
            group = self._links.one(rule, "securityGroupId", value, *GROUP_TYPES)
        except UnclearError as unclear:
            self._astray.append(f"rule '{rule.name}': {unclear}")
            return
        if group and direction in ("ingress", "egress"):
            self._add(group, direction, rule, rule.inputs, "")

    def _add(
        self, group: Resource, direction: str, owner: Resource, rule: Mapping[str, Any], key: str
    ) -> None:
        """Add one rule; *key* is the input of *owner* that it is in, none where it is *owner*."""
        found = self._found[group.urn]
        try:
            other = self._other(group, owner, rule, key)
            span, protocols = _what(rule)
        except UnclearError as unclear:
            found.doubts[direction].append(f"rule '{owner.name}' of '{group.name}': {unclear}")
            return
        inward = direction == "ingress"
        found.rules[direction].append(
            Rule(
                allow=True,
                sources=other.addresses if inward else ANY,
                destinations=ANY if inward else other.addresses,
                ports=span,
                protocols=protocols,
                groups=other.groups,
            )
        )

    def _other(
        self, group: Resource, owner: Resource, rule: Mapping[str, Any], key: str
    ) -> "_Other":
        cidrs = texts(*(rule.get(name) for name in KEYS["cidrs"]))
        known(cidrs, "its addresses")
        try:
            addresses = [of(cidr) for cidr in cidrs]
        except ValueError:
            raise UnclearError("its addresses: not a list of addresses") from None
        self.names_v6 = self.names_v6 or any(span & V6 for span in addresses)
        addresses += self._lists(owner, rule, key)
        groups: set[str] = set()
        for name in KEYS["groups"]:
            if given := texts(rule.get(name)):
                found = self._links.many(owner, key or name, given, *GROUP_TYPES)
                groups.update(each.urn for each in found)
        if rule.get("self") is True:
            groups.add(group.urn)
        return _Other(Spans.union(addresses), frozenset(groups))

    def _lists(self, owner: Resource, rule: Mapping[str, Any], key: str) -> Iterator[Spans]:
        """Yield the addresses of the prefix lists that *rule* names."""
        for name in KEYS["lists"]:
            for given in texts(rule.get(name)):
                yield self._list(owner, key or name, given)

    def _list(self, owner: Resource, key: str, given: str) -> Spans:
        if is_unknown(given):
            found = self._links.one(owner, key, given, ENDPOINT, PREFIX_LIST)
        else:
            found = self._links.listed(given, ENDPOINT, PREFIX_LIST)
        if found is None:
            return self._services.of(f"prefix list {given}")
        if found.type == ENDPOINT:
            service = str(found.inputs.get("serviceName")).rpartition(".")[2]
            return self._services.of(ARTIFACTS if service == "s3" else f"AWS's {service}")
        entries = texts(*(entry.get("cidr") for entry in maps(found.inputs.get("entries"))))
        known(entries, "its prefix list")
        try:
            return Spans.union(map(of, entries))
        except ValueError:
            raise UnclearError("its prefix list has no addresses") from None


class _Other(NamedTuple):
    """The other end of a rule."""

    addresses: Spans
    groups: frozenset[str]


def _what(rule: Mapping[str, Any]) -> tuple[Spans, frozenset[str]]:
    """Return the ports and protocols of *rule*."""
    given = rule.get("ipProtocol", rule.get("protocol"))
    name = str(known(given, "its protocol")).lower()
    if name in ("-1", "all"):
        return PORTS, frozenset(PROTOCOLS)
    protocol = NAMED.get(name, "other")
    if protocol in ("ICMP", "other"):
        return PORTS, frozenset({protocol})
    low, high = texts(rule.get("fromPort")), texts(rule.get("toPort"))
    known([*low, *high], "its ports")
    if not low or not high:
        raise UnclearError("it says no ports")
    return ports([f"{low[0]}-{high[0]}"], "its ports"), frozenset({protocol})
