import base64
import gzip

import pytest

from sandbox.control.aws import launch_templates
from tests.sandbox.control.aws.test_groups import content, template
from tests.support.account import ACCOUNT, REGION
from tests.support.world import RefusedError


def encoded(content_):
    return base64.b64encode(content_).decode()


def test_a_template_begins_with_version_1(site):
    made = template(site)

    assert made.short.startswith("lt-")
    assert made.id == f"arn:aws:ec2:{REGION}:{ACCOUNT}:launch-template/{made.short}"
    assert (made.outputs["latestVersion"], made.outputs["defaultVersion"]) == (1, 1)


def test_each_change_of_content_is_a_version_more_and_the_old_ones_stay(site):
    made = template(site)
    changed = site.aws.update(made, instanceType="t3.large")
    first = launch_templates.version(site.aws.world, changed, 1)
    second = launch_templates.version(site.aws.world, changed, 2)

    assert (changed.outputs["latestVersion"], changed.outputs["defaultVersion"]) == (2, 1)
    assert first is not None
    assert second is not None
    assert (first["instanceType"], second["instanceType"]) == ("t3.medium", "t3.large")


def test_a_template_can_make_its_latest_version_the_default(site):
    made = template(site, updateDefaultVersion=True)

    assert site.aws.update(made, instanceType="t3.large").outputs["defaultVersion"] == 2


def test_tags_are_no_content(site):
    made = template(site)

    assert site.aws.update(made, tags={"a": "b"}).outputs["latestVersion"] == 1


@pytest.mark.parametrize(
    ("written", "expected"),
    [("", 1), ("$Default", 1), ("$Latest", 2), ("2", 2), ("two", None)],
)
def test_a_version_is_named_by_a_number_or_by_what_it_is(site, written, expected):
    made = site.aws.update(template(site), instanceType="t3.large")

    assert launch_templates.number_of(made, written) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"userData": "no base64"},
            ("userData: Invalid BASE64 encoding of user data. (InvalidUserData.Malformed)"),
        ),
        (
            {"userData": encoded(b"x" * 16_385)},
            "userData: User data is limited to 16384 bytes; it has 16385 (InvalidParameterValue)",
        ),
        (
            {"userData": encoded(gzip.compress(b"x" * 99)[:-9])},
            "userData: is no whole gzip file: ",
        ),
        (
            {"instanceType": "t9.huge"},
            "instanceType: Invalid instance type: t9.huge",
        ),
        (
            {"instanceType": "m6i.large", "creditSpecification": {"cpuCredits": "standard"}},
            "creditSpecification.cpuCredits: m6i.large has no CPU credits (UnsupportedOperation)",
        ),
        (
            {"metadataOptions": {"httpTokens": "always"}},
            (
                "metadataOptions.httpTokens: must be one of optional, required, got 'always' "
                "(InvalidParameterValue)"
            ),
        ),
        (
            {"metadataOptions": {"httpPutResponseHopLimit": 65}},
            (
                "metadataOptions.httpPutResponseHopLimit: must be 1 to 64, got 65 "
                "(InvalidParameterValue)"
            ),
        ),
        (
            {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp9"}}]},
            "blockDeviceMappings[0].ebs.volumeType: Value (gp9) for parameter volumeType is inv",
        ),
        (
            {"blockDeviceMappings": [{"ebs": {"volumeType": "gp3", "iops": 1000}}]},
            "blockDeviceMappings[0].ebs.iops: must be 3000 to 80000 for gp3, got 1000",
        ),
        (
            {"networkInterfaces": [{"associatePublicIpAddress": "true"}]},
            (
                "networkInterfaces[0].associatePublicIpAddress: the sandbox does not emulate this: "
                "machines have private addresses only"
            ),
        ),
        (
            {
                "metadataOptions": {"instanceMetadataTags": "enabled"},
                "tagSpecifications": [{"resourceType": "instance", "tags": {"cost/center": "7"}}],
            },
            "tagSpecifications: 'cost/center' is not a valid tag key.",
        ),
        ({"keyName": "me"}, "keyName: the sandbox does not emulate this: use Session Manager"),
    ],
)
def test_a_template_that_ec2_refuses(aws, changes, expected):
    found = aws.problems("ec2:LaunchTemplate", **changes)

    assert any(line.startswith(expected) for line in found), found


def test_a_template_as_ec2_takes_it(aws):
    found = aws.problems(
        "ec2:LaunchTemplate",
        userData=encoded(gzip.compress(b"x" * 100_000)),
        instanceType="t3.medium",
        creditSpecification={"cpuCredits": "standard"},
        networkInterfaces=[{"associatePublicIpAddress": "false", "deviceIndex": 0}],
        blockDeviceMappings=[
            {
                "deviceName": "/dev/xvda",
                "ebs": {
                    "volumeType": "gp3",
                    "volumeSize": 30,
                    "iops": 3000,
                    "throughput": 125,
                    "encrypted": "true",
                },
            }
        ],
    )

    assert found == []


def test_a_volume_is_no_smaller_than_its_image(site):
    small = [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 4}}]

    with pytest.raises(RefusedError, match=r"expect size >= 8GB \(InvalidBlockDeviceMapping\)"):
        site.aws.create("ec2:LaunchTemplate", **content(site, blockDeviceMappings=small))


def test_template_names_are_taken_once(site):
    template(site)

    with pytest.raises(RefusedError, match="Launch template name already in use"):
        template(site)
