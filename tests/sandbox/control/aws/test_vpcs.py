import pytest

from sandbox.control.kinds import ApiError
from tests.support.account import ACCOUNT
from tests.support.world import RefusedError


def test_a_vpc_has_an_id_an_arn_and_what_comes_with_it(aws):
    made = aws.create("ec2:Vpc", cidrBlock="10.30.0.0/16")

    assert made.short.startswith("vpc-")
    assert len(made.short) == len("vpc-") + 17
    assert made.id == f"arn:aws:ec2:eu-central-1:{ACCOUNT}:vpc/{made.short}"
    assert made.outputs["arn"] == made.id
    assert made.outputs["ownerId"] == ACCOUNT
    assert made.outputs["enableDnsSupport"] is True
    assert made.outputs["enableDnsHostnames"] is False
    for output, prefix in (
        ("mainRouteTableId", "rtb-"),
        ("defaultSecurityGroupId", "sg-"),
        ("defaultNetworkAclId", "acl-"),
    ):
        assert str(made.outputs[output]).startswith(prefix)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("10.30.0.0/15", "The CIDR '10.30.0.0/15' is invalid. (InvalidVpc.Range)"),
        ("10.30.0.0/29", "The CIDR '10.30.0.0/29' is invalid. (InvalidVpc.Range)"),
        ("169.254.0.0/16", "The CIDR '169.254.0.0/16' is invalid. (InvalidVpc.Range)"),
        (
            "10.30.0.1/16",
            (
                "Value (10.30.0.1/16) for parameter cidrBlock is invalid. This is not a valid CIDR "
                "block. (InvalidParameterValue)"
            ),
        ),
        (
            "10.30.0.0",
            (
                "Value (10.30.0.0) for parameter cidrBlock is invalid. This is not a valid CIDR "
                "block. (InvalidParameterValue)"
            ),
        ),
    ],
)
def test_a_block_that_aws_refuses(aws, block, reason):
    assert aws.problems("ec2:Vpc", cidrBlock=block) == [f"cidrBlock: {reason}"]


def test_a_vpc_needs_a_block(aws):
    with pytest.raises(RefusedError) as refused:
        aws.create("ec2:Vpc")

    assert str(refused.value) == (
        "cidrBlock: The request must contain the parameter cidrBlock (MissingParameter)"
    )


def test_another_block_is_another_vpc_and_names_are_not(aws):
    made = aws.create("ec2:Vpc", cidrBlock="10.30.0.0/16", tags={"Name": "a"})

    assert aws.replaced_by(made, cidrBlock="10.31.0.0/16") == ["cidrBlock"]
    assert aws.replaced_by(made, tags={"Name": "b"}, enableDnsHostnames=True) == []
    changed = aws.update(made, tags={"Name": "b"})
    assert changed.outputs["mainRouteTableId"] == made.outputs["mainRouteTableId"]


def test_machines_can_leave_hardware_of_their_own_and_not_come_to_it(aws):
    shared = aws.create("ec2:Vpc", "shared", cidrBlock="10.30.0.0/16")
    dedicated = aws.create("ec2:Vpc", "own", cidrBlock="10.30.0.0/16", instanceTenancy="dedicated")

    assert aws.replaced_by(shared, instanceTenancy="dedicated") == ["instanceTenancy"]
    assert aws.replaced_by(dedicated, instanceTenancy="default") == []


def test_dns_hostnames_need_dns(aws):
    found = aws.problems("ec2:Vpc", enableDnsSupport=False, enableDnsHostnames=True)

    assert found == [
        (
            "enableDnsHostnames: DNS hostnames need DNS support in the VPC: leave enableDnsSupport "
            "true (InvalidParameterValue)"
        )
    ]


def test_a_region_holds_five_vpcs(aws):
    for number in range(5):
        aws.create("ec2:Vpc", f"v{number}", cidrBlock="10.30.0.0/16")

    with pytest.raises(RefusedError) as refused:
        aws.create("ec2:Vpc", "more", cidrBlock="10.30.0.0/16")
    assert str(refused.value) == (
        ": The maximum number of VPCs has been reached. (VpcLimitExceeded)"
    )
    aws.elsewhere("eu-west-1").create("ec2:Vpc", "there", cidrBlock="10.30.0.0/16")


def test_a_vpc_that_nothing_uses_goes(aws):
    made = aws.create("ec2:Vpc", cidrBlock="10.30.0.0/16")
    aws.delete(made)

    assert aws.world.find(made.id) is None
    with pytest.raises(ApiError, match="api error ResourceNotFoundException"):
        aws.provider.update("aws:ec2/vpc:Vpc", made.short, {"cidrBlock": "10.30.0.0/16"}, {})
