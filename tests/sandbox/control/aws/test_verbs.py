"""The kinds behind the real provider: what the engine sees of AWS's ids, names, tags and drift."""

import json

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.control import tamper, wire
from sandbox.control.wire import UNKNOWN, Secret
from tests.support.provider import serving, urn

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
TARGETS = "aws:lb/targetGroup:TargetGroup"


@pytest.fixture
def cloud(tmp_path):
    with serving("aws", tmp_path) as client:
        tags = json.dumps({"tags": {"environment": "test", "owner": "us"}})
        client.configure(region="eu-central-1", defaultTags=tags)
        yield client


@pytest.fixture
def vpc(cloud):
    return cloud.create(VPC, "vpc", {"cidrBlock": "10.30.0.0/16"})


def record(cloud, kind):
    (found,) = cloud.store.read().of(kind)
    return found


def diff(cloud, kind, olds, news):
    request = provider_pb2.DiffRequest(
        urn=urn(kind, "x"), type=kind, old_inputs=wire.encode(olds), news=wire.encode(news)
    )
    return cloud.stub.Diff(request)


def test_a_type_that_is_not_emulated_is_refused_by_name(cloud):
    (found,) = cloud.refused("aws:ec2/ami:Ami", {})

    assert found.startswith(
        ": aws:ec2/ami:Ami is not emulated by the sandbox, so nothing was created."
    )


def test_a_type_and_a_property_that_the_sdk_does_not_have(cloud):
    assert "is not a resource type of pulumi_aws" in cloud.refused("aws:ec2/vpc:Vpcs", {})[0]
    assert cloud.refused(VPC, {"cidr_block": "10.30.0.0/16"}) == [
        'cidr_block: is not a property of Vpc; did you mean "cidrBlock"?'
    ]
    assert cloud.refused(VPC, {"enableDnsSupport": "yes"}) == [
        'enableDnsSupport: must be true or false, got "yes"'
    ]
    assert cloud.refused(SUBNET, {"cidrBlock": "10.30.0.0/24"}) == [
        "vpcId: is required by Subnet, but missing"
    ]


def test_the_engine_hears_the_short_id_and_the_record_is_the_arns(cloud, vpc):
    target, outputs = vpc

    assert target.startswith("vpc-")
    assert outputs["arn"] == record(cloud, VPC).id
    assert record(cloud, VPC).short == target


def test_tags_are_the_providers_with_the_resources_own_over_them(cloud):
    inputs = cloud.checked(VPC, "vpc", {"cidrBlock": "10.30.0.0/16", "tags": {"owner": "them"}})

    assert inputs["tags"] == {"owner": "them"}
    assert inputs["tagsAll"] == {"environment": "test", "owner": "them"}
    assert inputs["region"] == "eu-central-1"


def test_tags_that_a_preview_does_not_know(cloud):
    inputs = cloud.checked(VPC, "vpc", {"cidrBlock": "10.30.0.0/16", "tags": {"owner": UNKNOWN}})

    assert inputs["tagsAll"] is UNKNOWN


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"aws:owner": "x"}, "Tag keys starting with 'aws:' are reserved for internal use"),
        ({"owner": "x" * 257}, "a tag's value has up to 256 letters, digits, spaces and _ . : /"),
        ({"own*r": "x"}, "a tag's key has 1 to 128 letters, digits, spaces and _ . : / = + - @"),
        ({f"k{n}": "x" for n in range(49)}, "The maximum number of tags has been reached: 50."),
    ],
)
def test_tags_that_aws_refuses(cloud, tags, reason):
    (found,) = cloud.refused(VPC, {"cidrBlock": "10.30.0.0/16", "tags": tags})

    assert reason in found


def test_a_name_is_made_up_kept_and_replaced_beside_the_old_one(cloud, vpc):
    inputs = cloud.checked(GROUP, "web", {"vpcId": vpc[0]})
    again = cloud.checked(GROUP, "web", {"vpcId": vpc[0], "description": "web nodes"}, inputs)

    assert inputs["name"].startswith("web-")
    assert inputs["__defaults"] == ["name"]
    assert again["name"] == inputs["name"]
    found = diff(cloud, GROUP, inputs, again)
    assert (list(found.replaces), found.deleteBeforeReplace) == (["description"], False)


def test_what_the_program_names_goes_before_it_comes_again(cloud, vpc):
    inputs = cloud.checked(GROUP, "web", {"vpcId": vpc[0], "name": "web"})
    again = cloud.checked(GROUP, "web", {"vpcId": vpc[0], "name": "web", "description": "x"})

    assert diff(cloud, GROUP, inputs, again).deleteBeforeReplace
    other = cloud.checked(GROUP, "web", {"vpcId": vpc[0], "name": "WEB"})
    assert list(diff(cloud, GROUP, inputs, other).replaces) == ["name"]


