"""The host's own firewall as data: it says the same as the cloud's rules, once more.

The same table of flows, seen from one node, with the addresses of this environment. The script
`configure-firewall.sh` turns it into nftables rules; everything else is dropped.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, collapse_addresses
from typing import Final

from components.bootstrap.facts import Cloud, NodeFacts
from components.runtimes.flows import Zone
from components.runtimes.node import JsonValue, NodeRecipe

PLATFORM: Final[dict[Cloud, tuple[tuple[str, int], ...]]] = {
    "azure": (("169.254.169.254/32", 80), ("168.63.129.16/32", 80), ("168.63.129.16/32", 32526)),
    "aws": (("169.254.169.254/32", 80),),
}
"""The cloud's services on the host: metadata, and on Azure its agent's. Only root reaches them,
because models are arbitrary code (facts.md 12.8)."""


OUTSIDE: Final = (Zone.INTERNET, Zone.ARTIFACTS)
"""Zones with public addresses that nobody can list. Amazon S3 is one of them also where its gateway
endpoint is the only way ("Gateway endpoints for Amazon S3"): the cloud's firewall knows more."""

PRIVATE: Final = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
)
"""What the internet is not (RFC 1918, 3927, 6598): the way to packages is none to a neighbour."""


def host_firewall(recipe: NodeRecipe, facts: NodeFacts) -> dict[str, JsonValue]:
    """Return who may reach the node, and what the node may reach."""
    zones = _addresses(facts)
    own = Zone(recipe.role)
    outbound = [flow for flow in facts.flows if flow.source == own]
    return {
        "inbound": _rules(
            (flow.port, zones[flow.source]) for flow in facts.flows if flow.destination == own
        ),
        "outbound": _rules(
            (flow.port, flow.addresses or zones[flow.destination])
            for flow in outbound
            if flow.destination not in OUTSIDE
        ),
        "internet": {
            "ports": tuple(sorted({flow.port for flow in outbound if flow.destination in OUTSIDE})),
            "except": _outside(facts),
        },
        "platform": _rules((port, (address,)) for address, port in PLATFORM[facts.cloud]),
    }


def _addresses(facts: NodeFacts) -> dict[Zone, tuple[str, ...]]:
    """Return where each zone's traffic comes from or goes to, as CIDRs."""
    return {
        Zone.CLIENTS: facts.clients,
        Zone.PROBE: facts.probe_sources,
        Zone.WEB: (facts.web_subnet,),
        Zone.COMPUTE: (facts.compute_subnet,),
        Zone.ONE_BOX: (facts.one_box_subnet,),
        Zone.DATABASE: (facts.endpoints_subnet,),
        Zone.VAULT: (facts.endpoints_subnet,),
    }


def _outside(facts: NodeFacts) -> tuple[str, ...]:
    """Return what no way to the internet leads to, without overlaps, which nftables refuses."""
    own = (facts.web_subnet, facts.compute_subnet, facts.one_box_subnet, facts.endpoints_subnet)
    found = collapse_addresses(IPv4Network(text) for text in (*PRIVATE, *own) if text)
    return tuple(str(network) for network in found)


def _rules(pairs: Iterable[tuple[int, tuple[str, ...]]]) -> tuple[JsonValue, ...]:
    """Return one rule a port and address, without twins, in a stable order."""
    found = {(port, address) for port, addresses in pairs for address in addresses}
    return tuple({"port": port, "address": address} for port, address in sorted(found))
