"""Who may talk to whom, with real packets: the recipe's table of flows and nothing beside it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from components.runtimes import flows, recipe
from components.runtimes.flows import Zone
from components.settings import parse
from tests.support.deployed import ENVIRONMENT, stack_config
from tests.support.live import Live, live
from tests.support.reaching import every, reached

pytestmark = [pytest.mark.engine, pytest.mark.root]

PORTS = (22, 80, 443, 1433, 5432, 8000, 12800, 12805)
ALLOWED_CLIENT = "203.0.113.10"
FOREIGN_CLIENT = "198.51.100.7"
INTERNET = "198.51.100.9"
METADATA = "169.254.169.254"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live("dev", tmp_path_factory.mktemp("access")) as running:
        yield running


@pytest.fixture(scope="module")
def hosts(dev: Live) -> dict[Zone, str]:
    """An address of each zone; of nodes the second one, so that the first can ask its like."""
    outputs, nodes = dev.outputs(), {node["name"]: node["address"] for node in dev.nodes}
    web, compute = dev.names("web"), dev.names("compute")
    records = dev.resources("azure-native:network:PrivateEndpoint")
    endpoints = {
        "vault" if "vaults" in str(found["properties"]) else "database": found["properties"][
            "customDnsConfigs"
        ][0]["ipAddresses"][0]
        for found in records
    }
    assert outputs["groups"]["web"]["minimum"] == 2
    return {
        Zone.WEB: nodes[web[1]],
        Zone.COMPUTE: nodes[compute[1]],
        Zone.DATABASE: endpoints["database"],
        Zone.VAULT: endpoints["vault"],
        Zone.INTERNET: INTERNET,
    }


def allowed() -> set[tuple[Zone, Zone, int]]:
    environment = parse(stack_config("dev")[ENVIRONMENT], stack="dev")
    recipes = {role: recipe.for_role(environment, role) for role in ("web", "compute")}
    return {
        (flow.source, flow.destination, flow.port) for flow in flows.allowed(environment, recipes)
    }


@pytest.fixture
def internet(dev: Live) -> Iterator[None]:
    """A machine of the internet that refuses, so that whoever gets there hears of it."""
    with dev.visitor(INTERNET):
        yield


@pytest.mark.parametrize("zone", [Zone.WEB, Zone.COMPUTE])
def test_a_node_reaches_what_the_table_says_and_nothing_else(
    dev: Live, hosts: dict[Zone, str], internet: None, zone: Zone
) -> None:
    node = dev.names(zone.value)[0]

    found = reached(partial(dev.on, node), every(list(hosts.values()), PORTS))

    expected = {f"{hosts[target]}:{port}" for source, target, port in allowed() if source == zone}
    assert found == expected


def test_allowed_clients_reach_the_balancer_on_its_port_only(dev: Live) -> None:
    address = dev.outputs()["loadBalancerAddress"]

    assert reached(dev.here, every([address], PORTS)) == {f"{address}:12800"}


def test_other_clients_reach_nothing(dev: Live, hosts: dict[Zone, str]) -> None:
    address = dev.outputs()["loadBalancerAddress"]
    targets = every([address, *hosts.values()], PORTS)
    visit = partial(dev.coming_from, FOREIGN_CLIENT)

    assert {t for t in reached(visit, targets) if not t.startswith(INTERNET)} == set()


def test_allowed_clients_reach_no_private_address(dev: Live, hosts: dict[Zone, str]) -> None:
    private = [host for zone, host in hosts.items() if zone is not Zone.INTERNET]

    assert reached(dev.here, every(private, PORTS)) == set()


@pytest.mark.parametrize("zone", [Zone.WEB, Zone.COMPUTE])
def test_the_clouds_filter_holds_without_the_nodes_own(
    dev: Live, hosts: dict[Zone, str], internet: None, zone: Zone
) -> None:
    nodes = dev.names(zone.value)
    targets = every(list(hosts.values()), PORTS)
    for node in dev.names():
        dev.on(node, "nft", "delete", "table", "inet", "operationalization")
    try:
        found = reached(partial(dev.on, nodes[0]), targets)
    finally:
        for node in dev.names():
            dev.on(node, "systemctl", "restart", "operationalization-firewall.service")

    assert found == {f"{hosts[target]}:{port}" for s, target, port in allowed() if s == zone}


def test_the_nodes_own_filter_holds_without_the_clouds(dev: Live, hosts: dict[Zone, str]) -> None:
    rule = {
        "name": "open", "priority": 100, "direction": "Inbound", "access": "Allow",
        "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "*",
    }  # fmt: skip
    with dev.security_rules([rule, {**rule, "direction": "Outbound"}]):
        compute = dev.names("compute")[0]
        found = reached(
            partial(dev.on, compute), every([hosts[Zone.COMPUTE], hosts[Zone.WEB]], PORTS)
        )

    assert found == set()


def test_a_node_asks_the_metadata_service_as_root_only(dev: Live) -> None:
    node = dev.names("compute")[0]
    as_nobody = partial(dev.on, node, "setpriv", "--reuid", "65534", "--clear-groups", "--")

    assert reached(partial(dev.on, node), [f"{METADATA}:80"]) == {f"{METADATA}:80"}
    assert reached(as_nobody, [f"{METADATA}:80"]) == set()


def test_a_model_reaches_nothing(dev: Live, hosts: dict[Zone, str], model: Any) -> None:
    targets = [
        f"{METADATA}:80",
        f"{hosts[Zone.DATABASE]}:5432",
        f"{hosts[Zone.VAULT]}:443",
        f"{hosts[Zone.COMPUTE]}:12805",
        "127.0.0.1:12805",
    ]

    assert {target: model.reach(target) for target in targets} == dict.fromkeys(targets, False)
