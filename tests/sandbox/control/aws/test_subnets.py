import pytest

from sandbox.control.kinds import ApiError
from tests.support.world import RefusedError


def make(site, **inputs):
    return site.aws.create("ec2:Subnet", "more", vpcId=site.vpc.short, **inputs)


def test_a_subnet_is_in_a_zone(site):
    assert site.subnet.short.startswith("subnet-")
    assert site.subnet.outputs["availabilityZone"] == "eu-central-1a"
    assert site.subnet.outputs["availabilityZoneId"] == "euc1-az1"
    assert site.subnet.outputs["mapPublicIpOnLaunch"] is False


def test_a_zone_can_be_named_by_its_id(site):
    made = make(site, cidrBlock="10.30.8.0/24", availabilityZoneId="euc1-az3")

    assert made.outputs["availabilityZone"] == "eu-central-1c"


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            {"cidrBlock": "10.31.0.0/24"},
            "cidrBlock: The CIDR '10.31.0.0/24' is invalid. (InvalidSubnet.Range)",
        ),
        (
            {"cidrBlock": "10.30.0.0/25"},
            (
                "cidrBlock: The CIDR '10.30.0.0/25' conflicts with another subnet "
                "(InvalidSubnet.Conflict)"
            ),
        ),
        (
            {"cidrBlock": "10.30.8.0/24", "availabilityZone": "eu-west-1a"},
            (
                "availabilityZone: Value (eu-west-1a) for parameter availabilityZone is invalid. "
                "Subnets can currently only be created in the following availability zones: "
                "eu-central-1a, eu-central-1b, eu-central-1c. (InvalidParameterValue)"
            ),
        ),
    ],
)
def test_a_subnet_that_aws_refuses(site, inputs, reason):
    with pytest.raises(RefusedError) as refused:
        make(site, **inputs)

    assert str(refused.value) == reason


def test_a_subnet_smaller_than_28_is_refused(aws):
    assert aws.problems("ec2:Subnet", vpcId="x", cidrBlock="10.30.0.0/29") == [
        "cidrBlock: The CIDR '10.30.0.0/29' is invalid. (InvalidSubnet.Range)"
    ]


def test_a_subnet_lies_in_a_vpc_that_exists(aws):
    missing = "vpc-0123456789abcdef0"
    with pytest.raises(RefusedError) as refused:
        aws.create("ec2:Subnet", vpcId=missing, cidrBlock="10.30.0.0/24")

    assert str(refused.value) == (
        f"vpcId: The vpc ID '{missing}' does not exist (InvalidVpcID.NotFound)"
    )


def test_something_else_is_no_vpc(site):
    with pytest.raises(RefusedError) as refused:
        site.aws.create("ec2:Subnet", vpcId=site.subnet.short, cidrBlock="10.30.9.0/24")

    assert str(refused.value) == (
        f'vpcId: Invalid id: "{site.subnet.short}" (expecting "vpc-...") (InvalidVpcID.Malformed)'
    )


def test_a_vpc_of_another_region_is_not_found(site):
    with pytest.raises(RefusedError, match=r"InvalidVpcID\.NotFound"):
        site.aws.elsewhere("eu-west-1").create(
            "ec2:Subnet", vpcId=site.vpc.short, cidrBlock="10.30.9.0/24"
        )


def test_a_vpc_with_subnets_stays(site):
    with pytest.raises(ApiError) as refused:
        site.aws.delete(site.vpc)

    assert str(refused.value).startswith(
        f"api error DependencyViolation: The vpc '{site.vpc.short}' has dependencies and cannot "
        "be deleted: "
    )


def test_another_zone_or_range_is_another_subnet(site):
    changed = {"cidrBlock": "10.30.9.0/24", "availabilityZone": "eu-central-1c"}

    assert sorted(site.aws.replaced_by(site.subnet, **changed)) == ["availabilityZone", "cidrBlock"]
    assert site.aws.replaced_by(site.subnet, mapPublicIpOnLaunch=True) == []
