import base64
import json

import pytest

from sandbox.control.aws import groups, instances
from sandbox.control.aws.instance_records import of_record
from sandbox.control.kinds import ApiError
from sandbox.control.world import StoreTransaction
from tests.support.account import ACCOUNT, REGION
from tests.support.world import RefusedError

USER_DATA = base64.b64encode(b"#cloud-config\n").decode()
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
SERVING = {
    "name": "serving",
    "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
    "heartbeatTimeout": 900,
    "defaultResult": "ABANDON",
}
DRAINING = {
    "name": "draining",
    "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    "heartbeatTimeout": 300,
    "defaultResult": "CONTINUE",
}


def ami(aws):
    found = aws.call(
        "ec2:getAmi",
        owners=["136693071363"],
        filters=[{"name": "name", "values": ["debian-12-amd64-20250210-2019"]}],
    )
    return found["id"]


def content(site, **changes):
    return {
        "imageId": ami(site.aws),
        "instanceType": "t3.medium",
        "userData": USER_DATA,
        "vpcSecurityGroupIds": [site.group.short],
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
        **changes,
    }


def template(site, name="web", **changes):
    return site.aws.create("ec2:LaunchTemplate", name=name, **content(site, **changes))


def inputs(site, made, **changes):
    return {
        "minSize": 2,
        "maxSize": 4,
        "vpcZoneIdentifiers": [subnet.short for subnet in site.subnets],
        "launchTemplate": {"id": made.short, "version": str(made.outputs["latestVersion"])},
        **changes,
    }


def make(site, made=None, name="web", **changes):
    return site.aws.create(
        "autoscaling:Group", name=name, **inputs(site, made or template(site), **changes)
    )


