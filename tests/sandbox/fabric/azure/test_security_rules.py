"""Network security groups as stages: each rule of Azure's, where it holds and where it does not."""

from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.control.kinds import Record
from sandbox.fabric.azure.security_rules import endpoint_stages, ignored, internet, stage, stages
from tests.support.world import GROUP, World

RANGES = (IPv4Network("10.20.0.0/16"),)
WEB, TWIN, CLIENT, PROBE = "10.20.0.4", "10.20.0.5", "203.0.113.10", "168.63.129.16"
PRIVATE = "10.99.0.4"


class Packet(NamedTuple):
    """The first packet of a connection."""

    source: str
    destination: str
    port: int = 443
    protocol: str = "tcp"
    source_port: int = 50000


def allows(found, packet):
    """What the contract says of a stage."""
    for rule in found.rules:
        ported = packet.protocol in ("tcp", "udp")
        if (
            rule.protocol in ("*", packet.protocol)
            and any(IPv4Address(packet.source) in prefix for prefix in rule.sources)
            and any(IPv4Address(packet.destination) in prefix for prefix in rule.destinations)
            and _among(packet.source_port, rule.source_ports, ported)
            and _among(packet.port, rule.destination_ports, ported)
        ):
            return rule.allow
    return False


def _among(port, ranges, ported):
    return not ranges or (ported and any(first <= port <= last for first, last in ranges))


def rule(name="rule", priority=100, direction="Inbound", access="Allow", **values):
    ends = {"sourceAddressPrefix", "destinationAddressPrefix"}
    given = {
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
        **dict.fromkeys(ends, "*"),
        **values,
    }
    for one in ("sourceAddressPrefix", "destinationAddressPrefix"):
        if f"{one}es" in values:
            del given[one]
    for one in ("sourcePortRange", "destinationPortRange"):
        if f"{one}s" in values:
            del given[one]
    return {
        "name": name,
        "priority": priority,
        "direction": direction,
        "access": access,
        **given,
    }


@pytest.fixture
def world() -> World:
    made = World()
    made.create("resources:ResourceGroup", location="westeurope")
    made.create(
        "network:VirtualNetwork",
        virtualNetworkName="vnet",
        addressSpace={"addressPrefixes": ["10.20.0.0/16"]},
    )
    return made


def group(world, *rules, name="nsg"):
    return world.create(
        "network:NetworkSecurityGroup", networkSecurityGroupName=name, securityRules=list(rules)
    )


def subnet(world, group_id=None, **more):
    inputs = {"networkSecurityGroup": {"id": group_id}} if group_id else {}
    return world.create(
        "network:Subnet",
        virtualNetworkName="vnet",
        subnetName="web",
        addressPrefix="10.20.0.0/24",
        **inputs,
        **more,
    )


def inbound(*rules):
    """A group's inbound stage in a world of its own."""
    made = World()
    made.create("resources:ResourceGroup", location="westeurope")
    return stage(made, group(made, *rules).id, "Inbound", RANGES)


def outbound(*rules):
    made = World()
    made.create("resources:ResourceGroup", location="westeurope")
    return stage(made, group(made, *rules).id, "Outbound", RANGES)


# Default rules.


@pytest.mark.parametrize(
    ("packet", "allowed"),
    [
        (Packet(TWIN, WEB), True),
        (Packet(TWIN, WEB, protocol="icmp"), True),
        (Packet(PROBE, WEB), True),
        (Packet(CLIENT, WEB), False),
        (Packet(PRIVATE, WEB), False),
    ],
)
def test_who_comes_in_by_default(packet, allowed):
    assert allows(inbound(), packet) is allowed


@pytest.mark.parametrize(
    ("packet", "allowed"),
    [
        (Packet(WEB, TWIN), True),
        (Packet(WEB, CLIENT), True),
        (Packet(WEB, "198.18.3.4"), True),
        (Packet(WEB, "20.50.2.1"), True),
        (Packet(WEB, PRIVATE), False),
        (Packet(WEB, "192.168.1.1"), False),
        (Packet(WEB, "169.254.1.1"), False),
        (Packet(WEB, "100.64.0.1"), False),
        (Packet(WEB, "224.0.0.1"), False),
    ],
)
def test_who_goes_out_by_default(packet, allowed):
    assert allows(outbound(), packet) is allowed