def test_a_name_that_is_too_long_is_refused(cloud):
    (found,) = (
        f"{each.property}: {each.reason}" for each in cloud.check(TARGETS, "t" * 30, {}).failures
    )

    assert found == (
        f'name: must have 1 to 32 characters, got 38: "{"t" * 30}-'
        f"{found.split('-')[1][:7]}\" (made of the resource's name and 7 random characters)"
    )


def test_another_region_is_another_resource(cloud):
    inputs = cloud.checked(VPC, "vpc", {"cidrBlock": "10.30.0.0/16"})
    there = cloud.checked(VPC, "vpc", {"cidrBlock": "10.30.0.0/16", "region": "eu-west-1"})
    target, outputs = cloud.create(VPC, "there", there)

    assert list(diff(cloud, VPC, inputs, there).replaces) == ["region"]
    assert outputs["arn"].startswith("arn:aws:ec2:eu-west-1:")
    assert cloud.read(VPC, f"{target}@eu-west-1").id == target


def test_a_preview_knows_no_id_and_what_the_program_says(cloud):
    target, outputs = cloud.create(VPC, "vpc", {"cidrBlock": "10.30.0.0/16"}, preview=True)

    assert target == ""
    assert outputs["cidrBlock"] == "10.30.0.0/16"
    assert outputs["arn"] is UNKNOWN
    inputs = cloud.checked(SUBNET, "web", {"vpcId": UNKNOWN, "cidrBlock": UNKNOWN})
    assert inputs["vpcId"] is UNKNOWN


def test_what_is_imported_is_found_by_id_and_type(cloud, vpc):
    found = cloud.read(VPC, vpc[0])

    assert found.id == vpc[0]
    assert wire.decode(found.inputs)["cidrBlock"] == "10.30.0.0/16"
    assert cloud.read(SUBNET, vpc[0]).id == ""
    assert cloud.read(VPC, "vpc-0123456789abcdef0").id == ""
    assert cloud.read(VPC, str(vpc[1]["arn"])).id == vpc[0]


def test_drift_is_seen_by_a_refresh(cloud, vpc):
    tamper.edit(cloud.store, vpc[0], "enableDnsHostnames", True)
    tamper.edit(cloud.store, str(vpc[1]["arn"]), "tags", {"owner": "someone"})
    found = cloud.read(VPC, vpc[0])

    assert wire.decode(found.properties)["enableDnsHostnames"] is True
    assert wire.decode(found.inputs)["tags"] == {"owner": "someone"}


def test_what_somebody_deletes_is_gone_with_all_that_goes_with_it(cloud, vpc):
    group, _ = cloud.create(GROUP, "web", {"vpcId": vpc[0]})
    rule = {
        "securityGroupId": group,
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "0.0.0.0/0",
    }
    kind = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    target, _ = cloud.create(kind, "out", rule)
    tamper.delete(cloud.store, group)

    assert cloud.read(GROUP, group).id == ""
    assert cloud.read(kind, target).id == ""
    cloud.delete(GROUP, group)
    cloud.delete(VPC, vpc[0])


def test_what_others_use_is_not_deleted(cloud, vpc):
    cloud.create(SUBNET, "web", {"vpcId": vpc[0], "cidrBlock": "10.30.0.0/24"})

    with pytest.raises(grpc.RpcError) as refused:
        cloud.delete(VPC, vpc[0])
    assert refused.value.details().startswith(
        f"api error DependencyViolation: The vpc '{vpc[0]}' has dependencies"
    )
    assert cloud.read(VPC, vpc[0]).id == vpc[0]


def test_secrets_of_a_program_stay_secret(cloud):
    _, outputs = cloud.create(
        VPC, "vpc", {"cidrBlock": "10.30.0.0/16", "tags": {"token": Secret("hidden")}}
    )

    assert "hidden" not in repr(outputs)


def test_ids_are_compared_with_case(cloud, vpc):
    inputs = {"vpcId": vpc[0].replace("vpc-", "VPC-"), "cidrBlock": "10.30.0.0/24"}
    with pytest.raises(grpc.RpcError, match=r"InvalidVpcID\.NotFound"):
        cloud.create(SUBNET, "web", inputs)


def test_what_is_called_as_another_resource_is_is_told_from_it(cloud):
    topic, outputs = cloud.create("aws:sns/topic:Topic", "people", {})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kind = "aws:sns/topicPolicy:TopicPolicy"
    policy, _ = cloud.create(kind, "people", {"arn": topic, "policy": document})

    assert policy == topic == outputs["arn"]
    assert "policy" in wire.decode(cloud.read(kind, policy).inputs)
    cloud.delete(kind, policy)
    assert cloud.read(kind, policy).id == ""
    cloud.delete(kind, policy)
    assert cloud.read("aws:sns/topic:Topic", topic).id == topic
