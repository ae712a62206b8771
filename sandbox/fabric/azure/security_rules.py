"""Network security groups as stages of the packet filter.

Sources: Azure documentation, "How network security groups filter network traffic" (inbound: the
subnet's group, then the interface's; outbound: the interface's, then the subnet's; both must
allow), "Network security groups" (priorities, default rules, augmented rules, platform addresses
that no group filters), "Virtual network service tags" (VirtualNetwork, AzureLoadBalancer,
Internet), "What is IP address 168.63.129.16?", "Manage network policies for private endpoints".

A service tag of Azure's own services stands for addresses that Azure publishes weekly and the
sandbox does not have. A rule for one matches nothing here, and `ignored` says so. Nothing travels
in the sandbox as ESP, AH or IPv6, so that rules for these have nothing to match either.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, collapse_addresses
from typing import Literal

from sandbox.control.azure.arm import name_of, same
from sandbox.control.azure.security_groups import is_service_tag
from sandbox.control.kinds import Record, Values, World
from sandbox.control.reading import elements, number, text, texts
from sandbox.fabric.contract import EVERYWHERE, PLATFORM_PROBE, Rule, Stage
from sandbox.fabric.packet_filter import UNROUTED

GROUP = "azure-native:network:NetworkSecurityGroup"
RULE = "azure-native:network:SecurityRule"

Direction = Literal["Inbound", "Outbound"]
Ranges = Sequence[IPv4Network]

_PROBE = IPv4Network(PLATFORM_PROBE)
_LAST = 65501
"""Behind every rule: what has no priority (a record that was tampered with)."""
_ENDPOINTS_FILTERED = ("enabled", "networksecuritygroupenabled")
_PROTOCOLS: dict[str, Literal["*", "tcp", "udp", "icmp"]] = {
    "*": "*",
    "tcp": "tcp",
    "udp": "udp",
    "icmp": "icmp",
}


def stages(
    world: World, subnet_id: str, nic_group_id: str | None, direction: Direction, ranges: Ranges
) -> tuple[Stage, ...]:
    """What an interface's new connections must pass, in order; nothing where it has no group.

    Args:
        world: the records.
        subnet_id: the subnet that the interface is in.
        nic_group_id: the group of the interface itself, if it has one.
        direction: as seen from the interface.
        ranges: address space of the virtual network.
    """
    subnet = world.find(subnet_id)
    groups = (text(subnet.inputs, "networkSecurityGroup.id") if subnet else None, nic_group_id)
    ordered = groups if direction == "Inbound" else groups[::-1]
    found = (stage(world, group, direction, ranges) for group in ordered if group)
    return tuple(each for each in found if each is not None)


def endpoint_stages(world: World, subnet_id: str, ranges: Ranges) -> tuple[Stage, ...]:
    """What connections to a private endpoint must pass: its subnet's group, if that is to apply."""
    subnet = world.find(subnet_id)
    policies = text(subnet.inputs, "privateEndpointNetworkPolicies") if subnet else None
    if (policies or "").casefold() not in _ENDPOINTS_FILTERED:
        return ()
    return stages(world, subnet_id, None, "Inbound", ranges)


def stage(world: World, group_id: str, direction: Direction, ranges: Ranges) -> Stage | None:
    """One group's rules for a direction, Azure's default rules last; None: there is no group."""
    group = world.find(group_id)
    if group is None:
        return None
    return Stage(
        id=f"{group.id} {direction}",
        rules=tuple(
            rule
            for name, values in _ordered(world, group)
            if same(text(values, "direction") or "", direction)
            and (rule := _rule(name, values, tuple(ranges))) is not None
        ),
    )


def ignored(world: World) -> tuple[str, ...]:
    """Each rule of any group that names addresses which the sandbox does not know, for a person."""
    return tuple(
        f"rule {name} of network security group {name_of(group.id)}: the sandbox does not know the "
        f"addresses of service tag {tag}, so that nothing matches it; real Azure may "
        f"{'allow' if _allows(values) else 'deny'} more"
        for group in world.of(GROUP)
        for name, values in _ordered(world, group)
        for tag in _unknown(values)
    )


