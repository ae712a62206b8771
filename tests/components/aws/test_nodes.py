import base64
import gzip
import json
from typing import Any

import pytest
import yaml

from tests.support.aws import BALANCING, IMAGE, AwsCloud, deployed, policies, world
from tests.support.azure import changed
from tests.support.cloud import World

GROUP = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUPS = "arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:*"
ROLES = ("web", "compute")
OWN_IMAGE = "ami-00112233445566778"


def group(deployment: World, role: str) -> dict[str, Any]:
    return deployment.of_type(GROUP)[f"test-{role}-nodes"]


def template(deployment: World, role: str) -> dict[str, Any]:
    return deployment.of_type(TEMPLATE)[f"test-{role}-nodes-template"]


def node_json(deployment: World, role: str) -> dict[str, Any]:
    """What a node of the group reads at boot, out of its user data."""
    data = base64.b64decode(template(deployment, role)["userData"])
    assert len(data) <= 16 * 1024
    files = yaml.safe_load(gzip.decompress(data))["write_files"]
    (content,) = [file["content"] for file in files if file["path"].endswith("/node.json")]
    return json.loads(content)


@pytest.mark.parametrize("role", ROLES)
def test_a_group_names_its_template_by_number(role: str) -> None:
    assert group(world("dev-aws"), role)["launchTemplate"] == {
        "id": f"test-{role}-nodes-template-id",
        "version": "1",
    }


def test_a_group_stands_in_the_subnets_of_its_zones() -> None:
    assert group(world("dev-aws"), "web")["vpcZoneIdentifiers"] == [
        "test-network-web-a-id",
        "test-network-web-b-id",
    ]


@pytest.mark.parametrize("role", ROLES)
def test_the_metadata_service_answers_to_tokens_and_to_the_machine_alone(role: str) -> None:
    assert template(world("dev-aws"), role)["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
        "httpProtocolIpv6": "disabled",
        # For the name of the machine's group.
        "instanceMetadataTags": "enabled",
    }


@pytest.mark.parametrize("role", ROLES)
def test_no_node_has_a_public_address(role: str) -> None:
    (interface,) = template(world("dev-aws"), role)["networkInterfaces"]
    assert interface == {
        "deviceIndex": 0,
        "associatePublicIpAddress": "false",
        "deleteOnTermination": "true",
        "securityGroups": [f"test-network-firewall-{role}-id"],
    }


@pytest.mark.parametrize("role", ROLES)
def test_nobody_logs_in(role: str) -> None:
    assert "keyName" not in template(world("dev-aws"), role)


