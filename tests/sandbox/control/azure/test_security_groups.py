import pytest

from tests.support.world import problems

RULE = {
    "name": "clients",
    "priority": 100,
    "direction": "Inbound",
    "access": "Allow",
    "protocol": "Tcp",
    "sourceAddressPrefix": "203.0.113.0/24",
    "sourcePortRange": "*",
    "destinationAddressPrefix": "*",
    "destinationPortRange": "12800",
}


def rule(**changes):
    return problems("network:NetworkSecurityGroup", securityRules=[{**RULE, **changes}])


def test_a_plain_rule_holds_and_azure_adds_its_own(world):
    group = world.create(
        "network:NetworkSecurityGroup", networkSecurityGroupName="web", securityRules=[RULE]
    )

    assert [each["name"] for each in group.outputs["defaultSecurityRules"]] == [
        "AllowVnetInBound",
        "AllowAzureLoadBalancerInBound",
        "DenyAllInBound",
        "AllowVnetOutBound",
        "AllowInternetOutBound",
        "DenyAllOutBound",
    ]


@pytest.mark.parametrize(
    "prefix", ["*", "10.0.0.0/8", "AzureLoadBalancer", "AzureKeyVault.WestEurope", "10.0.0.4"]
)
def test_addresses_and_service_tags_hold(prefix):
    assert rule(sourceAddressPrefix=prefix) == []


@pytest.mark.parametrize("port", ["0", "65535", "80-443", "*"])
def test_ports_hold(port):
    assert rule(destinationPortRange=port) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"priority": 99},
            (
                "priority: Security rule has invalid Priority. Value provided: 99. Priority "
                "should be "
                "between 100 and 4096. (SecurityRuleInvalidPriority)"
            ),
        ),
        (
            {"protocol": "HTTP"},
            (
                "protocol: must be one of Tcp, Udp, Icmp, Esp, Ah, *, got 'HTTP' "
                "(SecurityRuleInvalidProtocol)"
            ),
        ),
        (
            {"sourceAddressPrefix": "AzureLoadbalancers"},
            (
                "sourceAddressPrefix: Security rule has invalid Address prefix. Value provided: "
                "AzureLoadbalancers. Give a CIDR range, an address, * or a service tag. "
                "(SecurityRuleInvalidAddressPrefix)"
            ),
        ),
        (
            {"destinationPortRange": "443-80"},
            (
                "destinationPortRange: Security rule has invalid Port range. Value provided: "
                "443-80. "
                "Value should be an integer OR integer range with '-' delimiter. Valid range "
                "0-65535. "
                "(SecurityRuleInvalidPortRange)"
            ),
        ),
        (
            {"sourceAddressPrefixes": ["10.0.0.0/8"]},
            (
                "sourceAddressPrefixes: Security rule cannot specify both sourceAddressPrefix and "
                "sourceAddressPrefixes. (SecurityRuleParameterConflict)"
            ),
        ),
        (
            {"protocol": "Icmp"},
            (
                "destinationPortRange: Security rule with protocol Icmp has no ports: use * "
                "(SecurityRuleInvalidPortRange)"
            ),
        ),
        (
            {"sourceApplicationSecurityGroups": [{"id": "x"}]},
            (
                "sourceApplicationSecurityGroups: the sandbox does not emulate this: give "
                "sourceAddressPrefix or sourceAddressPrefixes"
            ),
        ),
    ],
)
def test_a_rule_that_azure_refuses(changes, expected):
    assert rule(**changes) == [f"securityRules[0].{expected}"]


def test_priorities_are_unique_in_a_direction():
    rules = [RULE, {**RULE, "name": "other"}, {**RULE, "name": "out", "direction": "Outbound"}]

    assert problems("network:NetworkSecurityGroup", securityRules=rules) == [
        (
            "securityRules[1].priority: Security rule other conflicts with rule clients. Rules "
            "cannot "
            "have the same Priority and Direction. (SecurityRuleConflict)"
        )
    ]
