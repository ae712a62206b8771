from itertools import pairwise

import pytest

from tests.support.aws import deployed
from tests.support.azure import changed
from tests.support.cloud import World

MACHINE = "aws:ec2/instance:Instance"
TARGET = "aws:lb/targetGroupAttachment:TargetGroupAttachment"


@pytest.fixture(scope="module")
def fixed() -> World:
    web = {"nodes": "fixed", "count": 4, "size": "m6i.large", "zones": [1, 2]}
    return deployed(changed("dev-aws", web=web))


def test_each_node_is_a_machine_with_an_address_that_stays(fixed: World) -> None:
    machines = fixed.of_type(MACHINE)
    assert list(machines) == [f"test-web-nodes-{n}" for n in (1, 2, 3, 4)]
    # Zones take turns, and machines of groups are at the other end.
    assert [(m["privateIp"], m["subnetId"]) for m in machines.values()] == [
        ("10.20.0.253", "test-network-web-a-id"),
        ("10.20.1.253", "test-network-web-b-id"),
        ("10.20.0.252", "test-network-web-a-id"),
        ("10.20.1.252", "test-network-web-b-id"),
    ]


def test_outputs_name_every_node(fixed: World) -> None:
    web = fixed.result.outputs["groups"]["web"]
    assert web["kind"] == "fixed"
    assert web["addresses"] == ["10.20.0.253", "10.20.1.253", "10.20.0.252", "10.20.1.252"]
    assert [fixed.value(name) for name in web["names"]] == [
        f"{name}-id" for name in fixed.of_type(MACHINE)
    ]


def test_web_machines_join_the_load_balancer(fixed: World) -> None:
    targets = fixed.of_type(TARGET)
    assert [t["targetId"] for t in targets.values()] == [
        f"{name}-id" for name in fixed.of_type(MACHINE)
    ]
    assert {t["port"] for t in targets.values()} == {12800}


def test_a_machine_is_as_safe_as_one_of_a_group(fixed: World) -> None:
    for machine in fixed.of_type(MACHINE).values():
        assert machine["metadataOptions"]["httpTokens"] == "required"
        assert machine["metadataOptions"]["httpPutResponseHopLimit"] == 1
        assert machine["associatePublicIpAddress"] is False
        assert machine["rootBlockDevice"]["encrypted"] is True
        assert machine["rootBlockDevice"]["deleteOnTermination"] is True
        assert machine["vpcSecurityGroupIds"] == ["test-network-firewall-web-id"]
        assert machine["iamInstanceProfile"] == "test-web-identity-profile"
        assert (machine["monitoring"], machine["ebsOptimized"]) == (True, True)
        assert "keyName" not in machine


def test_nodes_follow_each_other(fixed: World) -> None:
    options = fixed.options_of(MACHINE)
    for before, after in pairwise(fixed.of_type(MACHINE)):
        waits_for = {urn.partition("::")[2] for urn in options[after].depends_on}
        assert f"{before}-target" in waits_for


def test_content_replaces_one_machine_before_the_next(fixed: World) -> None:
    for options in fixed.options_of(MACHINE).values():
        assert options.delete_before_replace
        assert {"ami", "instanceType", "userDataBase64"} <= set(options.replace_on_changes)


def test_each_machine_has_alarms_of_its_own(fixed: World) -> None:
    alarms = fixed.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    alive = alarms["test-monitoring-web-3-alive"]
    assert alive["metricName"] == "StatusCheckFailed"
    assert alive["dimensions"] == {"InstanceId": "test-web-nodes-3-id"}