def test_a_group_has_as_many_instances_as_its_capacity(site):
    made = make(site, desiredCapacity=3)
    found = of_record(site.aws.world, made)

    assert made.short == made.outputs["name"] == "web"
    assert made.id.startswith(f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:")
    assert made.id.endswith(":autoScalingGroupName/web")
    assert made.outputs["desiredCapacity"] == 3
    assert made.outputs["availabilityZones"] == ["eu-central-1a", "eu-central-1b"]
    assert len(found) == 3
    assert {each.lifecycle for each in found} == {"InService"}


def test_without_a_wish_a_group_begins_with_its_least(site):
    assert make(site).outputs["desiredCapacity"] == 2


def test_instances_are_spread_over_zones_with_addresses_and_interfaces_of_their_own(site):
    found = of_record(site.aws.world, make(site, desiredCapacity=3))

    assert [each.zone for each in found].count("eu-central-1a") == 2
    assert sorted(str(each.address) for each in found) == ["10.30.0.4", "10.30.0.5", "10.30.1.4"]
    assert len({each.interface for each in found}) == 3
    assert len({each.id for each in found}) == 3
    for each in found:
        interface = site.aws.world.find(each.interface)
        assert interface is not None
        assert interface.outputs["privateIp"] == str(each.address)
        assert interface.inputs["securityGroups"] == [site.group.short]


def test_instances_hold_their_security_group(site):
    made = make(site)

    with pytest.raises(ApiError, match="DependencyViolation"):
        site.aws.delete(site.group)
    site.aws.delete(made)
    site.aws.delete(site.group)


def test_growing_leaves_instances_as_they_are(site):
    made = make(site)
    before = of_record(site.aws.world, made)
    changed = site.aws.update(made, desiredCapacity=4)

    assert set(before) < set(of_record(site.aws.world, changed))


def test_shrinking_takes_the_oldest_of_the_fullest_zone_and_frees_its_address(site):
    made = make(site, desiredCapacity=3)
    before = of_record(site.aws.world, made)
    oldest = min(
        (each for each in before if each.zone == "eu-central-1a"),
        key=lambda each: (each.created, each.id),
    )
    changed = site.aws.update(made, desiredCapacity=2)
    left = of_record(site.aws.world, changed)

    assert oldest not in left
    assert len(left) == 2
    assert site.aws.world.find(oldest.interface) is None


def test_bounds_move_the_capacity(site):
    made = make(site)

    assert site.aws.update(made, minSize=3).outputs["desiredCapacity"] == 3
    assert len(of_record(site.aws.world, site.aws.again(made))) == 3


def test_a_capacity_that_somebody_set_stays(site):
    made = make(site)
    with site.aws.store.change() as rows:
        transaction = StoreTransaction(
            rows, ACCOUNT, changes=rows, kinds=site.aws.provider.package.kinds.get, region=REGION
        )
        groups.scale(transaction, "web", 4)
    changed = site.aws.update(site.aws.again(made), healthCheckGracePeriod=60)

    assert changed.outputs["desiredCapacity"] == 4
    assert len(of_record(site.aws.world, changed)) == 4


@pytest.mark.parametrize(("desired", "words"), [(1, "1 is below min value 2"), (5, "above max")])
def test_a_capacity_outside_of_the_bounds_is_refused(site, desired, words):
    make(site)

    with site.aws.store.trial() as rows, pytest.raises(ApiError, match=words):
        groups.scale(StoreTransaction(rows, ACCOUNT, changes=rows, region=REGION), "web", desired)


def test_deleting_a_group_takes_its_instances(site):
    made = make(site)
    found = of_record(site.aws.world, made)
    site.aws.delete(made)

    assert all(site.aws.world.find(each.interface) is None for each in found)
    assert not instances.unsettled(site.aws.world)
    again = of_record(site.aws.world, make(site, template(site, "other")))
    assert [str(each.address) for each in again] == ["10.30.0.4", "10.30.1.4"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"minSize": 5}, "minSize: Min bound, 5, is greater than max bound, 4 (ValidationError)"),
        (
            {"desiredCapacity": 5},
            (
                "desiredCapacity: Desired capacity:5 must be between the specified min size:2 and "
                "max size:4 (ValidationError)"
            ),
        ),
        (
            {"healthCheckType": "HTTP"},
            "healthCheckType: must be one of EC2, ELB, got 'HTTP' (ValidationError)",
        ),
        (
            {"waitForCapacityTimeout": "soon"},
            'waitForCapacityTimeout: "waitForCapacityTimeout" cannot be parsed as a duration: ',
        ),
        (
            {"initialLifecycleHooks": [{**SERVING, "heartbeatTimeout": 10}]},
            (
                "initialLifecycleHooks[0].heartbeatTimeout: Heartbeat timeout must be between 30 "
                "and 7200 seconds, got 10 (ValidationError)"
            ),
        ),
        (
            {"initialLifecycleHooks": [SERVING, SERVING]},
            "initialLifecycleHooks: names a hook twice (ValidationError)",
        ),
        (
            {"enabledMetrics": ["GroupSize"]},
            "enabledMetrics[0]: must be one of GroupMinSize, ",
        ),
        (
            {"launchConfiguration": "old"},
            "launchConfiguration: the sandbox does not emulate this: use a launch template",
        ),
        (
            {"tags": [{"key": "aws:x", "value": "y", "propagateAtLaunch": True}]},
            "tags[0].key: a tag's key has 1 to 128 characters and doesn't start with aws:",
        ),
    ],
)
def test_a_group_that_auto_scaling_refuses(aws, changes, expected):
    given = {"minSize": 2, "maxSize": 4, **changes}

    found = aws.problems("autoscaling:Group", **given)
    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"imageId": "ami-00000000000000000"},
            "The image id '[ami-00000000000000000]' does not exist",
        ),
        ({"instanceType": None}, "The request must contain the parameter InstanceType"),
        (
            {"instanceType": "m7g.large"},
            "The architecture 'arm64' of the specified instance type does not match",
        ),
        (
            {"iamInstanceProfile": {"name": "nobody"}},
            "Invalid IAM Instance Profile name nobody",
        ),
    ],
)
def test_a_template_that_nothing_can_be_launched_from_is_refused(site, changes, expected):
    given = {k: v for k, v in content(site, **changes).items() if v is not None}

    def launch():
        make(site, site.aws.create("ec2:LaunchTemplate", name="web", **given))

    with pytest.raises(RefusedError) as refused:
        launch()
    assert expected in str(refused.value)


