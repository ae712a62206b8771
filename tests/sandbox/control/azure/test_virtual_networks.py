import pytest

from tests.support.world import GROUP, RefusedError, problems


def test_a_network_has_a_guid_of_its_own(site):
    assert len(site.network.outputs["resourceGuid"]) == 36
    assert site.network.id == f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        (
            "10.20.0.1/16",
            (
                "The address prefix 10.20.0.1/16 has an invalid CIDR notation. For the given "
                "prefix "
                "length, the address prefix should be 10.20.0.0/16. (InvalidCIDRNotation)"
            ),
        ),
        (
            "10.20.0.0",
            (
                "Address prefix 10.20.0.0 must be /2 to /29: Azure keeps 5 addresses of each "
                "subnet. "
                "(InvalidAddressPrefixFormat)"
            ),
        ),
        (
            "fd00::/48",
            (
                "Address prefix fd00::/48 is not formatted correctly. It should follow CIDR "
                "notation, "
                "for example 10.0.0.0/24 (the sandbox knows IPv4 only). "
                "(InvalidAddressPrefixFormat)"
            ),
        ),
        (
            "169.254.0.0/24",
            (
                "Address prefix 169.254.0.0/24 overlaps 169.254.0.0/16, which Azure does not "
                "route. "
                "(AddressPrefixNotAllowed)"
            ),
        ),
    ],
)
def test_a_prefix_that_azure_refuses(prefix, reason):
    found = problems("network:VirtualNetwork", addressSpace={"addressPrefixes": [prefix]})

    assert found == [f"addressSpace.addressPrefixes[0]: {reason}"]


def test_prefixes_of_a_network_do_not_overlap():
    found = problems(
        "network:VirtualNetwork",
        addressSpace={"addressPrefixes": ["10.0.0.0/16", "10.0.1.0/24"]},
    )

    assert found == [
        (
            "addressSpace.addressPrefixes[1]: Address prefix 10.0.1.0/24 overlaps 10.0.0.0/16 of "
            "the "
            "same virtual network. (AddressPrefixesOverlap)"
        )
    ]


def test_inline_subnets_are_refused_by_name():
    found = problems("network:VirtualNetwork", subnets=[{"name": "a"}])

    assert found == [
        (
            "subnets: the sandbox does not emulate this: declare each subnet as an "
            "azure-native:network:Subnet, so that no subnet is both inline and standalone"
        )
    ]


def test_a_location_that_azure_does_not_have():
    found = problems("network:VirtualNetwork", location="westeuropa")

    assert found[0].startswith(
        "location: The provided location 'westeuropa' is not available for resource type "
        "'Microsoft.Network/virtualNetworks'. List of available regions for the resource type is "
        "'australiacentral,"
    )


def test_a_location_may_be_written_for_people():
    assert problems("network:VirtualNetwork", location="West Europe") == []


def test_address_space_under_a_subnet_stays(site):
    with pytest.raises(RefusedError) as refused:
        site.world.update(site.network, addressSpace={"addressPrefixes": ["10.30.0.0/16"]})

    assert str(refused.value) == (
        "addressSpace.addressPrefixes: IpPrefix 10.20.0.0/28 on Vnet vnet has active allocations "
        "and cannot be deleted: subnet web lies in it. (InUsePrefixCannotBeDeleted)"
    )


def test_address_space_can_grow(site):
    changed = site.world.update(
        site.network, addressSpace={"addressPrefixes": ["10.20.0.0/16", "10.30.0.0/16"]}
    )

    assert changed.incarnation == site.network.incarnation


def test_a_subnet_lies_in_its_network(site):
    with pytest.raises(RefusedError) as refused:
        site.world.create(
            "network:Subnet",
            virtualNetworkName="vnet",
            subnetName="far",
            addressPrefix="10.21.0.0/24",
        )

    assert str(refused.value) == (
        "addressPrefix: Subnet 'far' is not valid because its IP address range is outside the IP "
        "address range of virtual network 'vnet'. (NetcfgSubnetRangeOutsideVnet)"
    )


def test_what_a_subnet_uses_is_in_its_region(site):
    group = site.world.create(
        "network:NetworkSecurityGroup", networkSecurityGroupName="far", location="northeurope"
    )

    with pytest.raises(RefusedError) as refused:
        site.world.update(site.subnet, networkSecurityGroup={"id": group.id})

    assert str(refused.value) == (
        f"networkSecurityGroup.id: Resource {group.id} referenced by resource {site.subnet.id} was "
        "not found. Please make sure that the referenced resource exists, and that both resources "
        "are in the same region: one is in northeurope, the other in westeurope. "
        "(InvalidResourceReference)"
    )


def test_subnets_do_not_overlap(site):
    with pytest.raises(RefusedError) as refused:
        site.world.create(
            "network:Subnet",
            virtualNetworkName="vnet",
            subnetName="both",
            addressPrefix="10.20.0.0/24",
        )

    assert str(refused.value) == (
        "addressPrefix: Subnet 'both' is not valid because its IP address range overlaps with that "
        "of an existing subnet in virtual network 'vnet': web has 10.20.0.0/28. "
        "(NetcfgSubnetRangesOverlap)"
    )


def test_a_subnet_smaller_than_29_is_refused():
    assert problems("network:Subnet", addressPrefix="10.20.0.0/30") == [
        (
            "addressPrefix: Address prefix 10.20.0.0/30 must be /2 to /29: Azure keeps 5 "
            "addresses of "
            "each subnet. (InvalidAddressPrefixFormat)"
        )
    ]


def test_a_subnet_in_use_keeps_its_range(site):
    site.world.create(
        "network:NetworkInterface",
        networkInterfaceName="nic",
        ipConfigurations=[{"name": "main", "subnet": {"id": site.subnet.id}}],
    )

    with pytest.raises(RefusedError, match=r"Subnet web is in use by .*/nic and cannot be updated"):
        site.world.update(site.subnet, addressPrefix="10.20.0.0/27")


def test_an_unused_subnet_can_be_resized(site):
    changed = site.world.update(site.subnet, addressPrefix="10.20.0.0/27")

    assert changed.outputs["privateEndpointNetworkPolicies"] == "Disabled"
