"""The host's own firewall says what the cloud's rules say."""

from components.bootstrap.host_firewall import host_firewall
from tests.support.nodes import facts, recipe_of


def rules(role, side, **changes):
    found = host_firewall(recipe_of(role), facts(**changes))[side]
    return [(rule["port"], rule["address"]) for rule in found]


def test_clients_and_the_probe_reach_a_web_node_and_nobody_else():
    assert rules("web", "inbound") == [(12800, "168.63.129.16/32"), (12800, "203.0.113.0/24")]


def test_only_web_nodes_reach_a_compute_node():
    assert rules("compute", "inbound") == [(12805, "10.20.0.0/24")]


def test_a_web_node_reaches_compute_nodes_database_vault_and_packages():
    assert rules("web", "outbound") == [
        (80, "0.0.0.0/0"),
        (443, "0.0.0.0/0"),
        (443, "10.20.32.0/27"),
        (5432, "10.20.32.0/27"),
        (12805, "10.20.16.0/24"),
    ]


def test_without_egress_a_compute_node_reaches_database_and_vault_alone():
    closed = tuple(flow for flow in facts().flows if flow.destination != "internet")

    assert rules("compute", "outbound", flows=closed) == [
        (443, "10.20.32.0/27"),
        (5432, "10.20.32.0/27"),
    ]


def test_overlapping_client_ranges_stay_rules_of_their_own():
    found = rules("web", "inbound", clients=("10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16"))

    assert found == [(12800, "10.0.0.0/8"), (12800, "10.1.0.0/16"), (12800, "168.63.129.16/32")]
