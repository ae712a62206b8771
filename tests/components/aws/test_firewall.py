import re
from typing import Any

import pytest

from components.aws.firewall import rules
from components.runtimes.flows import Flow, Zone
from tests.support.aws import CLOSED, PREFIX, deployed, world
from tests.support.azure import changed, walk
from tests.support.cloud import World

GROUPS_OF = {
    "dev-aws": {"balancer", "web", "compute", "database", "endpoints"},
    "dev-onebox-aws": {"balancer", "one-box", "endpoints"},
}
"""Kinds of members that environments have."""

GROUP = "aws:ec2/securityGroup:SecurityGroup"
IN = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
OUT = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


def table(deployment: World, group: str, kind: str) -> list[str]:
    """The rules of one group in one direction, a line each."""
    own = f"test-network-firewall-{group}-id"
    found = [rule for rule in deployment.of_type(kind).values() if rule["securityGroupId"] == own]
    return sorted(f"{peer(rule)}:{rule['toPort']:.0f}" for rule in found)


def peer(rule: dict[str, Any]) -> str:
    """The other end, of which there is exactly one."""
    keys = ("referencedSecurityGroupId", "prefixListId", "cidrIpv4")
    (found,) = (rule[key] for key in keys if key in rule)
    return found.removeprefix("test-network-firewall-").removesuffix("-id")


@pytest.mark.parametrize(
    ("group", "kind", "expected"),
    [
        ("balancer", IN, ["203.0.113.0/24:12800"]),
        ("balancer", OUT, ["web:12800"]),
        ("web", IN, ["balancer:12800"]),
        (
            "web",
            OUT,
            [
                "0.0.0.0/0:443",
                "0.0.0.0/0:80",
                "compute:12805",
                "database:5432",
                "endpoints:443",
                "pl-test-network-objects:443",
            ],
        ),
        ("compute", IN, ["web:12805"]),
        (
            "compute",
            OUT,
            [
                "0.0.0.0/0:443",
                "0.0.0.0/0:80",
                "database:5432",
                "endpoints:443",
                "pl-test-network-objects:443",
            ],
        ),
        ("database", IN, ["compute:5432", "web:5432"]),
        ("database", OUT, []),
        ("endpoints", IN, ["compute:443", "web:443"]),
        ("endpoints", OUT, []),
    ],
)
def test_a_group_allows_its_flows_and_nothing_else(group, kind, expected) -> None:
    assert table(world("dev-aws"), group, kind) == expected


def test_without_egress_no_rule_leads_to_the_internet_and_objects_are_still_reached() -> None:
    closed = deployed(changed("dev-aws", **CLOSED))
    for group in ("web", "compute"):
        found = table(closed, group, OUT)
        assert not [rule for rule in found if rule.startswith("0.0.0.0/0")]
        assert "pl-test-network-objects:443" in found


def test_each_client_is_a_rule_once_and_keeps_it_when_others_come() -> None:
    clients = ["203.0.113.0/24", "198.51.100.7/32"]
    both = deployed(changed("dev-aws", access__clients=[*clients, clients[0]]))
    swapped = deployed(changed("dev-aws", access__clients=clients[::-1]))
    assert table(both, "balancer", IN) == ["198.51.100.7/32:12800", "203.0.113.0/24:12800"]
    assert both.of_type(IN) == swapped.of_type(IN)


def test_every_rule_is_a_resource_of_its_own_that_names_one_port() -> None:
    deployment = world("dev-aws")
    for group in deployment.of_type(GROUP).values():
        assert "ingress" not in group
        assert "egress" not in group
    for rule in [*deployment.of_type(IN).values(), *deployment.of_type(OUT).values()]:
        assert rule["ipProtocol"] == "tcp"
        assert rule["fromPort"] == rule["toPort"]


def test_nobody_reaches_a_login() -> None:
    ports = {rule["toPort"] for rule in world("dev-aws").of_type(IN).values()}
    assert ports == {12800, 12805, 5432, 443}


def test_every_group_and_rule_says_why_in_letters_that_aws_takes() -> None:
    deployment = world("dev-aws")
    # "CreateSecurityGroup" and "IpRange", Amazon EC2 API Reference.
    described = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")
    for kind in (GROUP, IN, OUT):
        for name, made in deployment.of_type(kind).items():
            assert described.fullmatch(made["description"]), name


@pytest.mark.parametrize(("name", "groups"), GROUPS_OF.items())
def test_every_group_is_used_by_somebody(name: str, groups: set[str]) -> None:
    deployment = world(name)
    others = {u: i for u, i in deployment.items() if "ecurityGroup" not in u.partition("::")[0]}
    used = {value for inputs in others.values() for _, value in walk(inputs)}
    for group in groups:
        assert f"test-network-firewall-{group}-id" in used


@pytest.mark.parametrize(("name", "groups"), GROUPS_OF.items())
def test_no_groups_name_begins_with_what_aws_keeps_for_ids(name: str, groups: set[str]) -> None:
    names = {group["name"] for group in world(name).of_type(GROUP).values()}
    assert names == {f"{group}-{PREFIX}" for group in groups}


def test_a_flow_from_the_probe_and_one_from_clients_are_one_rule() -> None:
    flows = [
        Flow(source=Zone.CLIENTS, destination=Zone.WEB, port=12800, why="calls"),
        Flow(source=Zone.PROBE, destination=Zone.WEB, port=12800, why="asks"),
        Flow(source=Zone.PROBE, destination=Zone.WEB, port=8080, why="asks elsewhere"),
    ]
    assert [rule.name for rule in rules(flows, ["203.0.113.0/24"])] == [
        "balancer-from-203-0-113-0-24-12800",
        "balancer-to-web-12800",
        "web-from-load-balancer-12800",
        "balancer-to-web-8080",
        "web-from-load-balancer-8080",
    ]


def test_nodes_are_let_out_to_each_range_of_a_directory() -> None:
    flow = Flow(
        source=Zone.WEB,
        destination=Zone.DIRECTORY,
        port=636,
        why="asks",
        addresses=("10.9.8.0/28", "10.9.9.7/32"),
    )
    assert [(rule.direction, rule.name) for rule in rules([flow], [])] == [
        ("egress", "web-to-10-9-8-0-28-636"),
        ("egress", "web-to-10-9-9-7-32-636"),
    ]
