"""The dashboard on AWS: its body, and that each metric is one that the environment emits."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support import stacks
from tests.support.aws import deployed, world
from tests.support.azure import changed
from tests.support.cloud import World

GOLDEN = Path(__file__).parents[2] / "golden" / "dashboards"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"

MEASURED = {
    # "CloudWatch metrics for your Network Load Balancer": by balancer, or by targets too.
    "AWS/NetworkELB": {
        ("LoadBalancer",): {
            "ActiveFlowCount",
            "NewFlowCount",
            "TCP_Client_Reset_Count",
            "TCP_ELB_Reset_Count",
            "TCP_Target_Reset_Count",
        },
        ("LoadBalancer", "TargetGroup"): {"HealthyHostCount", "UnHealthyHostCount"},
    },
    # "Amazon CloudWatch instance-level metrics for Amazon RDS": of every engine.
    "AWS/RDS": {
        ("DBInstanceIdentifier",): {
            "CPUUtilization",
            "DatabaseConnections",
            "DiskQueueDepth",
            "FreeStorageSpace",
            "FreeableMemory",
            "ReadLatency",
            "WriteLatency",
        }
    },
    # "Amazon EC2 Auto Scaling metrics": those that the group turns on.
    "AWS/AutoScaling": {
        ("AutoScalingGroupName",): {"GroupDesiredCapacity", "GroupInServiceInstances"}
    },
    # "List the available CloudWatch metrics for your instances".
    "AWS/EC2": {
        ("AutoScalingGroupName",): {"CPUUtilization"},
        ("InstanceId",): {"CPUUtilization", "StatusCheckFailed"},
    },
}


@pytest.fixture(scope="module")
def fixed() -> World:
    web = {"nodes": "fixed", "count": 2, "size": "m6i.large", "zones": [1, 2]}
    return deployed(changed("dev-aws", web=web))


def widgets(deployment: World) -> list[dict[str, Any]]:
    return json.loads(deployment.only(DASHBOARD)["dashboardBody"])["widgets"]


def metrics(deployment: World) -> list[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of every metric."""
    found = []
    for widget in widgets(deployment):
        for namespace, name, *rest in widget["properties"].get("metrics", ()):
            *dimensions, drawn = rest
            assert set(drawn) == {"label", "stat"}
            found.append(
                (namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True)))
            )
    return found


@pytest.mark.parametrize("name", [each for each in stacks.NAMES if "aws" in each])
def test_the_body_is_the_golden_one(name: str) -> None:
    # To accept a change: UPDATE_GOLDEN=1 scripts/test tests/components/aws/test_dashboard.py
    golden = GOLDEN / f"{name}.json"
    found = world(name).only(DASHBOARD)["dashboardBody"] + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found)
    assert found == golden.read_text()


def test_every_metric_is_one_that_the_environment_emits(fixed: World) -> None:
    for deployment in (world("dev-aws"), world("dev-onebox-aws"), fixed):
        for namespace, name, dimensions in metrics(deployment):
            assert name in MEASURED[namespace][tuple(dimensions)], (namespace, name)


def test_groups_emit_what_the_dashboard_shows_of_them() -> None:
    turned_on = [
        set(group["enabledMetrics"])
        for group in world("dev-aws").of_type("aws:autoscaling/group:Group").values()
    ]
    shown = {
        name for namespace, name, _ in metrics(world("dev-aws")) if namespace == "AWS/AutoScaling"
    }
    assert shown
    assert all(shown <= each for each in turned_on)


def test_what_alarms_look_at_is_shown(fixed: World) -> None:
    for deployment in (world("dev-aws"), world("dev-onebox-aws"), fixed):
        shown = metrics(deployment)
        for name, alarm in deployment.of_type(ALARM).items():
            if "-monitoring-" not in name:
                continue
            queries = [
                each["metric"] for each in alarm.get("metricQueries", ()) if "metric" in each
            ]
            for metric in queries or [alarm]:
                assert (metric["namespace"], metric["metricName"], metric["dimensions"]) in shown


def test_each_machine_of_a_fixed_group_has_a_line(fixed: World) -> None:
    failing = [of for _, name, of in metrics(fixed) if name == "StatusCheckFailed"]
    assert failing == [{"InstanceId": f"test-web-nodes-{n}-id"} for n in (1, 2)]


def test_widgets_are_in_the_region_and_on_the_grid() -> None:
    for widget in widgets(world("dev-aws")):
        assert widget["properties"].get("region", "eu-central-1") == "eu-central-1"
        assert widget["x"] + widget["width"] <= 24


def test_the_name_is_the_environments_own() -> None:
    assert world("dev-aws").only(DASHBOARD)["dashboardName"] == "test-abc123"


def test_without_a_server_it_says_where_the_database_is() -> None:
    texts = "\n".join(
        widget["properties"]["markdown"]
        for widget in widgets(world("dev-onebox-aws"))
        if widget["type"] == "text"
    )
    assert "The database is a file on the machine" in texts
    assert not any(namespace == "AWS/RDS" for namespace, *_ in metrics(world("dev-onebox-aws")))


def test_it_tells_when_certificates_end() -> None:
    assert "| web-server | 2028-01-01 |" in widgets(world("dev-aws"))[-1]["properties"]["markdown"]