def _ordered(world: World, group: Record) -> list[tuple[str, Values]]:
    """Name and values of all rules, first to match first."""
    found = [
        *((text(rule, "name") or path, rule) for path, rule in _inline(group)),
        *(
            (name_of(child.id), child.inputs)
            for child in world.children(group.id)
            if child.type == RULE
        ),
    ]

    def priority(rule: tuple[str, Values]) -> int:
        given = number(rule[1], "priority")
        return _LAST if given is None else given

    return sorted(found, key=priority)


def _inline(group: Record) -> Iterable[tuple[str, Values]]:
    yield from elements(group.inputs, "securityRules")
    yield from elements(group.outputs, "defaultSecurityRules")


def _allows(values: Values) -> bool:
    return same(text(values, "access") or "", "Allow")


def _rule(name: str, values: Values, ranges: tuple[IPv4Network, ...]) -> Rule | None:
    protocol = _PROTOCOLS.get((text(values, "protocol") or "*").casefold())
    source_ports, destination_ports = _ports(values, "source"), _ports(values, "destination")
    if protocol is None or source_ports is None or destination_ports is None:
        return None
    return Rule(
        name=name,
        allow=_allows(values),
        protocol=protocol,
        sources=_addresses(values, "source", ranges),
        source_ports=source_ports,
        destinations=_addresses(values, "destination", ranges),
        destination_ports=destination_ports,
    )


def _written(values: Values, one: str, many: str) -> Iterator[str]:
    for _, found in (*texts(values, one), *texts(values, f"{many}[*]")):
        yield found.strip()


def _prefixes(values: Values, end: str) -> Iterator[str]:
    return _written(values, f"{end}AddressPrefix", f"{end}AddressPrefixes")


def _addresses(
    values: Values, end: str, ranges: tuple[IPv4Network, ...]
) -> tuple[IPv4Network, ...]:
    found = [prefix for written in _prefixes(values, end) for prefix in _meant(written, ranges)]
    return tuple(collapse_addresses(found))


def _meant(written: str, ranges: tuple[IPv4Network, ...]) -> tuple[IPv4Network, ...]:
    match written.casefold():
        case "*":
            return EVERYWHERE
        case "virtualnetwork":
            return (*ranges, _PROBE)
        case "azureloadbalancer":
            return (_PROBE,)
        case "internet":
            return internet(ranges)
    try:
        return (IPv4Network(written, strict=False),)
    except ValueError:
        return ()


def _unknown(values: Values) -> Iterator[str]:
    known = ("*", "virtualnetwork", "azureloadbalancer", "internet")
    for end in ("source", "destination"):
        for written in _prefixes(values, end):
            if written.casefold() not in known and is_service_tag(written):
                yield written


@lru_cache(maxsize=256)
def internet(ranges: tuple[IPv4Network, ...]) -> tuple[IPv4Network, ...]:
    """What the tag Internet stands for: all that is outside of the network and publicly routed.

    The sandbox's own public addresses (198.18.0.0/15) and its documentation clients
    (203.0.113.0/24) are public for it.
    """
    rest = list(EVERYWHERE)
    for hole in collapse_addresses((*UNROUTED, *ranges)):
        rest = [part for prefix in rest for part in _without(prefix, hole)]
    return tuple(collapse_addresses(rest))


def _without(prefix: IPv4Network, hole: IPv4Network) -> Iterable[IPv4Network]:
    if not prefix.overlaps(hole):
        return (prefix,)
    if prefix.subnet_of(hole):
        return ()
    return prefix.address_exclude(hole)


def _ports(values: Values, end: str) -> tuple[tuple[int, int], ...] | None:
    """First and last of each range, () for all ports; None when the rule says nothing of them."""
    found = []
    for written in _written(values, f"{end}PortRange", f"{end}PortRanges"):
        if written == "*":
            return ()
        first, _, last = written.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            return None
        found.append((int(first), int(last or first)))
    return tuple(found) or None
