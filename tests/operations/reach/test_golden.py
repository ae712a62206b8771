"""Every stack lets through what its table of flows says, and nothing else.

The table is the program's (components/runtimes/flows.py), the paths are read from the rules that
were deployed: both are worked out apart, and must agree.
"""

import pytest

from components.runtimes import flows, recipe
from components.runtimes.flows import Zone
from components.settings import NodesEnvironment, parse
from operations import reach
from tests.support import golden_states, stacks

NAMES = {
    Zone.PROBE: "load balancer",
    Zone.WEB: "web nodes",
    Zone.COMPUTE: "compute nodes",
    Zone.ONE_BOX: "one-box machine",
    Zone.DATABASE: "database",
    Zone.VAULT: "vault",
    Zone.ARTIFACTS: "artifacts",
    Zone.INTERNET: "the internet (0.0.0.0/0)",
}


def intended(environment: NodesEnvironment) -> set[str]:
    roles = ("one-box",) if environment.topology == "one-box" else ("web", "compute")
    recipes = {role: recipe.for_role(environment, role) for role in roles}
    on_aws = environment.cloud == "aws"
    found = set()
    for flow in flows.allowed(environment, recipes, artifacts=on_aws):
        destinations = [NAMES[flow.destination]] if flow.destination in NAMES else []
        if flow.source is Zone.CLIENTS:
            # Azure's load balancer leaves a client to the members' rules; AWS's has its own.
            sources = [f"clients {client}" for client in environment.access.clients]
            destinations = ["load balancer"] if on_aws else ["load balancer", *destinations]
        else:
            sources = [NAMES[flow.source]]
        if flow.destination is Zone.VAULT and on_aws:
            destinations = ["vault", "AWS's autoscaling API"]  # in one group of private endpoints
        found |= {f"{a} -> {b} TCP {flow.port}" for a in sources for b in destinations}
    return found


def found_in(stack: str) -> set[str]:
    return {
        f"{path.source.name} -> {path.destination.name} {path.protocol} {port}"
        for path in reach.paths(golden_states.deployment(stack))
        for low, high in path.ports.spans
        for port in range(low, high + 1)
    }


@pytest.mark.parametrize("stack", [*stacks.of("enterprise"), *stacks.of("one-box")])
def test_what_is_deployed_lets_through_what_the_table_of_flows_says(stack: str) -> None:
    environment = parse(stacks.config(stack)["operationalization:environment"], stack=stack)
    assert isinstance(environment, NodesEnvironment)

    assert found_in(stack) == intended(environment)
    assert reach.read(golden_states.deployment(stack)).doubts == ()


def test_a_private_endpoint_is_reached_from_joined_networks_only() -> None:
    assert [
        str(path) for path in reach.paths(golden_states.deployment("azure-endpoint-production"))
    ] == [
        "joined networks may reach container registry on TCP 443",
        "joined networks may reach storage account on TCP 443",
        "joined networks may reach vault on TCP 443",
        "joined networks may reach workspace and managed endpoint on TCP 443",
        "image builders may reach Azure's AzureMonitor on TCP 12000",
        "image builders may reach container registry on TCP 443",
        "image builders may reach storage account on TCP 443",
        "image builders may reach vault on TCP 443",
        "image builders may reach workspace and managed endpoint on TCP 443",
        "image builders may reach the internet (0.0.0.0/0) on TCP 80, 443",
    ]


def test_a_public_endpoint_is_reached_by_whoever_has_a_token() -> None:
    assert [str(path) for path in reach.paths(golden_states.deployment("dev-endpoint"))] == [
        "the internet (0.0.0.0/0) may reach container registry on TCP 443",
        "the internet (0.0.0.0/0) may reach managed endpoint on TCP 443 (with a token of Azure ML)",
        "the internet (0.0.0.0/0) may reach storage account on TCP 443",
        "the internet (0.0.0.0/0) may reach workspace on TCP 443",
    ]
