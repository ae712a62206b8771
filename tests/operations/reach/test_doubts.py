"""What a deployment does not tell is said, and never guessed."""

from typing import Any

import pytest

from operations import reach
from operations.export.state import UNKNOWN
from tests.operations.reach.test_mutations import INGRESS, NSG, SUBNET, named, rule, rules
from tests.support import golden_states
from tests.support.golden_states import Resources, changed, copied, deployment, planned


@pytest.mark.parametrize("stack", golden_states.NAMES)
def test_a_preview_in_which_no_id_is_known_says_the_same(stack: str) -> None:
    deployed = reach.read(deployment(stack))
    found = reach.read(planned(stack))

    assert found.doubts == deployed.doubts == ()
    assert found.paths == deployed.paths


def doubted(stack: str, change: Any, *, of: Any = changed) -> list[str]:
    found = reach.changes(deployment(stack), of(stack, change))
    assert found.gone == ()
    return [line for line in found.words() if line.startswith(("UNKNOWN", "NEW"))]


def test_a_rule_whose_addresses_are_not_known() -> None:
    def change(resources: Resources) -> None:
        rule(resources, "compute", "allow-web-to-compute-12805")["sourceAddressPrefix"] = UNKNOWN

    assert doubted("azure-production", change) == [
        "UNKNOWN: whether web nodes may still reach compute nodes on TCP 12805",
        (
            "UNKNOWN: compute nodes: rule 'allow-web-to-compute-12805' of"
            " 'azure-production-network-firewall-compute': only a deployment tells its source"
        ),
    ]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"destinationPortRange": "http"}, "the destination's ports: not a list of ports"),
        ({"destinationPortRange": "70000"}, "the destination's ports: not a list"),
        ({"destinationPortRange": "443-80"}, "the destination's ports: not a list"),
        ({"sourceAddressPrefix": "10.0.0.0/64"}, "'10.0.0.0/64' is neither an address nor a"),
        ({"sourceAddressPrefix": "<b>"}, "'<b>' is neither an address nor a service tag"),
        ({"sourceAddressPrefix": None}, "it says no source"),
        ({"protocol": 7}, "its protocol is not known"),
        ({"access": "Maybe"}, "whether it allows or denies, and in which direction, is not known"),
        ({"direction": UNKNOWN}, "whether it allows or denies, and in which direction"),
        ({"priority": "high"}, "its priority is no number"),
        (
            {"sourceApplicationSecurityGroups": [{"id": "/a"}]},
            "it names application security groups, which are not worked out",
        ),
        (
            {"access": "Deny", "sourcePortRange": "53"},
            "it denies some ports of the sender only, which a sender chooses",
        ),
    ],
)
def test_a_rule_that_cannot_be_read(wrong: dict[str, Any], why: str) -> None:
    def change(resources: Resources) -> None:
        rule(resources, "compute", "allow-web-to-compute-12805").update(wrong)

    assert any(why in line for line in doubted("azure-production", change))


def test_rules_that_are_not_known_at_all() -> None:
    def change(resources: Resources) -> None:
        named(resources, NSG, "firewall-compute")["inputs"]["securityRules"] = UNKNOWN

    assert any(
        "only a deployment tells the rules" in line for line in doubted("azure-production", change)
    )


def test_a_group_that_is_no_part_of_the_stack() -> None:
    def change(resources: Resources) -> None:
        subnet = named(resources, SUBNET, "network-compute")["inputs"]
        subnet["networkSecurityGroup"] = {"id": "/subscriptions/s/resourceGroups/other/x"}

    found = doubted("azure-production", change)

    assert "UNKNOWN: whether web nodes may still reach compute nodes on TCP 12805" in found
    assert any("names what is no part of the stack" in line for line in found)


def test_a_rule_that_opens_a_node_is_seen_although_another_is_not_known() -> None:
    def change(resources: Resources) -> None:
        like = rule(resources, "compute", "allow-web-to-compute-12805")
        mine = {**like, "name": "mine", "priority": 90, "sourceAddressPrefix": "*"}
        rules(resources, "compute").append(mine)
        like["destinationPortRange"] = UNKNOWN

    assert doubted("azure-production", change)[0].startswith(
        "NEW: the internet (0.0.0.0/0) may reach compute nodes on TCP 12805"
    )


