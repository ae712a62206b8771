"""Rules of Azure let through what the sandbox lets through, which reads the same documents apart.

Left out is what only one of them can know: joined networks, which the sandbox has none of, and tags
of services, of which it has no addresses.
"""

from ipaddress import IPv4Network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from operations.links import Links
from operations.reach import addresses
from operations.reach.addresses import Services
from operations.reach.azure_groups import Groups
from operations.reach.rules import Part, passed
from operations.reach.spans import Spans
from sandbox.fabric.azure.security_rules import stage
from tests.sandbox.fabric.azure.test_security_rules import Packet, allows, group
from tests.support import states
from tests.support.world import World

RANGE = "10.20.0.0/16"
PROBE = "168.63.129.16"
HOSTS = ["10.20.0.4", "10.20.0.5", "10.20.200.9", "203.0.113.10", "8.8.8.8", PROBE]
PREFIXES = [
    *("*", "Internet", "internet", "VirtualNetwork", "AzureLoadBalancer", "10.20.0.0/24"),
    *("10.20.0.4", "10.20.0.4/31", "203.0.113.0/24", "0.0.0.0/0", "128.0.0.0/1", "8.0.0.0/8"),
]
PORTS = ["*", "443", "80-443", "12805", "1-65535"]
APART = ["10.20.0.4/32", "10.20.200.0/24", "203.0.113.0/24", "8.8.8.0/24"]
"""What may be in one list: no tag, and none within another."""


def end(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """One end of a rule, in either form."""
    one = st.sampled_from(PREFIXES).map(lambda prefix: {f"{name}AddressPrefix": prefix})
    several = st.lists(st.sampled_from(APART), min_size=2, max_size=3, unique=True)
    return one | several.map(lambda prefixes: {f"{name}AddressPrefixes": prefixes})


RULES = st.lists(
    st.builds(
        lambda priority, access, direction, protocol, source, destination, port: {
            "name": f"rule-{priority}",
            "priority": priority,
            "access": access,
            "direction": direction,
            "protocol": protocol,
            **source,
            "sourcePortRange": "*",
            **destination,
            "destinationPortRange": port,
        },
        st.integers(100, 4096),
        st.sampled_from(["Allow", "Deny", "allow"]),
        st.sampled_from(["Inbound", "Outbound"]),
        st.sampled_from(["*", "Tcp", "Udp", "tcp"]),
        end("source"),
        end("destination"),
        st.sampled_from(PORTS),
    ),
    max_size=6,
    unique_by=lambda rule: rule["priority"],
)
PACKETS = st.lists(
    st.builds(
        Packet,
        st.sampled_from(HOSTS),
        st.sampled_from(HOSTS),
        st.sampled_from([22, 80, 443, 12805]),
        st.sampled_from(["tcp", "udp", "icmp"]),
    ),
    min_size=20,
    max_size=20,
)


def ours(rules: list[dict[str, Any]]) -> Any:
    found = states.deployment(
        states.azure(
            "network:NetworkSecurityGroup",
            "nsg",
            "Microsoft.Network/networkSecurityGroups/nsg",
            securityRules=rules,
        )
    )
    groups = Groups(found, Links(found), addresses.of(RANGE), Services())
    (resource,) = found.resources
    return groups.named(resource, "id", resource.id)


@given(RULES, PACKETS)
@settings(max_examples=60, deadline=None)
def test_the_same_packets_pass(rules: list[dict[str, Any]], packets: list[Packet]) -> None:
    world = World()
    world.create("resources:ResourceGroup", location="westeurope")
    theirs = group(world, *rules).id
    two = ours(rules)

    for direction, guard in (("Inbound", two.inbound), ("Outbound", two.outbound)):
        assert guard.doubts == ()
        found = stage(world, theirs, direction, (IPv4Network(RANGE),))
        for packet in packets:
            port = Spans.of((packet.port, packet.port))
            asked = Part(addresses.of(packet.source), addresses.of(packet.destination), port)
            mine = passed(guard.rules, asked, packet.protocol.upper())
            assert bool(mine) == allows(found, packet), (direction, packet, rules)
