"""Each way to open or close an environment is seen, and told in words."""

from typing import Any

import pytest

from operations import reach
from tests.support.golden_states import Resources, changed, copied, deployment, named

NSG = "azure-native:network:NetworkSecurityGroup"
SUBNET = "azure-native:network:Subnet"
SG = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
NOWHERE = "(by the rules; no public address leads there)"


def seen(stack: str, change: Any) -> list[str]:
    """What is told of *change*, but for what stays."""
    found = reach.changes(deployment(stack), changed(stack, change))
    return [line for line in found.words() if line.partition(":")[0] in ("NEW", "GONE", "UNKNOWN")]


def rules(resources: Resources, group: str) -> list[dict[str, Any]]:
    return named(resources, NSG, f"firewall-{group}")["inputs"]["securityRules"]


def rule(resources: Resources, group: str, name: str) -> dict[str, Any]:
    return next(each for each in rules(resources, group) if each["name"] == name)


def opened(
    priority: int = 90, port: str = "12805", source: str = "*", **rest: Any
) -> dict[str, Any]:
    """A rule that lets others in to compute nodes."""
    return {
        "name": "mine",
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": source,
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": port,
        **rest,
    }


def test_nothing_changed_says_nothing() -> None:
    assert seen("azure-production", lambda resources: None) == []


@pytest.mark.parametrize("source", ["*", "0.0.0.0/0", "Internet"])
def test_a_rule_that_opens_compute_nodes_to_the_internet(source: str) -> None:
    def change(resources: Resources) -> None:
        rules(resources, "compute").append(opened(source=source))

    assert seen("azure-production", change)[0] == (
        f"NEW: the internet (0.0.0.0/0) may reach compute nodes on TCP 12805 {NOWHERE}"
    )


def test_the_same_rule_as_a_resource_of_its_own() -> None:
    def change(resources: Resources) -> None:
        group = named(resources, NSG, "firewall-compute")
        name = group["inputs"]["networkSecurityGroupName"]
        one = copied(resources, group, "mine", networkSecurityGroupName=name, **opened())
        one["type"] = "azure-native:network:SecurityRule"

    assert seen("azure-production", change)[0].startswith(
        "NEW: the internet (0.0.0.0/0) may reach compute nodes on TCP 12805"
    )


def test_a_rule_after_the_one_that_denies_all_opens_nothing() -> None:
    def change(resources: Resources) -> None:
        rule(resources, "compute", "deny-all-inbound")["priority"] = 80
        rules(resources, "compute").append(opened(priority=90))

    assert [line for line in seen("azure-production", change) if line.startswith("NEW")] == []


def test_a_rule_that_denies_before_the_one_that_allows_closes_it() -> None:
    def change(resources: Resources) -> None:
        rule(resources, "compute", "deny-all-inbound")["priority"] = 90

    assert seen("azure-production", change) == [
        "GONE: web nodes may reach compute nodes on TCP 12805"
    ]


def test_without_the_rule_that_denies_all_azure_lets_in_joined_networks() -> None:
    def change(resources: Resources) -> None:
        found = rules(resources, "compute")
        found.remove(rule(resources, "compute", "deny-all-inbound"))

    found = seen("azure-production", change)

    assert "NEW: joined networks may reach compute nodes on any protocol" in found
    assert "NEW: load balancer may reach compute nodes on any protocol" in found
    # What leaves web nodes is still their own group's to allow.
    assert not [line for line in found if line.startswith("NEW: web nodes")]


def test_a_wide_range_of_ports() -> None:
    def change(resources: Resources) -> None:
        rule(resources, "web", "allow-clients-to-web-12800")["destinationPortRange"] = "1-65535"

    assert seen("azure-production", change) == [
        "NEW: clients 10.0.0.0/16 may reach web nodes on TCP 1-12799, 12801-65535"
    ]