def test_default_rules_have_azures_names_and_come_last():
    mine = rule("mine", priority=4096, access="Deny")
    assert [found.name for found in inbound(mine).rules] == [
        "mine",
        "AllowVnetInBound",
        "AllowAzureLoadBalancerInBound",
        "DenyAllInBound",
    ]
    assert [found.name for found in outbound(mine).rules] == [
        "AllowVnetOutBound",
        "AllowInternetOutBound",
        "DenyAllOutBound",
    ]


# Rules.


def test_the_lowest_priority_decides_whatever_the_order():
    rules = [rule("late", priority=300, access="Deny"), rule("early", priority=200)]
    assert allows(inbound(*rules), Packet(CLIENT, WEB))
    rules = [rule("late", priority=300), rule("early", priority=200, access="Deny")]
    assert not allows(inbound(*rules), Packet(TWIN, WEB))


def test_a_rule_is_of_its_direction():
    closed = rule(direction="Outbound", access="Deny")
    assert allows(inbound(closed), Packet(TWIN, WEB))
    assert not allows(outbound(closed), Packet(WEB, TWIN))


@pytest.mark.parametrize(
    ("values", "reached", "refused"),
    [
        ({"sourceAddressPrefix": CLIENT}, Packet(CLIENT, WEB), Packet("203.0.113.11", WEB)),
        (
            {"sourceAddressPrefix": "203.0.113.77/24"},
            Packet(CLIENT, WEB),
            Packet("203.0.114.10", WEB),
        ),
        (
            {"sourceAddressPrefixes": ["192.0.2.0/24", "203.0.113.0/24", "203.0.113.0/25"]},
            Packet(CLIENT, WEB),
            Packet("198.51.100.1", WEB),
        ),
        ({"destinationAddressPrefix": WEB}, Packet(CLIENT, WEB), Packet(CLIENT, TWIN)),
        ({"destinationPortRange": "443"}, Packet(CLIENT, WEB), Packet(CLIENT, WEB, 444)),
        ({"destinationPortRange": "440-450"}, Packet(CLIENT, WEB), Packet(CLIENT, WEB, 451)),
        (
            {"destinationPortRanges": ["22", "440-450"]},
            Packet(CLIENT, WEB),
            Packet(CLIENT, WEB, 23),
        ),
        (
            {"sourcePortRange": "50000-50001"},
            Packet(CLIENT, WEB),
            Packet(CLIENT, WEB, source_port=40000),
        ),
        ({"protocol": "Tcp"}, Packet(CLIENT, WEB), Packet(CLIENT, WEB, protocol="udp")),
        (
            {"protocol": "Udp"},
            Packet(CLIENT, WEB, protocol="udp"),
            Packet(CLIENT, WEB, protocol="icmp"),
        ),
        ({"protocol": "Icmp"}, Packet(CLIENT, WEB, protocol="icmp"), Packet(CLIENT, WEB)),
        ({"sourceAddressPrefix": "Internet"}, Packet(CLIENT, WEB), Packet(PRIVATE, WEB)),
    ],
)
def test_a_rule_matches_what_it_says_and_nothing_else(values, reached, refused):
    found = inbound(rule(**values), rule("closed", priority=4096, access="Deny"))
    assert allows(found, reached)
    assert not allows(found, refused)


def test_words_are_compared_without_case():
    written = rule(
        access="allow", direction="inbound", protocol="TCP", sourceAddressPrefix="INTERNET"
    )
    made = World()
    made.put(
        Record(
            id=f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg",
            type="azure-native:network:NetworkSecurityGroup",
            inputs={"securityRules": [written]},
            outputs={},
            incarnation="",
        )
    )
    found = stage(made, next(iter(made.records)), "Inbound", RANGES)
    assert allows(found, Packet(CLIENT, WEB))
    assert not allows(found, Packet(CLIENT, WEB, protocol="udp"))