def test_a_version_must_exist(site):
    made = template(site)

    with pytest.raises(RefusedError, match="Could not find the specified version 7 for the launch"):
        make(site, made, launchTemplate={"id": made.short, "version": "7"})


def test_a_profile_without_a_role_gives_no_identity(site):
    role = site.aws.create("iam:Role", name="web", assumeRolePolicy=TRUST)
    site.aws.create("iam:InstanceProfile", name="web", role="web")
    made = template(site, iamInstanceProfile={"name": "web"})
    make(site, made)
    site.aws.delete(role)

    with pytest.raises(RefusedError, match="the instance profile web has no role"):
        make(site, made, name="other")


def test_load_balancer_checks_need_a_target_group(site):
    with pytest.raises(RefusedError, match="ELB health checks need a load balancer"):
        make(site, healthCheckType="ELB")


def test_a_group_needs_subnets_with_room(site):
    small = site.aws.create(
        "ec2:Subnet",
        "small",
        vpcId=site.vpc.short,
        cidrBlock="10.30.9.0/28",
        availabilityZone="eu-central-1a",
    )
    made = template(site)
    full = {"vpcZoneIdentifiers": [small.short], "maxSize": 20}

    assert len(of_record(site.aws.world, make(site, made, desiredCapacity=11, **full))) == 11
    with pytest.raises(RefusedError, match=r"\(InsufficientFreeAddressesInSubnet\)"):
        make(site, made, name="other", **full)
    with pytest.raises(RefusedError, match="At least one Availability Zone or VPC Subnet is requ"):
        make(site, made, name="none", vpcZoneIdentifiers=[])


def test_a_template_may_go_before_its_group(site):
    made = template(site)
    group = make(site, made)
    site.aws.delete(made)

    assert len(of_record(site.aws.world, site.aws.again(group))) == 2


def test_keys_that_the_metadata_service_cannot_show_are_refused(site):
    shown = {"httpTokens": "required", "instanceMetadataTags": "enabled"}
    made = template(site, metadataOptions=shown)
    tags = [{"key": "cost center", "value": "7", "propagateAtLaunch": True}]

    with pytest.raises(RefusedError, match="'cost center' is not a valid tag key"):
        make(site, made, tags=tags)
    kept = [{**tags[0], "propagateAtLaunch": False}]
    make(site, made, tags=kept)


def test_the_hooks_that_a_group_was_made_with_replace_it(site):
    made = make(site, initialLifecycleHooks=[SERVING])

    assert site.aws.replaced_by(made, initialLifecycleHooks=[DRAINING]) != []
    assert site.aws.replaced_by(made, maxSize=5) == []


def test_group_names_are_taken_once(site):
    make(site)

    with pytest.raises(RefusedError, match=r"AutoScalingGroup by this name already exists.*Alread"):
        make(site, template(site, "other"))


def tagged(**tags):
    return [{"key": key, "value": tags[key], "propagateAtLaunch": True} for key in tags]


def test_groups_are_found_by_their_tags(site):
    made = template(site)
    make(site, made, "one", tags=tagged(environment="dev", Name="compute"))
    make(site, made, "two", tags=tagged(environment="dev", Name="web"))
    make(site, made, "three", tags=tagged(environment="qa", Name="compute"))

    def found(**tags):
        filters = [{"name": f"tag:{key}", "values": [tags[key]]} for key in tags]
        return site.aws.call("autoscaling:getAmiIds", filters=filters)["names"]

    assert sorted(found(environment="dev")) == ["one", "two"]
    assert found(environment="dev", Name="compute") == ["one"]
    assert found(environment="production") == []
    with pytest.raises(ApiError, match="Filter type colour is not supported"):
        site.aws.call("autoscaling:getAmiIds", filters=[{"name": "colour", "values": ["red"]}])


def test_what_a_group_has_now_can_be_looked_up(site):
    make(site, desiredCapacity=3)
    found = site.aws.call("autoscaling:getGroup", name="web")

    assert (found["minSize"], found["desiredCapacity"], found["maxSize"]) == (2, 3, 4)
    with pytest.raises(ApiError, match=r"reading Auto Scaling Group \(api\): couldn't find"):
        site.aws.call("autoscaling:getGroup", name="api")