def test_more_clients_and_fewer() -> None:
    def change(resources: Resources) -> None:
        found = rule(resources, "web", "allow-clients-to-web-12800")
        found["sourceAddressPrefixes"] = ["10.0.0.0/17", "203.0.113.0/24"]
        del found["sourceAddressPrefix"]

    assert seen("azure-production", change) == [
        "NEW: clients 203.0.113.0/24 may reach load balancer on TCP 12800",
        "NEW: clients 203.0.113.0/24 may reach web nodes on TCP 12800",
        "GONE: clients 10.0.0.0/16 may reach load balancer on TCP 12800",
        "GONE: clients 10.0.0.0/16 may reach web nodes on TCP 12800",
    ]


def test_the_internet_in_place_of_a_client_is_new_and_nothing_is_gone() -> None:
    def change(resources: Resources) -> None:
        found = rule(resources, "web", "allow-clients-to-web-12800")
        found["sourceAddressPrefix"] = "0.0.0.0/0"

    # Behind a public load balancer there is a way in, and no more to say.
    assert seen("dev", change)[:2] == [
        "NEW: the internet (0.0.0.0/0) may reach load balancer on TCP 12800",
        "NEW: the internet (0.0.0.0/0) may reach web nodes on TCP 12800",
    ]
    assert not [line for line in seen("dev", change) if "GONE" in line]


def test_half_of_the_internet_is_not_called_a_client() -> None:
    def change(resources: Resources) -> None:
        rules(resources, "compute").append(opened(source="128.0.0.0/1"))

    assert any(
        "NEW: the internet (128.0.0.0/1)" in line for line in seen("azure-production", change)
    )


def test_a_subnet_that_loses_its_group_is_open() -> None:
    def change(resources: Resources) -> None:
        del named(resources, SUBNET, "network-compute")["inputs"]["networkSecurityGroup"]

    assert seen("azure-production", change)[0] == (
        f"NEW: the internet (0.0.0.0/0) may reach compute nodes on any protocol {NOWHERE}"
    )


def test_a_group_of_an_interface_closes_what_the_subnet_s_opens() -> None:
    def change(resources: Resources) -> None:
        group = copied(
            resources,
            named(resources, NSG, "firewall-compute"),
            "closed",
            securityRules=[opened(access="Deny", port="*", protocol="*")],
            networkSecurityGroupName="closed",
        )
        group["outputs"]["name"] = "closed"
        for each in resources:
            if each["type"].endswith(":NetworkInterface") and "compute" in each["urn"]:
                each["inputs"]["networkSecurityGroup"] = {"id": group["id"]}

    assert seen("dev-rserver", change) == ["GONE: web nodes may reach compute nodes on TCP 12805"]


def test_a_node_with_a_public_address_is_said_to_be_reached() -> None:
    def change(resources: Resources) -> None:
        rules(resources, "compute").append(opened())
        for each in resources:
            if each["type"].endswith(":NetworkInterface") and "compute" in each["urn"]:
                each["inputs"]["ipConfigurations"][0]["publicIPAddress"] = {"id": "/x"}

    assert seen("dev-rserver", change)[0] == (
        "NEW: the internet (0.0.0.0/0) may reach compute nodes on TCP 12805"
    )


def test_a_database_with_a_public_side() -> None:
    def change(resources: Resources) -> None:
        kind = "azure-native:dbforpostgresql:Server"
        server = named(resources, kind, "database-server")
        server["inputs"]["network"]["publicNetworkAccess"] = "Enabled"
        one = copied(resources, server, "everybody", serverName=server["inputs"]["serverName"])
        one["type"] = "azure-native:dbforpostgresql:FirewallRule"
        one["inputs"] |= {"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"}
        one["outputs"] = {}

    assert seen("azure-production", change) == [
        "NEW: the internet (0.0.0.0/0) may reach database on TCP 5432"
    ]