def test_a_rule_that_opens_a_group_is_seen_in_a_preview_without_ids() -> None:
    def change(resources: Resources) -> None:
        like = named(resources, INGRESS, "firewall-compute-from-web-12805")
        one = copied(resources, like, "mine", cidrIpv4="0.0.0.0/0")
        del one["inputs"]["referencedSecurityGroupId"]

    assert doubted("aws-production", change, of=planned)[0].startswith(
        "NEW: the internet (0.0.0.0/0) may reach compute nodes on TCP 12805"
    )


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"cidrIpv4": UNKNOWN}, "only a deployment tells its addresses"),
        ({"cidrIpv4": "everybody"}, "its addresses: not a list of addresses"),
        ({"fromPort": None}, "it says no ports"),
        ({"fromPort": 90000}, "its ports: not a list of ports"),
        ({"referencedSecurityGroupId": "sg-others"}, "names what is no part of the stack"),
        ({"securityGroupId": "sg-others"}, "names what is no part of the stack"),
    ],
)
def test_a_rule_of_aws_that_cannot_be_read(wrong: dict[str, Any], why: str) -> None:
    def change(resources: Resources) -> None:
        named(resources, INGRESS, "firewall-compute-from-web-12805")["inputs"].update(wrong)

    assert any(why in line for line in doubted("aws-production", change))


def test_a_prefix_list_of_others_is_named() -> None:
    def change(resources: Resources) -> None:
        like = named(resources, INGRESS, "firewall-compute-from-web-12805")
        one = copied(resources, like, "mine", prefixListId="pl-others")
        del one["inputs"]["referencedSecurityGroupId"]

    assert doubted("aws-production", change) == [
        "NEW: prefix list pl-others may reach compute nodes on TCP 12805"
    ]


@pytest.mark.parametrize(
    ("stack", "kind", "told"),
    [
        ("aws-production", "aws:ec2/networkAcl:NetworkAcl", "NetworkAcl 'mine'"),
        ("aws-production", "aws:ec2/networkInterface:NetworkInterface", "NetworkInterface 'mine'"),
        ("azure-production", "azure-native:network:VirtualNetworkPeering", "VirtualNetworkPeering"),
        ("azure-production", "azure-native:network:BastionHost", "BastionHost 'mine'"),
    ],
)
def test_a_kind_of_resource_that_nobody_has_looked_at_is_named(
    stack: str, kind: str, told: str
) -> None:
    def change(resources: Resources) -> None:
        like = next(each for each in resources if each["type"].startswith(kind.partition(":")[0]))
        copied(resources, like, "mine")["type"] = kind
        for group in ("allow-web-to-compute-12805", "firewall-compute-from-web-12805"):
            for each in list(resources):
                rules = each.get("inputs", {}).get("securityRules", [])
                rules[:] = [rule for rule in rules if rule["name"] != group]
                if each["urn"].endswith(group) and "Ingress" in each["type"]:
                    resources.remove(each)

    found = reach.changes(deployment(stack), changed(stack, change)).words()

    # What the rules stop is gone all the same.
    assert found[0] == "GONE: web nodes may reach compute nodes on TCP 12805"
    assert found[1].startswith(f"UNKNOWN: not worked out: {told}")


def test_a_machine_without_a_group_of_its_own() -> None:
    def change(resources: Resources) -> None:
        named(resources, "aws:ec2/instance:Instance", "one-box-nodes-1")["inputs"][
            "vpcSecurityGroupIds"
        ] = []

    assert any(
        "says no security group: it has the network's default" in line
        for line in doubted("dev-onebox-aws", change)
    )


def test_a_stack_without_a_network_lets_nobody_through() -> None:
    empty = golden_states.changed("dev", lambda resources: resources.clear())
    assert reach.paths(empty) == ()
