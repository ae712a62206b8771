"""The host's own firewall says what the cloud's rules say."""

import pytest

from components.bootstrap.host_firewall import host_firewall
from components.runtimes.flows import Flow, Zone
from tests.support.nodes import ONE_BOXES, aws_facts, facts, facts_of, recipe_of


def rules(role, side, **changes):
    found = host_firewall(recipe_of(role), facts(**changes))[side]
    return [(rule["port"], rule["address"]) for rule in found]


def test_clients_and_the_probe_reach_a_web_node_and_nobody_else():
    assert rules("web", "inbound") == [(12800, "168.63.129.16/32"), (12800, "203.0.113.0/24")]


def test_the_probe_comes_from_where_the_cloud_says():
    found = rules("web", "inbound", probe_sources=("10.20.96.0/28", "10.20.96.16/28"))

    assert [address for _, address in found] == [
        "10.20.96.0/28",
        "10.20.96.16/28",
        "203.0.113.0/24",
    ]


def test_only_web_nodes_reach_a_compute_node():
    assert rules("compute", "inbound") == [(12805, "10.20.0.0/24")]


def internet(role, **changes):
    return host_firewall(recipe_of(role), facts(**changes))["internet"]


def test_a_web_node_reaches_compute_nodes_database_and_vault():
    assert rules("web", "outbound") == [
        (443, "10.20.32.0/27"),
        (5432, "10.20.32.0/27"),
        (12805, "10.20.16.0/24"),
    ]


def test_packages_come_from_the_internet_which_is_no_private_address():
    assert internet("web")["ports"] == (80, 443)
    assert internet("web")["except"] == (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
    )


def test_a_network_of_public_addresses_is_not_the_internet_either():
    found = internet("compute", compute_subnet="198.51.100.0/25", endpoints_subnet="10.9.0.0/27")

    assert "198.51.100.0/25" in found["except"]
    assert "10.9.0.0/27" not in found["except"], "10.0.0.0/8 has it, and nftables wants no overlap"


def test_without_egress_a_compute_node_reaches_database_and_vault_alone():
    closed = tuple(flow for flow in facts().flows if flow.destination != "internet")

    assert internet("compute", flows=closed)["ports"] == ()
    assert rules("compute", "outbound", flows=closed) == [
        (443, "10.20.32.0/27"),
        (5432, "10.20.32.0/27"),
    ]


def test_a_store_of_artifacts_has_public_addresses_and_the_port_for_secure_calls():
    closed = tuple(flow for flow in facts().flows if flow.destination != "internet")
    artifacts = Flow(source=Zone.WEB, destination=Zone.ARTIFACTS, port=443, why="files")

    assert internet("web", flows=(*closed, artifacts))["ports"] == (443,)
    assert internet("web", flows=(*facts().flows, artifacts))["ports"] == (80, 443)
    assert internet("compute", flows=(*closed, artifacts))["ports"] == ()


def test_overlapping_client_ranges_stay_rules_of_their_own():
    found = rules("web", "inbound", clients=("10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16"))

    assert found == [(12800, "10.0.0.0/8"), (12800, "10.1.0.0/16"), (12800, "168.63.129.16/32")]


def on_aws(role, **changes):
    return host_firewall(recipe_of(role, "aws"), aws_facts(**changes))


def pairs(rules):
    return [(rule["port"], rule["address"]) for rule in rules]


def test_on_aws_the_balancers_own_subnets_probe_a_web_node():
    assert pairs(on_aws("web")["inbound"]) == [
        (12800, "10.20.8.0/26"),
        (12800, "10.20.8.64/26"),
        (12800, "203.0.113.0/24"),
    ]
    assert pairs(on_aws("compute")["inbound"]) == [(12805, "10.20.0.0/24")]


def test_on_aws_only_root_reaches_the_metadata_service():
    assert pairs(on_aws("web")["platform"]) == [(80, "169.254.169.254/32")]


def test_on_aws_databases_and_endpoints_are_in_one_range():
    assert pairs(on_aws("compute")["outbound"]) == [(443, "10.20.32.0/26"), (5432, "10.20.32.0/26")]


def test_without_egress_the_store_of_artifacts_is_all_that_is_outside():
    closed = tuple(flow for flow in aws_facts().flows if flow.destination != "internet")

    assert on_aws("web", flows=closed)["internet"]["ports"] == (443,)
    assert "169.254.0.0/16" in on_aws("web", flows=closed)["internet"]["except"]


@pytest.mark.parametrize("kind", ONE_BOXES)
def test_a_one_box_hears_clients_and_the_probe_and_reaches_what_it_has_no_file_for(kind):
    found = host_firewall(recipe_of(kind), facts_of(kind))
    server = [(5432, "10.20.32.0/27")] if kind == "one-box-postgresql" else []

    assert pairs(found["inbound"]) == [(12800, "168.63.129.16/32"), (12800, "203.0.113.0/24")]
    assert pairs(found["outbound"]) == [(443, "10.20.32.0/27"), *server]
    assert found["internet"]["ports"] == (80, 443)


def test_the_subnet_of_a_one_box_is_not_the_internet():
    changes = {"one_box_subnet": "198.51.100.0/28"}
    found = host_firewall(recipe_of("one-box-sqlite"), facts_of("one-box-sqlite", **changes))

    assert "198.51.100.0/28" in found["internet"]["except"]


def test_a_web_node_reaches_each_range_of_a_directory():
    directory = Flow(
        source=Zone.WEB,
        destination=Zone.DIRECTORY,
        port=636,
        why="asks",
        addresses=("10.9.8.0/28", "10.9.9.7/32"),
    )
    found = rules("web", "outbound", flows=(directory,))

    assert found == [(636, "10.9.8.0/28"), (636, "10.9.9.7/32")]
    assert rules("compute", "outbound", flows=(directory,)) == []