def test_a_vault_with_a_public_side() -> None:
    def change(resources: Resources) -> None:
        vault = named(resources, "azure-native:keyvault:Vault", "secrets-vault")["inputs"]
        vault["properties"]["publicNetworkAccess"] = "Enabled"
        vault["properties"]["networkAcls"]["ipRules"] = [{"value": "198.51.100.7"}]

    assert seen("azure-production", change) == [
        "NEW: clients 198.51.100.7/32 may reach vault on TCP 443"
    ]


def test_a_directory_is_reached_by_its_address() -> None:
    def change(resources: Resources) -> None:
        like = rule(resources, "web", "allow-web-to-compute-12805")
        mine = {"name": "mine", "priority": 95, "destinationAddressPrefix": "10.9.0.4/32"}
        rules(resources, "web").append({**like, **mine, "destinationPortRange": "636"})

    assert seen("azure-production", change) == [
        "NEW: web nodes may reach addresses 10.9.0.4/32 on TCP 636"
    ]


def test_a_subnet_that_moves_opens_nothing() -> None:
    def change(resources: Resources) -> None:
        found = rules(resources, "web")
        for each in [*found, *rules(resources, "compute"), *rules(resources, "endpoints")]:
            for key in ("sourceAddressPrefix", "destinationAddressPrefix"):
                if each[key] == "10.20.128.0/24":
                    each[key] = "10.20.192.0/24"
        moved = named(resources, SUBNET, "network-compute")["inputs"]
        moved["addressPrefix"] = "10.20.192.0/24"

    assert seen("azure-production", change) == []


def test_very_many_ranges_are_told_as_one() -> None:
    def change(resources: Resources) -> None:
        found = rule(resources, "web", "allow-clients-to-web-12800")
        del found["sourceAddressPrefix"]
        found["sourceAddressPrefixes"] = [f"198.51.{n}.0/25" for n in range(30)]

    assert "NEW: clients in 30 ranges may reach web nodes on TCP 12800" in seen(
        "azure-production", change
    )


def test_a_private_endpoint_that_no_group_guards() -> None:
    def change(resources: Resources) -> None:
        subnet = named(resources, SUBNET, "network-endpoints")
        subnet["inputs"]["privateEndpointNetworkPolicies"] = "Disabled"

    assert seen("azure-production", change) == [
        "NEW: joined networks may reach database on TCP 5432, 6432",
        "NEW: joined networks may reach vault on TCP 443",
    ]


@pytest.mark.parametrize(
    ("mode", "needs"),
    [
        ("Key", "with the endpoint's key"),
        ("AMLToken", "with a token of Azure ML"),
        ("AADToken", "with a token of Entra"),
    ],
)
def test_a_managed_endpoint_that_becomes_public(mode: str, needs: str) -> None:
    def change(resources: Resources) -> None:
        kind = "azure-native:machinelearningservices:OnlineEndpoint"
        endpoint = named(resources, kind, "endpoint-endpoint")["inputs"]
        endpoint["properties"] |= {"publicNetworkAccess": "Enabled", "authMode": mode}

    assert seen("azure-endpoint-production", change) == [
        f"NEW: the internet (0.0.0.0/0) may reach managed endpoint on TCP 443 ({needs})"
    ]