def test_a_rule_can_be_a_resource_of_its_own(world):
    made = group(world, rule("late", priority=300, access="Deny"))
    world.put(
        Record(
            id=f"{made.id}/securityRules/early",
            type="azure-native:network:SecurityRule",
            inputs=rule(priority=200, sourceAddressPrefix=CLIENT),
            outputs={},
            incarnation="",
        )
    )
    found = stage(world, made.id, "Inbound", RANGES)
    assert [each.name for each in found.rules][:2] == ["early", "late"]
    assert allows(found, Packet(CLIENT, WEB))
    assert not allows(found, Packet(TWIN, WEB))


# Service tags.


@pytest.mark.parametrize(
    ("tag", "members", "others"),
    [
        ("VirtualNetwork", [TWIN, "10.20.255.1", PROBE], [CLIENT, PRIVATE]),
        ("AzureLoadBalancer", [PROBE], [TWIN, CLIENT]),
        ("Internet", [CLIENT, "198.18.0.5", "8.8.8.8", "172.32.0.1"], [TWIN, PRIVATE, PROBE]),
        ("virtualnetwork", [TWIN], [CLIENT]),
    ],
)
def test_a_tag_stands_for_its_addresses(tag, members, others):
    found = inbound(rule(sourceAddressPrefix=tag), rule("closed", priority=4096, access="Deny"))
    assert [allows(found, Packet(source, WEB)) for source in members] == [True] * len(members)
    assert [allows(found, Packet(source, WEB)) for source in others] == [False] * len(others)


def test_a_public_range_of_the_network_is_not_the_internet():
    ranges = (IPv4Network("20.30.0.0/16"),)
    assert not any(IPv4Address("20.30.4.4") in prefix for prefix in internet(ranges))
    assert any(IPv4Address("20.31.4.4") in prefix for prefix in internet(ranges))


@pytest.mark.parametrize(("access", "may"), [("Allow", "allow"), ("Deny", "deny")])
def test_a_tag_that_nobody_knows_here_matches_nothing_and_is_said(world, access, may):
    unknown = rule("storage", access=access, sourceAddressPrefix="Storage.westeurope")
    made = group(world, unknown)
    found = stage(world, made.id, "Inbound", RANGES)

    assert allows(found, Packet(TWIN, WEB))
    assert not allows(found, Packet("20.50.2.1", WEB))
    (said,) = ignored(world)
    assert said == (
        "rule storage of network security group nsg: the sandbox does not know the addresses of "
        f"service tag Storage.westeurope, so that nothing matches it; real Azure may {may} more"
    )


def test_nothing_is_said_of_tags_that_are_known(world):
    group(world, rule(sourceAddressPrefix="Internet", destinationAddressPrefix="VirtualNetwork"))
    assert ignored(world) == ()


@pytest.mark.parametrize("protocol", ["Esp", "Ah"])
def test_a_protocol_that_nothing_here_speaks_matches_nothing(protocol):
    found = inbound(rule(protocol=protocol))
    assert not allows(found, Packet(CLIENT, WEB))


# Interfaces and subnets.


def test_without_a_group_nothing_is_filtered(world):
    made = subnet(world)
    assert stages(world, made.id, None, "Inbound", RANGES) == ()
    assert stages(world, made.id, None, "Outbound", RANGES) == ()


def test_the_subnets_group_comes_first_inbound_and_last_outbound(world):
    outer, inner = group(world, name="outer"), group(world, name="inner")
    made = subnet(world, outer.id)
    arriving = stages(world, made.id, inner.id, "Inbound", RANGES)
    leaving = stages(world, made.id, inner.id, "Outbound", RANGES)
    assert [found.id for found in arriving] == [f"{outer.id} Inbound", f"{inner.id} Inbound"]
    assert [found.id for found in leaving] == [f"{inner.id} Outbound", f"{outer.id} Outbound"]


