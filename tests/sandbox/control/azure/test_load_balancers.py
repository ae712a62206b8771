import pytest

from tests.support.world import GROUP, RefusedError, problems

ID = f"{GROUP}/providers/Microsoft.Network/loadBalancers/lb"


def parts(subnet, **rule):
    return {
        "sku": {"name": "Standard", "tier": "Regional"},
        "frontendIPConfigurations": [{"name": "clients", "subnet": {"id": subnet}}],
        "backendAddressPools": [{"name": "web"}],
        "probes": [{"name": "ready", "protocol": "Https", "port": 12800, "requestPath": "/ping"}],
        "loadBalancingRules": [
            {
                "name": "calls",
                "protocol": "Tcp",
                "frontendPort": 12800,
                "backendPort": 12800,
                "frontendIPConfiguration": {"id": f"{ID}/frontendIPConfigurations/clients"},
                "backendAddressPool": {"id": f"{ID}/backendAddressPools/web"},
                "probe": {"id": f"{ID}/probes/ready"},
                **rule,
            }
        ],
    }


def make(site, **inputs):
    return site.world.create(
        "network:LoadBalancer", loadBalancerName="lb", **{**parts(site.subnet.id), **inputs}
    )


def test_an_internal_frontend_gets_the_lowest_free_address(site):
    balancer = make(site)

    frontend = balancer.outputs["frontendIPConfigurations"][0]
    assert frontend["privateIPAddress"] == "10.20.0.4"
    assert frontend["id"] == f"{ID}/frontendIPConfigurations/clients"
    assert balancer.outputs["loadBalancingRules"][0]["idleTimeoutInMinutes"] == 4


def test_the_address_stays_when_the_balancer_changes(site):
    balancer = make(site)
    site.world.create(
        "network:NetworkInterface",
        networkInterfaceName="nic",
        ipConfigurations=[{"name": "main", "subnet": {"id": site.subnet.id}}],
    )
    changed = site.world.update(balancer, tags={"a": "b"})

    assert changed.outputs["frontendIPConfigurations"][0]["privateIPAddress"] == "10.20.0.4"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "10.20.1.4",
            (
                "IP configuration frontendIPConfigurations[0].privateIPAddress is using the "
                "private IP "
                "address 10.20.1.4 which is not within the address range 10.20.0.0/28 of subnet "
                "web. "
                "(PrivateIPAddressNotInSubnet)"
            ),
        ),
        (
            "10.20.0.3",
            (
                "Private static IP address 10.20.0.3 falls within reserved IP range of subnet "
                "prefix "
                "10.20.0.0/28. (PrivateIPAddressInReservedRange)"
            ),
        ),
        (
            "10.20.0.15",
            (
                "Private static IP address 10.20.0.15 falls within reserved IP range of subnet "
                "prefix "
                "10.20.0.0/28. (PrivateIPAddressInReservedRange)"
            ),
        ),
    ],
)
def test_a_static_address_that_azure_refuses(site, address, expected):
    frontend = {
        "name": "clients",
        "subnet": {"id": site.subnet.id},
        "privateIPAddress": address,
        "privateIPAllocationMethod": "Static",
    }
    with pytest.raises(RefusedError) as refused:
        make(site, frontendIPConfigurations=[frontend])

    assert str(refused.value) == f"frontendIPConfigurations[0].privateIPAddress: {expected}"


def test_a_rule_points_at_parts_of_its_own_balancer(site):
    inputs = parts(site.subnet.id, probe={"id": f"{ID}/probes/alive"})
    with pytest.raises(RefusedError) as refused:
        site.world.create("network:LoadBalancer", loadBalancerName="lb", **inputs)

    assert str(refused.value) == (
        f"loadBalancingRules[0].probe.id: Resource {ID}/probes/alive referenced by resource {ID} "
        "was not found. Please make sure that the referenced resource exists, and that both "
        "resources are in the same region. (InvalidResourceReference)"
    )


def test_two_rules_do_not_share_a_port():
    inputs = parts("/s")
    inputs["loadBalancingRules"].append({**inputs["loadBalancingRules"][0], "name": "again"})

    assert problems("network:LoadBalancer", **inputs) == [
        (
            "loadBalancingRules[1].frontendPort: Load balancing rules calls and again both use "
            "frontend "
            "port 12800 and protocol of one frontend IP configuration. "
            "(RulesUseSameFrontendPortProtocolAndIPConfig)"
        )
    ]