def test_a_store_that_lets_in_one_network() -> None:
    def change(resources: Resources) -> None:
        kind = "azure-native:storage:StorageAccount"
        store = named(resources, kind, "storage-account")["inputs"]
        store["publicNetworkAccess"] = "Enabled"
        store["networkRuleSet"]["ipRules"] = [{"iPAddressOrRange": "198.51.100.0/24"}]

    assert seen("azure-endpoint-production", change) == [
        "NEW: clients 198.51.100.0/24 may reach storage account on TCP 443"
    ]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (
            {"cidrIpv4": "0.0.0.0/0"},
            "the internet (0.0.0.0/0) may reach compute nodes on TCP 12805",
        ),
        ({"cidrIpv6": "::/0"}, "the internet (::/0) may reach compute nodes on TCP 12805"),
        (
            {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "-1"},
            "the internet (0.0.0.0/0) may reach compute nodes on any protocol",
        ),
        (
            {"cidrIpv4": "0.0.0.0/0", "fromPort": 0, "toPort": 65535},
            "the internet (0.0.0.0/0) may reach compute nodes on every TCP port",
        ),
        (
            {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "udp"},
            "the internet (0.0.0.0/0) may reach compute nodes on UDP 12805",
        ),
    ],
)
def test_a_security_group_that_is_opened(inputs: dict[str, Any], told: str) -> None:
    def change(resources: Resources) -> None:
        like = named(resources, INGRESS, "firewall-compute-from-web-12805")
        one = copied(resources, like, "mine", **inputs)
        del one["inputs"]["referencedSecurityGroupId"]

    assert seen("aws-production", change)[0] == f"NEW: {told} {NOWHERE}"


def test_a_security_group_with_a_rule_inside() -> None:
    def change(resources: Resources) -> None:
        group = named(resources, SG, "firewall-compute")
        group["inputs"]["ingress"] = [
            {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]},
            {"protocol": "tcp", "fromPort": 12805, "toPort": 12805, "self": True},
        ]
        group["inputs"]["egress"] = [
            {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}
        ]

    found = seen("aws-production", change)

    assert f"NEW: the internet (0.0.0.0/0) may reach compute nodes on TCP 22 {NOWHERE}" in found
    assert "NEW: compute nodes may reach compute nodes on TCP 22, 12805" in found


def test_the_older_form_of_a_rule() -> None:
    def change(resources: Resources) -> None:
        like = named(resources, INGRESS, "firewall-compute-from-web-12805")
        one = copied(resources, like, "mine", type="ingress", cidrBlocks=["198.51.100.0/24"])
        one["type"] = "aws:ec2/securityGroupRule:SecurityGroupRule"
        one["inputs"] |= {"protocol": "tcp", "fromPort": 12805, "toPort": 12805}
        del one["inputs"]["referencedSecurityGroupId"], one["inputs"]["ipProtocol"]

    assert seen("aws-production", change) == [
        "NEW: clients 198.51.100.0/24 may reach compute nodes on TCP 12805"
    ]


def test_one_end_s_permission_is_not_enough() -> None:
    def change(resources: Resources) -> None:
        resources.remove(named(resources, EGRESS, "firewall-web-to-compute-12805"))

    assert seen("aws-production", change) == [
        "GONE: web nodes may reach compute nodes on TCP 12805"
    ]


def test_a_launch_template_that_gives_public_addresses() -> None:
    def change(resources: Resources) -> None:
        like = named(resources, INGRESS, "firewall-compute-from-web-12805")
        one = copied(resources, like, "mine", cidrIpv4="0.0.0.0/0")
        del one["inputs"]["referencedSecurityGroupId"]
        template = named(
            resources, "aws:ec2/launchTemplate:LaunchTemplate", "compute-nodes-template"
        )
        template["inputs"]["networkInterfaces"][0]["associatePublicIpAddress"] = "true"

    assert seen("aws-production", change) == [
        "NEW: the internet (0.0.0.0/0) may reach compute nodes on TCP 12805"
    ]


def test_a_database_on_aws_with_a_public_address() -> None:
    def change(resources: Resources) -> None:
        named(resources, "aws:rds/instance:Instance", "database-server")["inputs"][
            "publiclyAccessible"
        ] = True
        like = named(resources, INGRESS, "firewall-database-from-web-5432")
        one = copied(resources, like, "mine", cidrIpv4="0.0.0.0/0")
        del one["inputs"]["referencedSecurityGroupId"]

    assert seen("aws-production", change) == [
        "NEW: the internet (0.0.0.0/0) may reach database on TCP 5432"
    ]
