from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.control.kinds import CloudError
from sandbox.control.public_pool import POOL
from tests.support.world import RefusedError, problems

STATIC = {"sku": {"name": "Standard"}, "publicIPAllocationMethod": "Static"}


def make(world, name, **inputs):
    return world.create("network:PublicIPAddress", publicIpAddressName=name, **STATIC, **inputs)


def test_an_address_stays_while_the_resource_does(world):
    made = make(world, "a", dnsSettings={"domainNameLabel": "models"})
    changed = world.update(made, tags={"owner": "us"})

    assert IPv4Address(made.outputs["ipAddress"]) in POOL
    assert changed.outputs["ipAddress"] == made.outputs["ipAddress"]
    assert made.outputs["dnsSettings"]["fqdn"] == "models.westeurope.cloudapp.azure.com"


def test_every_address_is_another(world):
    found = {make(world, f"a{number}").outputs["ipAddress"] for number in range(50)}

    assert len(found) == 50


def test_a_label_is_unique_in_its_region(world):
    make(world, "a", dnsSettings={"domainNameLabel": "models"})
    make(world, "b", dnsSettings={"domainNameLabel": "models"}, location="northeurope")

    with pytest.raises(RefusedError) as refused:
        make(world, "c", dnsSettings={"domainNameLabel": "models"})

    assert str(refused.value) == (
        "dnsSettings.domainNameLabel: DNS record models.westeurope.cloudapp.azure.com is already "
        "used by another public IP. (DnsRecordInUse)"
    )


def test_basic_addresses_are_retired(world):
    with pytest.raises(RefusedError, match="IPv4BasicSkuPublicIpCountLimitReached"):
        world.create("network:PublicIPAddress", publicIpAddressName="a")
    assert problems("network:PublicIPAddress", sku={"name": "Basic"}) == [
        (
            "sku.name: Cannot create more than 0 IPv4 Basic SKU public IP addresses for this "
            "subscription in this region: the Basic SKU is retired, set sku.name to Standard. "
            "(IPv4BasicSkuPublicIpCountLimitReached)"
        )
    ]


def test_standard_addresses_are_static(world):
    with pytest.raises(RefusedError, match="StandardSkuPublicIPAddressesMustUseStaticAllocation"):
        world.create("network:PublicIPAddress", publicIpAddressName="a", sku={"name": "Standard"})
    assert problems("network:PublicIPAddress", publicIPAllocationMethod="Dynamic") == [
        (
            "publicIPAllocationMethod: Standard sku publicIp must have AllocationMethod set to "
            "Static. "
            "(StandardSkuPublicIPAddressesMustUseStaticAllocation)"
        )
    ]


def test_zones_of_an_address_do_not_change(world):
    made = make(world, "a", zones=["1", "2", "3"])

    with pytest.raises(RefusedError) as refused:
        world.update(made, zones=["1"])

    assert str(refused.value) == (
        f"zones: Resource {made.id} has an existing availability zone constraint 1, 2, 3 and the "
        "request has availability zone constraint 1, which do not match. Zones cannot be "
        "added/updated/removed once the resource is created. The resource cannot be updated from "
        "regional to zonal or vice-versa. (ResourceAvailabilityZonesCannotBeModified)"
    )


def test_a_zone_that_the_region_lacks():
    assert problems("network:PublicIPAddress", **STATIC, location="ukwest", zones=["1"]) == [
        (
            "zones[0]: The zone(s) '1' is not supported. The supported zones for location "
            "'ukwest' are "
            "'none'. (AvailabilityZoneNotSupported)"
        )
    ]


def test_a_nat_gateway_takes_an_address(world):
    address = make(world, "a", zones=["1", "2", "3"])
    gateway = world.create(
        "network:NatGateway",
        natGatewayName="nat",
        sku={"name": "Standard"},
        publicIpAddresses=[{"id": address.id}],
    )

    assert gateway.outputs["idleTimeoutInMinutes"] == 4
    with pytest.raises(RefusedError) as refused:
        world.create(
            "network:NatGateway",
            natGatewayName="other",
            sku={"name": "Standard"},
            publicIpAddresses=[{"id": address.id}],
        )
    assert str(refused.value) == (
        "publicIpAddresses[0].id: Resource "
        f"{gateway.id.replace('natGateways/nat', 'natGateways/other')} is referencing public IP "
        f"address {address.id} that is already allocated to resource {gateway.id}. "
        "(PublicIPAddressInUse)"
    )


def test_a_nat_gateway_lies_in_one_zone_and_times_out_in_two_hours():
    found = problems(
        "network:NatGateway",
        sku={"name": "Standard"},
        location="westeurope",
        zones=["1", "2"],
        idleTimeoutInMinutes=121,
    )

    assert found == [
        "idleTimeoutInMinutes: must be 4 to 120, got 121 (InvalidParameter)",
        (
            "zones: a Standard NAT gateway lies in one zone or in none, not in 2 "
            "(NatGatewayWithMultipleZones)"
        ),
    ]


def test_a_fabric_says_which_addresses_are_handed_out(world):
    pool = IPv4Network("198.18.16.0/28")
    before = make(world, "before")
    world.remember("public-pool", str(pool))
    found = {IPv4Address(make(world, f"a{n}").outputs["ipAddress"]) for n in range(13)}

    # The first is the sandbox's own.
    assert found == {pool[n] for n in range(2, 15)}
    kept = world.update(before, tags={"owner": "us"})
    assert kept.outputs["ipAddress"] == before.outputs["ipAddress"]
    with pytest.raises(CloudError) as refused:
        make(world, "more")
    assert str(refused.value) == (
        'Code="PublicIPCountLimitReached" Message="Cannot create more than 13 public IP addresses '
        'in this sandbox: all of 198.18.16.0/28 are in use."'
    )
