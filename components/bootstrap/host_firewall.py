"""The host's own firewall as data: it says the same as the cloud's rules, once more.

The script `configure-firewall.sh` turns this into nftables rules; everything else is dropped.
"""

from typing import Final

from components.bootstrap.facts import Cloud, NodeFacts
from components.runtimes.node import JsonValue, NodeRecipe

ANYWHERE: Final = "0.0.0.0/0"
COMPUTE_PORT: Final = 12805

PROBES: Final[dict[Cloud, tuple[str, ...]]] = {"azure": ("168.63.129.16/32",), "aws": ()}
"""Where health probes come from, beside the node itself (Azure: "What is IP address
168.63.129.16?"). On AWS they come from the balancer's addresses in the web subnets."""

PLATFORM: Final[dict[Cloud, tuple[tuple[str, int], ...]]] = {
    "azure": (("169.254.169.254/32", 80), ("168.63.129.16/32", 80), ("168.63.129.16/32", 32526)),
    "aws": (("169.254.169.254/32", 80),),
}
"""The cloud's services on the host: metadata, and on Azure its agent's. Only root reaches them,
because models are arbitrary code (facts.md 12.8)."""


def host_firewall(recipe: NodeRecipe, facts: NodeFacts) -> dict[str, JsonValue]:
    """Return who may reach the node, and what the node may reach."""
    return {
        "inbound": _inbound(recipe, facts),
        "outbound": _outbound(recipe, facts),
        "platform": tuple(
            {"port": port, "addresses": (address,)} for address, port in PLATFORM[facts.cloud]
        ),
    }


def _inbound(recipe: NodeRecipe, facts: NodeFacts) -> tuple[JsonValue, ...]:
    probes = PROBES[facts.cloud] or (facts.web_subnet,)
    callers = (*facts.clients, *probes) if recipe.role == "web" else (facts.web_subnet,)
    return ({"port": recipe.port, "addresses": tuple(sorted(set(callers)))},)


def _outbound(recipe: NodeRecipe, facts: NodeFacts) -> tuple[JsonValue, ...]:
    rules: list[JsonValue] = [{"port": 443, "addresses": (facts.endpoints_subnet,)}]
    if recipe.uses_database:
        rules.append({"port": facts.database_port, "addresses": (facts.endpoints_subnet,)})
    if recipe.role == "web":
        rules.append({"port": COMPUTE_PORT, "addresses": (facts.compute_subnet,)})
    if facts.egress == "packages":
        rules.extend({"port": port, "addresses": (ANYWHERE,)} for port in (80, 443))
    return tuple(rules)
