from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.control import public_pool
from sandbox.control.kinds import ApiError
from tests.support.world import RefusedError


@pytest.fixture
def address(site):
    return site.aws.create("ec2:Eip", "nat", domain="vpc")


def make(site, address, name="nat", **inputs):
    given = {"subnetId": site.subnet.short, "allocationId": address.short, **inputs}
    return site.aws.create("ec2:NatGateway", name, **given)


def test_an_address_is_public_and_stays(site, address):
    found = address.outputs["publicIp"]

    assert IPv4Address(found) in public_pool.POOL
    assert address.outputs["allocationId"] == address.short
    assert address.outputs["publicDns"] == (
        f"ec2-{found.replace('.', '-')}.eu-central-1.compute.amazonaws.com"
    )
    assert site.aws.update(address, tags={"Name": "x"}).outputs["publicIp"] == found


def test_a_fabric_says_which_addresses_are_handed_out(aws):
    pool = IPv4Network("198.18.16.0/29")
    aws.remember("public-pool", str(pool))
    found = {IPv4Address(aws.create("ec2:Eip", f"e{n}").outputs["publicIp"]) for n in range(5)}

    assert found == {pool[number] for number in range(2, 7)}
    with pytest.raises(ApiError, match="api error InsufficientAddressCapacity: Not enough avail"):
        aws.elsewhere("eu-west-1").create("ec2:Eip", "more")


def test_a_region_holds_five_addresses(aws):
    for number in range(5):
        aws.create("ec2:Eip", f"e{number}")

    with pytest.raises(RefusedError) as refused:
        aws.create("ec2:Eip", "more")
    assert str(refused.value) == (
        ": The maximum number of addresses has been reached. (AddressLimitExceeded)"
    )


def test_a_gateway_has_both_addresses_and_an_interface(site, address):
    made = make(site, address)

    assert made.outputs["publicIp"] == address.outputs["publicIp"]
    assert made.outputs["privateIp"] == "10.30.0.4"
    interface = site.aws.world.find(made.outputs["networkInterfaceId"])
    assert interface.outputs["privateIp"] == "10.30.0.4"
    assert interface.parent == made.id
    site.aws.delete(made)
    assert site.aws.world.find(interface.id) is None
    assert make(site, address, "again").outputs["privateIp"] == "10.30.0.4"


def test_an_address_is_for_one_gateway(site, address):
    make(site, address)

    with pytest.raises(RefusedError) as refused:
        make(site, address, "second")
    assert str(refused.value) == (
        f"allocationId: Elastic IP address [{address.short}] is already associated "
        "(Resource.AlreadyAssociated)"
    )


def test_an_address_in_use_is_not_released(site, address):
    made = make(site, address)

    with pytest.raises(ApiError, match=r"api error InvalidIPAddress\.InUse: Address with alloc"):
        site.aws.delete(address)
    site.aws.delete(made)
    site.aws.delete(address)


def test_a_public_gateway_needs_an_internet_gateway(site, address):
    site.aws.delete(site.gateway)

    with pytest.raises(RefusedError) as refused:
        make(site, address)
    assert str(refused.value) == (
        f"subnetId: Network {site.vpc.short} has no Internet gateway attached (Gateway.NotAttached)"
    )


def test_an_internet_gateway_that_a_nat_gateway_needs_stays(site, address):
    made = make(site, address)

    with pytest.raises(ApiError, match=r"DependencyViolation: Network .* has some mapped public"):
        site.aws.delete(site.gateway)
    site.aws.delete(made)
    site.aws.delete(site.gateway)


def test_a_public_gateway_needs_an_address_and_a_private_one_has_none(site, address):
    with pytest.raises(RefusedError, match="allocationId: The request must contain the parameter"):
        make(site, address, allocationId=None)
    private = make(site, address, "private", allocationId=None, connectivityType="private")
    assert private.outputs["publicIp"] == ""
    assert site.aws.problems(
        "ec2:NatGateway", subnetId="x", connectivityType="private", allocationId="eipalloc"
    ) == [
        (
            "allocationId: a private NAT gateway has no Elastic IP address "
            "(InvalidParameterCombination)"
        )
    ]


def test_a_subnet_with_a_gateway_stays(site, address):
    make(site, address)

    with pytest.raises(ApiError, match=f"DependencyViolation: The subnet '{site.subnet.short}'"):
        site.aws.delete(site.subnet)
