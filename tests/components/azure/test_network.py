from tests.support.azure import CLOSED, GROUP, changed, deployed, world

SUBNET = "azure-native:network:Subnet"
NAT = "azure-native:network:NatGateway"
ADDRESS = "azure-native:network:PublicIPAddress"
VNET = "azure-native:network:VirtualNetwork"
HUB = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/net"
    "/providers/Microsoft.Network/virtualNetworks/hub"
)


def test_the_network_has_our_range_and_no_subnet_inline() -> None:
    vnet = world("dev").only(VNET)
    assert vnet["addressSpace"] == {"addressPrefixes": ["10.20.0.0/16"]}
    assert "subnets" not in vnet


def test_each_subnet_has_its_range_and_its_firewall() -> None:
    subnets = world("dev").of_type(SUBNET)
    assert {name: subnet["addressPrefix"] for name, subnet in subnets.items()} == {
        "test-network-compute": "10.20.128.0/24",
        "test-network-endpoints": "10.20.64.0/25",
        "test-network-web": "10.20.0.0/24",
    }
    for name, subnet in subnets.items():
        firewall = name.replace("network-", "network-firewall-")
        assert subnet["networkSecurityGroup"]["id"].endswith(f"/NetworkSecurityGroup/{firewall}")


def test_subnets_are_closed_by_default() -> None:
    for subnet in world("dev").of_type(SUBNET).values():
        assert subnet["defaultOutboundAccess"] is False
        assert subnet["privateEndpointNetworkPolicies"] == "Enabled"


def test_subnets_are_made_one_after_another() -> None:
    options = world("dev").options_of(SUBNET)
    after = {name: [d for d in o.depends_on if SUBNET in d] for name, o in options.items()}
    assert [len(after[f"test-network-{name}"]) for name in ("web", "compute", "endpoints")] == [
        0,
        1,
        1,
    ]
    assert after["test-network-compute"][0].endswith("::test-network-web")
    assert after["test-network-endpoints"][0].endswith("::test-network-compute")


def test_nodes_leave_through_nat_and_endpoints_do_not_leave() -> None:
    deployment = world("azure-production")
    (nat,) = deployment.of_type(NAT)
    subnets = deployment.of_type(SUBNET)
    assert subnets["test-network-web"]["natGateway"]["id"].endswith(nat)
    assert subnets["test-network-compute"]["natGateway"]["id"].endswith(nat)
    assert "natGateway" not in subnets["test-network-endpoints"]
    address = deployment.of_type(ADDRESS)["test-network-nat-address"]
    assert address["sku"]["name"] == "Standard"
    assert address["zones"] == ["1", "2", "3"]


def test_without_egress_there_is_no_nat() -> None:
    closed = deployed(changed("azure-production", **CLOSED))
    assert closed.of_type(NAT) == {}
    assert closed.of_type(ADDRESS) == {}
    assert not any("natGateway" in subnet for subnet in closed.of_type(SUBNET).values())


def test_a_joined_network_gets_our_subnets_and_is_not_ours() -> None:
    joined = deployed(changed("dev", network__existing=HUB))
    assert joined.of_type(VNET) == {}
    for subnet in joined.of_type(SUBNET).values():
        assert subnet["resourceGroupName"] == "net"
        assert subnet["virtualNetworkName"] == "hub"
    links = joined.of_type("azure-native:privatedns:VirtualNetworkLink")
    assert {link["virtualNetwork"]["id"] for link in links.values()} == {HUB}


def test_private_services_have_an_address_and_a_name() -> None:
    deployment = world("dev")
    endpoints = deployment.of_type("azure-native:network:PrivateEndpoint")
    assert {
        name: endpoint["privateLinkServiceConnections"][0]["groupIds"]
        for name, endpoint in endpoints.items()
    } == {
        "test-database-endpoint-address": ["postgresqlServer"],
        "test-secrets-endpoint-address": ["vault"],
    }
    subnet = f"{GROUP}/providers/network/Subnet/test-network-endpoints"
    assert {endpoint["subnet"]["id"] for endpoint in endpoints.values()} == {subnet}
    zones = deployment.of_type("azure-native:privatedns:PrivateZone")
    assert sorted(zone["privateZoneName"] for zone in zones.values()) == [
        "privatelink.postgres.database.azure.com",
        "privatelink.vaultcore.azure.net",
    ]