def test_a_rule_that_azure_refuses():
    assert problems("network:LoadBalancer", **parts("/s", idleTimeoutInMinutes=101)) == [
        "loadBalancingRules[0].idleTimeoutInMinutes: must be 4 to 100, got 101 (InvalidParameter)"
    ]


def test_probes_that_azure_refuses():
    probes = [
        {"name": "a", "protocol": "Https", "port": 1, "requestPath": "ping"},
        {"name": "b", "protocol": "Tcp", "port": 0, "requestPath": "/x"},
        {"name": "b", "protocol": "Tcp", "port": 1, "intervalInSeconds": 4},
    ]

    assert problems("network:LoadBalancer", sku={"name": "Standard"}, probes=probes) == [
        "probes[2].name: b is there twice (DuplicateResourceName)",
        "probes[0].requestPath: must start with /, got 'ping' (ProbeRequestPathInvalid)",
        "probes[1].port: must be 1 to 65535, got 0 (InvalidParameter)",
        "probes[1].requestPath: a TCP probe has no path (ProbeRequestPathNotAllowed)",
        "probes[2].intervalInSeconds: must be 5 to 2147483646, got 4 (InvalidParameter)",
    ]


def test_basic_balancers_are_retired(site):
    retired = (
        "sku.name: Basic SKU load balancers are retired: set sku.name to Standard. "
        "(BasicSkuLoadBalancerRetired)"
    )

    assert problems("network:LoadBalancer", sku={"name": "Basic"}) == [retired]
    with pytest.raises(RefusedError) as refused:
        make(site, sku={})
    assert str(refused.value) == retired


def test_what_a_balancer_needs_is_asked_when_everything_is_known(site):
    with pytest.raises(RefusedError) as refused:
        make(
            site,
            frontendIPConfigurations=[{"name": "clients"}],
            probes=[{"name": "ready", "protocol": "Https", "port": 12800}],
        )

    assert str(refused.value) == (
        "frontendIPConfigurations[0]: a frontend has either publicIPAddress or subnet; it has "
        "neither (LoadBalancerFrontendIpConfigurationInvalid)\n"
        "probes[0].requestPath: is missing (ProbeRequestPathInvalid)"
    )


def test_members_of_a_pool_are_in_one_network(site):
    balancer = make(site)
    other = site.world.create(
        "network:VirtualNetwork",
        virtualNetworkName="other",
        addressSpace={"addressPrefixes": ["10.40.0.0/16"]},
    )
    far = site.world.create(
        "network:Subnet", virtualNetworkName="other", subnetName="a", addressPrefix="10.40.0.0/24"
    )
    pool = [{"id": f"{balancer.id}/backendAddressPools/web"}]

    def member(name, subnet):
        configuration = {
            "name": "main",
            "subnet": {"id": subnet.id},
            "loadBalancerBackendAddressPools": pool,
        }
        return site.world.create(
            "network:NetworkInterface",
            networkInterfaceName=name,
            ipConfigurations=[configuration],
        )

    member("one", site.subnet)
    with pytest.raises(RefusedError) as refused:
        member("two", far)

    assert other.outputs["enableDdosProtection"] is False
    assert str(refused.value) == (
        "ipConfigurations[0].loadBalancerBackendAddressPools[0].id: Backend pool web has members "
        "in "
        "virtual network vnet; two is in other. All members of a backend pool must be in the same "
        "virtual network. (NetworkInterfacesInDifferentVirtualNetworks)"
    )


def test_an_address_serves_one_interface(site):
    def static(name):
        configuration = {
            "name": "main",
            "subnet": {"id": site.subnet.id},
            "privateIPAddress": "10.20.0.9",
            "privateIPAllocationMethod": "Static",
        }
        return site.world.create(
            "network:NetworkInterface",
            networkInterfaceName=name,
            ipConfigurations=[configuration],
        )

    first = static("one")
    with pytest.raises(RefusedError) as refused:
        static("two")
    assert str(refused.value) == (
        "ipConfigurations[0].privateIPAddress: IP address 10.20.0.9 is already allocated to "
        f"resource {first.id}. (PrivateIPAddressIsAllocated)"
    )

    site.world.delete(first)
    assert static("two").outputs["ipConfigurations"][0]["privateIPAddress"] == "10.20.0.9"


def test_a_full_subnet_takes_no_more(site):
    for number in range(11):
        site.world.create(
            "network:NetworkInterface",
            networkInterfaceName=f"nic{number}",
            ipConfigurations=[{"name": "main", "subnet": {"id": site.subnet.id}}],
        )

    with pytest.raises(Exception, match="SubnetIsFull"):
        make(site)