@pytest.mark.parametrize(
    ("policies", "filtered"),
    [
        ("Enabled", True),
        ("NetworkSecurityGroupEnabled", True),
        ("RouteTableEnabled", False),
        ("Disabled", False),
        (None, False),
    ],
)
def test_private_endpoints_are_filtered_where_the_subnet_says_so(world, policies, filtered):
    made = subnet(
        world,
        group(world).id,
        **({"privateEndpointNetworkPolicies": policies} if policies else {}),
    )
    assert len(endpoint_stages(world, made.id, RANGES)) == filtered


# Any group at all, against Azure's documentation as a model.

ADDRESSES = (WEB, TWIN, CLIENT, PROBE, PRIVATE, "20.50.2.1")
_addresses = st.sampled_from(
    ["*", "VirtualNetwork", "AzureLoadBalancer", "Internet", "Sql", WEB, "10.20.0.0/24",
     "203.0.113.0/24", "0.0.0.0/0"]
)  # fmt: skip
_ports = st.sampled_from(["*", "22", "443", "0-65535", "400-500"])


@st.composite
def _values(draw):
    protocol = draw(st.sampled_from(["*", "Tcp", "Udp", "Icmp"]))
    ports = st.just("*") if protocol == "Icmp" else _ports
    return rule(
        access=draw(st.sampled_from(["Allow", "Deny"])),
        direction=draw(st.sampled_from(["Inbound", "Outbound"])),
        priority=draw(st.integers(100, 4096)),
        protocol=protocol,
        sourceAddressPrefix=draw(_addresses),
        destinationAddressPrefix=draw(_addresses),
        sourcePortRange=draw(ports),
        destinationPortRange=draw(ports),
    )


_groups = st.lists(
    _values(), max_size=6, unique_by=lambda found: (found["direction"], found["priority"])
)
_packets = st.builds(
    Packet,
    source=st.sampled_from(ADDRESSES),
    destination=st.sampled_from(ADDRESSES),
    port=st.sampled_from([22, 443, 8080]),
    protocol=st.sampled_from(["tcp", "udp", "icmp"]),
)


def _in_prefix(address, written):
    inside = address.startswith("10.20.")
    match written:
        case "*" | "0.0.0.0/0":
            return True
        case "VirtualNetwork":
            return inside or address == PROBE
        case "AzureLoadBalancer":
            return address == PROBE
        case "Internet":
            return address in (CLIENT, "20.50.2.1")
        case "Sql":
            return False
    return IPv4Address(address) in IPv4Network(written)


def _in_range(port, written, protocol):
    if written == "*":
        return True
    first, _, last = written.partition("-")
    return protocol != "icmp" and int(first) <= port <= int(last or first)


def azure_allows(rules, direction, packet):
    """The documentation, read aloud."""
    source, destination = packet.source, packet.destination
    for found in sorted(rules, key=lambda each: each["priority"]):
        if (
            found["direction"] == direction
            and found["protocol"].lower() in ("*", packet.protocol)
            and _in_prefix(source, found["sourceAddressPrefix"])
            and _in_prefix(destination, found["destinationAddressPrefix"])
            and _in_range(packet.source_port, found["sourcePortRange"], packet.protocol)
            and _in_range(packet.port, found["destinationPortRange"], packet.protocol)
        ):
            return found["access"] == "Allow"
    if _in_prefix(source, "VirtualNetwork") and _in_prefix(destination, "VirtualNetwork"):
        return True
    if direction == "Inbound":
        return _in_prefix(source, "AzureLoadBalancer")
    return _in_prefix(destination, "Internet")


@given(rules=_groups, packets=st.lists(_packets, min_size=1, max_size=10))
def test_any_group_decides_as_azure_does(rules, packets):
    named = [{**found, "name": f"rule-{number}"} for number, found in enumerate(rules)]
    arriving, leaving = inbound(*named), outbound(*named)
    for packet in packets:
        assert allows(arriving, packet) is azure_allows(rules, "Inbound", packet)
        assert allows(leaving, packet) is azure_allows(rules, "Outbound", packet)
