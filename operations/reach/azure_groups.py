"""Azure's network security groups as rules, in the order in which Azure tries them.

The lowest priority's number comes first; after the rules of a group come three of Azure's own in
each direction ("Default security rules"). A service tag stands for addresses that Azure knows
("Virtual network service tags"): `VirtualNetwork` has the network's own and those of networks that
are joined to it, which no deployment tells; so here it allows all private addresses, and denies the
network's own only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from operations.export.state import Deployment, Resource
from operations.links import Links, UnclearError
from operations.reach.addresses import ANY, EVERYWHERE, PLATFORM, PRIVATE, V6, Services, of
from operations.reach.places import Guard
from operations.reach.reading import ports
from operations.reach.rules import PORTS, PROTOCOLS, Rule
from operations.reach.spans import Spans
from operations.values import known, maps, texts

GROUP = "azure-native:network:NetworkSecurityGroup"
RULE = "azure-native:network:SecurityRule"

DEFAULTS = {
    "Inbound": (
        (65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
        (65001, "Allow", "AzureLoadBalancer", "*"),
    ),
    "Outbound": (
        (65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
        (65001, "Allow", "*", "Internet"),
    ),
}
"""Azure's own: priority, access, source, destination. The last, at 65500, denies the rest."""

NAMED = {"TCP": "TCP", "UDP": "UDP", "ICMP": "ICMP", "ESP": "other", "AH": "other"}


class Two(NamedTuple):
    """Both directions of one group."""

    inbound: Guard
    outbound: Guard


@dataclass(frozen=True, slots=True)
class _Direction:
    rules: list[tuple[int, Rule]]
    doubts: list[str]


class Groups:
    """The network security groups of a deployment."""

    def __init__(
        self, deployment: Deployment, links: Links, own: Spans, services: Services
    ) -> None:
        self._links = links
        self._own = own
        self._services = services
        self.names_v6 = False
        """Whether a rule names an address of IPv6."""
        self._standalone: dict[str, list[Mapping[str, Any]]] = {}
        self._astray: list[str] = []
        for each in deployment.resources:
            if each.type == RULE:
                self._add(each)
        self._read = {
            each.urn: self._group(each) for each in deployment.resources if each.type == GROUP
        }

    def named(self, owner: Resource, key: str, value: Any) -> Two | None:
        """Return the group that *value*, at input *key*, names; None where it names none."""
        group = self._links.one(owner, key, value, GROUP)
        return self._read[group.urn] if group else None

    def _add(self, rule: Resource) -> None:
        name = rule.inputs.get("networkSecurityGroupName")
        try:
            group = self._links.one(rule, "networkSecurityGroupName", name, GROUP)
        except UnclearError as unclear:
            self._astray.append(f"rule '{rule.name}': {unclear}")
            return
        if group:
            named = {"name": rule.name, **rule.inputs}
            self._standalone.setdefault(group.urn, []).append(named)

    def _group(self, group: Resource) -> Two:
        given = group.inputs.get("securityRules")
        rules = [*maps(given), *self._standalone.get(group.urn, ())]
        found = {name: _Direction([], list(self._astray)) for name in DEFAULTS}
        if given is not None and not isinstance(given, list):
            for direction in found.values():
                direction.doubts.append(f"only a deployment tells the rules of '{group.name}'")
        for rule in rules:
            where = f"rule '{rule.get('name', '?')}' of '{group.name}'"
            known_direction = found.get(str(rule.get("direction")).capitalize())
            for direction in [known_direction] if known_direction else found.values():
                try:
                    direction.rules.append(self._rule(rule))
                except UnclearError as unclear:
                    direction.doubts.append(f"{where}: {unclear}")
        return Two(*(self._guard(name, found[name]) for name in ("Inbound", "Outbound")))

    def _guard(self, name: str, direction: _Direction) -> Guard:
        defaults = (
            (priority, self._plain(access, source, destination))
            for priority, access, source, destination in DEFAULTS[name]
        )
        ordered = sorted((*direction.rules, *defaults), key=lambda each: each[0])
        return Guard(tuple(rule for _, rule in ordered), tuple(direction.doubts))

    def _plain(self, access: str, source: str, destination: str) -> Rule:
        allow = access == "Allow"
        return Rule(
            allow=allow,
            sources=self._prefix(source, allow=allow),
            destinations=self._prefix(destination, allow=allow),
        )

    def _rule(self, rule: Mapping[str, Any]) -> tuple[int, Rule]:
        for key in ("sourceApplicationSecurityGroups", "destinationApplicationSecurityGroups"):
            if rule.get(key):
                raise UnclearError("it names application security groups, which are not worked out")
        try:
            priority = int(known(rule.get("priority"), "its priority"))
        except (TypeError, ValueError):
            raise UnclearError("its priority is no number") from None
        # Azure's own words are in any case.
        access = str(known(rule.get("access"), "its access")).capitalize()
        if (
            access not in ("Allow", "Deny")
            or str(rule.get("direction")).capitalize() not in DEFAULTS
        ):
            raise UnclearError("whether it allows or denies, and in which direction, is not known")
        allow = access == "Allow"
        if not allow and _ports(rule, "source") != PORTS:
            raise UnclearError("it denies some ports of the sender only, which a sender chooses")
        open_ports = _ports(rule, "destination")
        return priority, Rule(
            allow=allow,
            sources=self._ends(rule, "source", allow=allow),
            destinations=self._ends(rule, "destination", allow=allow),
            ports=open_ports,
            protocols=_protocols(rule.get("protocol"), with_ports=open_ports != PORTS),
        )

    def _ends(self, rule: Mapping[str, Any], end: str, *, allow: bool) -> Spans:
        given = texts(rule.get(f"{end}AddressPrefix"), rule.get(f"{end}AddressPrefixes"))
        known(given, f"its {end}")
        if not given:
            raise UnclearError(f"it says no {end}")
        return Spans.union(self._prefix(each, allow=allow) for each in given)

    def _prefix(self, prefix: str, *, allow: bool) -> Spans:
        match prefix.casefold():
            case "*" | "any":
                return ANY
            case "internet":
                return EVERYWHERE - PRIVATE - PLATFORM - self._own
            case "virtualnetwork":
                own = self._own | PLATFORM
                return own | PRIVATE if allow else own
            case "azureloadbalancer":
                return PLATFORM
        try:
            found = of(prefix)
        except ValueError:
            if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", prefix):
                return self._services.of(prefix)
            raise UnclearError(f"'{prefix}' is neither an address nor a service tag") from None
        self.names_v6 = self.names_v6 or bool(found & V6)
        return found


def _ports(rule: Mapping[str, Any], end: str) -> Spans:
    return ports(
        texts(rule.get(f"{end}PortRange"), rule.get(f"{end}PortRanges")), f"the {end}'s ports"
    )


def _protocols(name: Any, *, with_ports: bool) -> frozenset[str]:
    """Return the protocols of a rule; one that names ports is about none without them."""
    if name == "*":
        return frozenset({"TCP", "UDP"} if with_ports else PROTOCOLS)
    protocol = NAMED.get(str(name).upper())
    if protocol is None:
        raise UnclearError("its protocol is not known")
    return frozenset({protocol})
