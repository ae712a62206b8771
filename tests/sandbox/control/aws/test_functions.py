import pytest

from sandbox.control.kinds import ApiError
from tests.support.account import ACCOUNT
from tests.support.world import RefusedError

DEBIAN = "136693071363"


def test_who_deploys(aws):
    assert aws.call("index:getCallerIdentity") == {
        "accountId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:user/sandbox",
        "id": ACCOUNT,
        "userId": "AIDA5SANDBOXSANDBOX05",
    }


def test_where(aws):
    found = aws.call("index:getRegion")

    assert (found["region"], found["description"]) == ("eu-central-1", "Europe (Frankfurt)")
    assert aws.call("index:getRegion", region="us-east-1")["endpoint"] == (
        "ec2.us-east-1.amazonaws.com"
    )
    assert aws.call("index:getPartition")["dnsSuffix"] == "amazonaws.com"
    with pytest.raises(ApiError, match='"eu-middle-1" is no region of AWS'):
        aws.call("index:getRegion", region="eu-middle-1")


def test_zones_of_a_region(aws):
    found = aws.call("index:getAvailabilityZones", state="available")

    assert found["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert found["zoneIds"] == ["euc1-az1", "euc1-az2", "euc1-az3"]
    filters = [{"name": "zone-id", "values": ["euc1-az2"]}]
    assert aws.call("index:getAvailabilityZones", filters=filters)["names"] == ["eu-central-1b"]
    without = aws.call("index:getAvailabilityZones", excludeNames=["eu-central-1a"])
    assert without["names"] == ["eu-central-1b", "eu-central-1c"]
    with pytest.raises(ApiError, match="The filter 'colour' is invalid"):
        aws.call("index:getAvailabilityZones", filters=[{"name": "colour", "values": ["red"]}])


def test_an_image_is_found_by_its_name(aws):
    filters = [
        {"name": "name", "values": ["debian-12-amd64-*"]},
        {"name": "architecture", "values": ["x86_64"]},
    ]
    found = aws.call("ec2:getAmi", owners=[DEBIAN], mostRecent=True, filters=filters)

    assert found["name"].startswith("debian-12-amd64-")
    assert found["id"] == found["imageId"]
    assert found["rootDeviceName"] == "/dev/xvda"
    again = aws.call("ec2:getAmi", filters=[{"name": "image-id", "values": [found["id"]]}])
    assert again["creationDate"] == found["creationDate"]
    there = aws.elsewhere("eu-west-1").call("ec2:getAmi", owners=[DEBIAN], mostRecent=True)
    assert there["id"] != found["id"]


@pytest.mark.parametrize("owner", ["self", ACCOUNT])
def test_systems_that_nobody_publishes_any_more_are_images_of_the_account(aws, owner):
    old = [{"name": "name", "values": ["ubuntu-16.04"]}]
    windows = [{"name": "platform", "values": ["windows"]}]

    found = aws.call("ec2:getAmi", owners=[owner], filters=old)
    assert (found["rootDeviceName"], found["platform"]) == ("/dev/sda1", "")
    newest = aws.call("ec2:getAmi", owners=[owner], mostRecent=True, filters=windows)
    assert (newest["platform"], newest["public"]) == ("windows", False)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"owners": ["amazon"]}, "InvalidAMIID.NotFound: Your query returned no results."),
        (
            {"owners": [DEBIAN]},
            "InvalidParameterCombination: Your query returned more than one result.",
        ),
        ({"filters": [{"name": "nam", "values": ["x"]}]}, "The filter 'nam' is invalid"),
    ],
)
def test_an_image_that_is_not_found(aws, arguments, reason):
    with pytest.raises(ApiError) as refused:
        aws.call("ec2:getAmi", **arguments)

    assert reason in str(refused.value)


def test_the_addresses_of_a_service(aws):
    name = "com.amazonaws.eu-central-1.s3"
    found = aws.call("ec2:getManagedPrefixList", name=name)
    plain = aws.call("ec2:getPrefixList", prefixListId=found["id"])

    assert [each["cidr"] for each in found["entries"]] == plain["cidrBlocks"]
    assert found["ownerId"] == "AWS"
    by_filter = aws.call(
        "ec2:getManagedPrefixList", filters=[{"name": "prefix-list-name", "values": [name]}]
    )
    assert by_filter["id"] == found["id"]
    with pytest.raises(ApiError, match="no matching Prefix List found"):
        aws.call("ec2:getPrefixList", name="com.amazonaws.eu-central-1.rds")


def test_an_argument_that_the_sdk_does_not_have(aws):
    with pytest.raises(RefusedError, match='did you mean "owners"'):
        aws.call("ec2:getAmi", owner=[DEBIAN])
