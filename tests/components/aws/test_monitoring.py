import json

import pytest

from tests.support.aws import deployed, world
from tests.support.azure import changed
from tests.support.cloud import World

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"
TOPIC_ARN = "arn:aws:sns:eu-central-1:111122223333:Topic/test-monitoring-people"


@pytest.fixture(scope="module")
def told() -> World:
    return deployed(changed("dev-aws", monitoring={"emails": ["operations@example.com"]}))


def alarms(deployment: World) -> dict[str, dict]:
    found = deployment.of_type(ALARM)
    return {
        name.removeprefix("test-monitoring-"): alarm
        for name, alarm in found.items()
        if name.startswith("test-monitoring-")
    }


def condition(alarm: dict) -> str:
    """An alarm's condition on one line."""
    what = f"{alarm.get('statistic', '')} {alarm.get('metricName', '')}"
    if "metricQueries" in alarm:
        total, *parts = alarm["metricQueries"]
        what = total["expression"]
        for part in parts:
            what = what.replace(part["id"], part["metric"]["metricName"])
    operator = alarm["comparisonOperator"].removesuffix("Threshold")
    return f"{what} {operator} {alarm['threshold']:.0f}"


def test_what_is_worth_an_alarm() -> None:
    assert {name: condition(alarm) for name, alarm in alarms(world("dev-aws")).items()} == {
        "compute-cpu": "Average CPUUtilization GreaterThan 90",
        "compute-missing": "GroupDesiredCapacity - GroupInServiceInstances GreaterThan 0",
        "data-path": "Maximum HealthyHostCount LessThan 1",
        "database-alive": "SampleCount CPUUtilization LessThan 1",
        # Nine tenths of the 390 connections that the server leaves to nodes.
        "database-connections": "Maximum DatabaseConnections GreaterThan 351",
        "database-cpu": "Average CPUUtilization GreaterThan 90",
        # A tenth of 32 GiB.
        "database-storage": "Minimum FreeStorageSpace LessThan 3435973837",
        "web-cpu": "Average CPUUtilization GreaterThan 90",
        "web-missing": "GroupDesiredCapacity - GroupInServiceInstances GreaterThan 0",
        "web-ready": "Maximum UnHealthyHostCount GreaterThan 0",
    }


def test_what_reports_nothing_is_down() -> None:
    found = alarms(world("dev-aws"))
    silent = {name for name, alarm in found.items() if alarm["treatMissingData"] == "breaching"}
    assert silent == {"data-path", "database-alive"}


def test_metrics_are_those_of_the_environment() -> None:
    found = alarms(world("dev-aws"))
    assert found["web-ready"]["dimensions"] == {
        "LoadBalancer": "net/test-abc123-public/0123456789abcdef",
        "TargetGroup": "targetgroup/web-/fedcba9876543210",
    }
    assert found["web-cpu"]["dimensions"] == {"AutoScalingGroupName": "test-web-nodes"}
    assert found["database-cpu"]["dimensions"] == {"DBInstanceIdentifier": "test-abc123-abc123"}


def test_alarms_reach_people_where_there_are_addresses(told: World) -> None:
    topic = told.only(TOPIC)
    assert topic["kmsMasterKeyId"].endswith("/test-foundation-key")
    subscription = told.only("aws:sns/topicSubscription:TopicSubscription")
    assert (subscription["protocol"], subscription["endpoint"]) == (
        "email",
        "operations@example.com",
    )
    for alarm in alarms(told).values():
        assert alarm["alarmActions"] == alarm["okActions"] == [TOPIC_ARN]
        assert alarm["actionsEnabled"] is True


def test_only_the_accounts_alarms_are_told(told: World) -> None:
    policy = json.loads(told.only("aws:sns/topicPolicy:TopicPolicy")["policy"])
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": TOPIC_ARN,
            "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
        }
    ]


def test_without_addresses_alarms_are_seen_in_the_console_only() -> None:
    assert world("dev-aws").of_type(TOPIC) == {}
    assert all(alarm["alarmActions"] == [] for alarm in alarms(world("dev-aws")).values())


def test_monitoring_comes_last() -> None:
    (options,) = world("dev-aws").options_of("operationalization:aws:Monitoring").values()
    assert "test-web-nodes" in {urn.partition("::")[2] for urn in options.depends_on}


def test_a_larger_server_is_watched_by_its_own_limit() -> None:
    larger = alarms(deployed(changed("dev-aws", database__size="db.t3.large")))
    assert condition(larger["database-connections"]) != condition(
        alarms(world("dev-aws"))["database-connections"]
    )
