"""The neutral view of instances: everything that a fabric boots them from."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.control import settings
from sandbox.control.aws import fleet
from sandbox.control.aws.instance_records import of_record
from sandbox.control.kinds import ApiError
from tests.sandbox.control.aws.test_groups import (
    DRAINING,
    SERVING,
    TRUST,
    USER_DATA,
    ami,
    make,
    template,
)
from tests.support.account import ACCOUNT, REGION
from tests.support.world import RefusedError


def profile(aws):
    aws.create("iam:Role", name="web", assumeRolePolicy=TRUST)
    return aws.create("iam:InstanceProfile", name="web-profile", role="web")


def single(site, **changes):
    return site.aws.create(
        "ec2:Instance",
        "single",
        ami=ami(site.aws),
        instanceType="m6i.large",
        subnetId=site.subnet.short,
        vpcSecurityGroupIds=[site.group.short],
        **changes,
    )


def test_an_instance_of_a_group_is_known_completely(site):
    settings.apply(site.aws.store, IPv4Network("198.18.16.0/20"))
    own = profile(site.aws)
    shown = {"httpTokens": "required", "instanceMetadataTags": "enabled"}
    made = make(
        site,
        template(site, iamInstanceProfile={"name": "web-profile"}, metadataOptions=shown),
        minSize=1,
        initialLifecycleHooks=[SERVING, DRAINING],
        healthCheckGracePeriod=120,
        tags=[
            {"key": "environment", "value": "qa", "propagateAtLaunch": True},
            {"key": "own", "value": "x", "propagateAtLaunch": False},
        ],
    )
    (found,) = fleet.machines_of(site.aws.world)
    (instance,) = of_record(site.aws.world, made)

    assert found.id == f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{instance.id}"
    assert (found.instance_id, found.group) == (instance.id, made.id)
    assert (found.hostname, found.address) == ("ip-10-30-0-4", IPv4Address("10.30.0.4"))
    assert (found.subnet, found.network) == (site.subnet.short, site.vpc.short)
    assert (found.region, found.zone) == (REGION, "eu-central-1a")
    assert (found.instance_type, found.vcpus, found.memory) == ("t3.medium", 2, 4096)
    assert (found.image, found.user_data) == (ami(site.aws), b"#cloud-config\n")
    assert found.profile == own.id
    assert found.security_groups == (site.group.short,)
    assert (found.tokens_required, found.hop_limit, found.metadata) == (True, 1, True)
    assert found.metadata_tags
    assert found.tags == {"environment": "qa", "aws:autoscaling:groupName": "web"}
    assert (found.health_type, found.grace_seconds) == ("EC2", 120.0)
    assert (found.lifecycle, found.hooks) == ("Pending:Wait", ("serving",))
    assert (found.hold_seconds, found.hold_result) == (900.0, "ABANDON")
    assert (found.notice_seconds, found.leaving, found.health) == (300.0, False, "Healthy")
    assert "cloud-config" not in repr(found)


def test_what_runs_keeps_the_version_that_it_was_launched_from(site):
    made = template(site)
    group = make(site, made, minSize=1)
    changed = site.aws.update(made, instanceType="m6i.large")
    reference = {"id": changed.short, "version": "2"}
    site.aws.update(group, launchTemplate=reference, desiredCapacity=2)

    assert [each.instance_type for each in fleet.machines_of(site.aws.world)] == [
        "t3.medium",
        "m6i.large",
    ]
    site.aws.delete(changed)
    assert [each.vcpus for each in fleet.machines_of(site.aws.world)] == [2, 2]


def test_what_is_not_asked_for_is_off(site):
    make(site, template(site, metadataOptions={}), minSize=1)
    (found,) = fleet.machines_of(site.aws.world)

    assert (found.tokens_required, found.metadata_tags, found.profile) == (False, False, None)
    assert (found.hold_seconds, found.notice_seconds) == (None, 0.0)


def test_a_single_instance_looks_alike(site):
    own = profile(site.aws)
    made = single(
        site,
        privateIp="10.30.0.9",
        userDataBase64=USER_DATA,
        iamInstanceProfile="web-profile",
        tags={"Name": "web-1"},
    )
    (found,) = fleet.machines_of(site.aws.world)

    assert (found.id, found.instance_id, found.group) == (made.id, made.short, made.id)
    assert (found.address, found.hostname) == (IPv4Address("10.30.0.9"), "ip-10-30-0-9")
    assert found.interface == made.outputs["primaryNetworkInterfaceId"]
    assert (found.user_data, found.profile) == (b"#cloud-config\n", own.id)
    assert (found.vcpus, found.memory) == (2, 8192)
    assert found.tags == {"Name": "web-1"}
    assert found.incarnation == made.incarnation


def test_a_single_instance_keeps_its_address_and_frees_it(site):
    made = single(site)
    interface = made.outputs["primaryNetworkInterfaceId"]
    changed = site.aws.update(made, tags={"a": "b"})

    assert made.outputs["privateIp"] == changed.outputs["privateIp"] == "10.30.0.4"
    assert site.aws.world.find(interface) is not None
    with pytest.raises(RefusedError, match=r"Address 10\.30\.0\.4 is in use"):
        site.aws.create(
            "ec2:Instance",
            "second",
            ami=ami(site.aws),
            instanceType="m6i.large",
            subnetId=site.subnet.short,
            privateIp="10.30.0.4",
        )
    site.aws.delete(changed)
    assert site.aws.world.find(interface) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"privateIp": "10.30.0.2"}, "privateIp: Address is in subnet's reserved address range"),
        ({"privateIp": "10.30.1.9"}, "privateIp: Address does not fall within the subnet's"),
        (
            {"availabilityZone": "eu-central-1b"},
            "availabilityZone: The availability zone eu-central-1b does not match the subnet's",
        ),
        (
            {"iamInstanceProfile": "nobody"},
            "iamInstanceProfile: Invalid IAM Instance Profile name nobody",
        ),
        ({"keyName": "me"}, "keyName: the sandbox does not emulate this: use Session Manager"),
        (
            {"associatePublicIpAddress": True},
            "associatePublicIpAddress: the sandbox does not emulate this",
        ),
        (
            {"userData": "x" * 16_385},
            "userData: User data is limited to 16384 bytes; it has 16385",
        ),
    ],
)
def test_a_single_instance_that_ec2_refuses(site, changes, expected):
    with pytest.raises(RefusedError) as refused:
        single(site, **changes)

    assert str(refused.value).startswith(expected)


def test_new_user_data_of_a_machine_that_exists_is_a_new_machine(site):
    made = single(site, userDataBase64=USER_DATA)

    with pytest.raises(RefusedError, match="set userDataReplaceOnChange"):
        site.aws.update(made, userDataBase64="Y2hhbmdlZA==")
    assert site.aws.replaced_by(made, privateIp="10.30.0.7") == ["privateIp"]


def test_termination_protection_keeps_an_instance(site):
    made = single(site, disableApiTermination=True)

    with pytest.raises(ApiError, match="OperationNotPermitted: The instance"):
        site.aws.delete(made)


def test_an_alarm_does_not_hold_the_machine_that_it_watches(site):
    """AWS terminates it whatever looks at its metrics; the alarm then has no data."""
    made = single(site)
    site.aws.create(
        "cloudwatch:MetricAlarm",
        name="busy",
        namespace="AWS/EC2",
        metricName="CPUUtilization",
        dimensions={"InstanceId": made.short},
        statistic="Average",
        period=300,
        evaluationPeriods=1,
        comparisonOperator="GreaterThanThreshold",
        threshold=90.0,
    )

    site.aws.delete(made)