def test_disks_are_encrypted_and_as_the_settings_say() -> None:
    def disk(deployment: World) -> dict[str, Any]:
        (mapping,) = template(deployment, "compute")["blockDeviceMappings"]
        assert mapping["deviceName"] == "/dev/xvda"
        return mapping["ebs"]

    assert disk(world("dev-aws")) == {
        "volumeType": "gp3",
        "volumeSize": 32,
        "iops": 3000,
        "throughput": 125,
        "encrypted": "true",
        "deleteOnTermination": "true",
    }
    premium = changed("dev-aws", compute__disk={"size": 64, "performance": "premium"})
    assert disk(deployed(premium)) == {
        **disk(world("dev-aws")),
        "volumeSize": 64,
        "iops": 6000,
        "throughput": 250,
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_machine_is_its_roles_and_measured_each_minute(role: str) -> None:
    made = template(world("dev-aws"), role)
    assert made["iamInstanceProfile"] == {"name": f"test-{role}-identity-profile"}
    assert made["monitoring"] == {"enabled": True}
    assert made["ebsOptimized"] == "true"
    assert made["instanceInitiatedShutdownBehavior"] == "terminate"


def test_a_burstable_machine_slows_down_and_sends_no_bill() -> None:
    assert template(world("dev-aws"), "web")["creditSpecification"] == {"cpuCredits": "standard"}
    assert "creditSpecification" not in template(world("dev-aws"), "compute")


class Catalogue(AwsCloud):
    """AWS that remembers which images were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []

    def call(self, args: Any) -> Any:
        if args.token == IMAGE:
            self.asked.append(args.args)
        return super().call(args)


def test_the_stock_image_is_pinned_and_debians() -> None:
    cloud = Catalogue()
    deployed(changed("dev-aws"), cloud=cloud)
    for asked in cloud.asked:
        assert asked["owners"] == ["136693071363"]
        assert "mostRecent" not in asked
        assert asked["includeDeprecated"] is True
        assert asked["filters"] == [
            {"name": "name", "values": ["debian-12-amd64-20250210-2019"]},
            {"name": "architecture", "values": ["x86_64"]},
        ]
    assert template(world("dev-aws"), "web")["imageId"] == "ami-0123456789abcdef0"


def test_the_settings_image_takes_its_place() -> None:
    cloud = Catalogue()
    deployed(changed("dev-aws", runtime__imageId=OWN_IMAGE), cloud=cloud)
    for asked in cloud.asked:
        assert "owners" not in asked
        assert asked["filters"][0] == {"name": "image-id", "values": [OWN_IMAGE]}


def test_a_machine_counts_when_it_says_so_and_is_told_before_it_goes() -> None:
    for role in ROLES:
        launch, end = group(world("dev-aws"), role)["initialLifecycleHooks"]
        assert launch == {
            "name": "serving",
            "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "heartbeatTimeout": 900,
            "defaultResult": "ABANDON",
        }
        assert end == {
            "name": "draining",
            "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
            "heartbeatTimeout": 300,
            "defaultResult": "CONTINUE",
        }
        assert group(world("dev-aws"), role)["waitForCapacityTimeout"] == "40m"


def test_web_nodes_alone_join_the_load_balancer_and_are_replaced_by_its_word() -> None:
    web, compute = (group(world("dev-aws"), role) for role in ROLES)
    assert web["targetGroupArns"] == [f"{BALANCING}:targetgroup/web-/fedcba9876543210"]
    assert "targetGroupArns" not in compute
    assert (web["healthCheckType"], compute["healthCheckType"]) == ("ELB", "EC2")


def test_a_number_of_web_nodes_is_met_exactly_and_a_moving_one_at_the_beginning() -> None:
    web = group(world("dev-aws"), "web")
    assert web["waitForElbCapacity"] == 2
    assert "minElbCapacity" not in web
    scale = {"minimum": 3, "maximum": 6}
    moving = group(deployed(changed("dev-aws", web__count=None, web__autoscale=scale)), "web")
    assert moving["minElbCapacity"] == 3
    assert "waitForElbCapacity" not in moving
    compute = group(world("dev-aws"), "compute")
    assert not {"minElbCapacity", "waitForElbCapacity"} & set(compute)


def test_content_replaces_a_group_and_its_count_does_not() -> None:
    options = world("dev-aws").options_of(GROUP)["test-compute-nodes"]
    assert options.replace_on_changes == ("launchTemplate",)
    # The new one comes first, so nothing may give it the old one's name.
    assert not options.delete_before_replace
    assert "name" not in group(world("dev-aws"), "compute")


def test_the_autoscaler_owns_the_count_and_schedules_the_bounds() -> None:
    options = world("dev-aws").options_of(GROUP)
    assert options["test-compute-nodes"].ignore_changes == ("desiredCapacity",)
    assert options["test-web-nodes"].ignore_changes == ()
    schedule = {
        "name": "day",
        "days": ["Monday"],
        "start": "08:00",
        "end": "18:00",
        "timezone": "Europe/Berlin",
        "minimum": 3,
        "maximum": 4,
    }
    planned = deployed(changed("dev-aws", compute__autoscale__schedules=[schedule]))
    assert planned.options_of(GROUP)["test-compute-nodes"].ignore_changes == (
        "desiredCapacity",
        "minSize",
        "maxSize",
    )


def test_compute_nodes_begin_with_their_own_minimum() -> None:
    deployment = deployed(changed("dev-aws", web__count=5, compute__autoscale__minimum=3))
    compute, web = group(deployment, "compute"), group(deployment, "web")
    assert (compute["minSize"], compute["desiredCapacity"], compute["maxSize"]) == (3, 3, 4)
    assert (web["minSize"], web["desiredCapacity"], web["maxSize"]) == (5, 5, 5)


def test_tags_reach_machines_and_those_of_volumes_never_change() -> None:
    tagged = deployed(changed("dev-aws", tags={"owner": "me", "project-code": "x"}))
    tags = group(tagged, "web")["tags"]
    assert all(tag["propagateAtLaunch"] for tag in tags)
    assert {tag["key"]: tag["value"] for tag in tags} == {
        "Name": "test-web-nodes",
        "environment": "test",
        "managed-by": "pulumi",
        "owner": "me",
        "project": "operationalization",
        "project-code": "x",
    }
    assert template(tagged, "web") == template(world("dev-aws"), "web")
    assert [spec["resourceType"] for spec in template(tagged, "web")["tagSpecifications"]] == [
        "volume",
        "network-interface",
    ]


def test_nodes_know_where_secrets_files_and_database_are() -> None:
    web, compute = (node_json(world("dev-aws"), role) for role in ROLES)
    assert web["vault"] == {"uri": "test-abc123", "identity": "test-web-identity-profile"}
    assert web["database"] == {
        "host": "test-database-server.abcdefghijkl.eu-central-1.rds.amazonaws.com",
        "port": 5432,
        "name": "operationalization",
        "principal": "operationalization_migrator",
        "bootstrap": (
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:rds!db-test-database-server"
        ),
    }
    assert web["bundle"]["uri"].startswith("s3://test-abc123-artifacts/web/")
    assert compute["bundle"]["uri"].startswith("s3://test-abc123-artifacts/compute/")
    assert compute["database"]["principal"] == ""
    assert "bootstrap" not in compute["database"]


def test_bounds_do_not_reach_the_nodes() -> None:
    more = deployed(changed("dev-aws", compute__autoscale__maximum=40))
    for role in ROLES:
        assert template(more, role) == template(world("dev-aws"), role)


@pytest.mark.parametrize("role", ROLES)
def test_a_node_speaks_for_groups_of_its_own_name(role: str) -> None:
    (speaks,) = policies(world("dev-aws"), role)["speaks-for-group"]
    assert speaks["Resource"] == [f"{GROUPS}:autoScalingGroupName/test-{role}-nodes-*"]
    assert speaks["Condition"] == {"StringEquals": {"aws:ResourceTag/environment": "test"}}


def test_a_group_waits_for_what_its_nodes_need() -> None:
    for role in ROLES:
        component = world("dev-aws").options_of("operationalization:aws:NodeGroup")
        own = world("dev-aws").options_of(GROUP)[f"test-{role}-nodes"].depends_on
        waits_for = {
            urn.partition("::")[2] for urn in (*component[f"test-{role}-nodes"].depends_on, *own)
        }
        assert {
            "test-database-server",
            f"test-secrets-{role}-reads",
            f"test-artifacts-{role}-reads",
            f"test-artifacts-{role}-bundle",
            f"test-{role}-nodes-speaks",
            "test-network-endpoints-autoscaling",
            "test-network-nodes-a",
        } <= waits_for
        # Each of the two waits on the node for what the other one makes in the database.
        assert not {"test-compute-nodes", "test-web-nodes"} & waits_for
        if role == "web":
            assert "test-balancer-public-listener" in waits_for
            assert {"test-database-owner-logs-in", "test-database-owner-begins"} <= waits_for
