"""The host's own firewall as data: it says the same as the cloud's rules, once more.

The same table of flows, seen from one node, with the addresses of this environment. The script
`configure-firewall.sh` turns it into nftables rules; everything else is dropped.
"""

from collections.abc import Iterable
from typing import Final

from components.bootstrap.facts import Cloud, NodeFacts
from components.runtimes.flows import Zone
from components.runtimes.node import JsonValue, NodeRecipe

PROBES: Final[dict[Cloud, tuple[str, ...]]] = {"azure": ("168.63.129.16/32",), "aws": ()}
"""Where a load balancer's probes come from (Azure: "What is IP address 168.63.129.16?"). On AWS
they come from the balancer's own addresses, in the web subnet."""

PLATFORM: Final[dict[Cloud, tuple[tuple[str, int], ...]]] = {
    "azure": (("169.254.169.254/32", 80), ("168.63.129.16/32", 80), ("168.63.129.16/32", 32526)),
    "aws": (("169.254.169.254/32", 80),),
}
"""The cloud's services on the host: metadata, and on Azure its agent's. Only root reaches them,
because models are arbitrary code (facts.md 12.8)."""


def host_firewall(recipe: NodeRecipe, facts: NodeFacts) -> dict[str, JsonValue]:
    """Return who may reach the node, and what the node may reach."""
    zones = _addresses(facts)
    own = Zone(recipe.role)
    return {
        "inbound": _rules(
            (flow.port, zones[flow.source]) for flow in facts.flows if flow.destination == own
        ),
        "outbound": _rules(
            (flow.port, zones[flow.destination]) for flow in facts.flows if flow.source == own
        ),
        "platform": _rules((port, (address,)) for address, port in PLATFORM[facts.cloud]),
    }


def _addresses(facts: NodeFacts) -> dict[Zone, tuple[str, ...]]:
    """Return where each zone's traffic comes from or goes to, as CIDRs."""
    return {
        Zone.CLIENTS: facts.clients,
        Zone.PROBE: PROBES[facts.cloud] or (facts.web_subnet,),
        Zone.WEB: (facts.web_subnet,),
        Zone.COMPUTE: (facts.compute_subnet,),
        Zone.DATABASE: (facts.endpoints_subnet,),
        Zone.VAULT: (facts.endpoints_subnet,),
        Zone.INTERNET: ("0.0.0.0/0",),
    }


def _rules(pairs: Iterable[tuple[int, tuple[str, ...]]]) -> tuple[JsonValue, ...]:
    """Return one rule a port and address, without twins, in a stable order."""
    found = {(port, address) for port, addresses in pairs for address in addresses}
    return tuple({"port": port, "address": address} for port, address in sorted(found))
