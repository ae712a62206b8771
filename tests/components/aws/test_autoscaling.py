import pytest

from components.aws.autoscaling import cron, end_days
from components.settings import ScheduleSettings
from tests.support.aws import deployed, world
from tests.support.azure import changed
from tests.support.cloud import World

POLICY = "aws:autoscaling/policy:Policy"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
PLAN = "aws:autoscaling/schedule:Schedule"
SCHEDULE = {
    "name": "night",
    "days": ["Friday", "Sunday"],
    "start": "22:00",
    "end": "05:30",
    "timezone": "Europe/Berlin",
    "minimum": 3,
    "maximum": 4,
}


@pytest.fixture(scope="module")
def planned() -> World:
    return deployed(changed("dev-aws", compute__autoscale__schedules=[SCHEDULE]))


def test_only_groups_that_follow_their_load_have_policies() -> None:
    assert list(world("dev-aws").of_type(POLICY)) == [
        "test-compute-autoscaling-in",
        "test-compute-autoscaling-out",
    ]


def test_nodes_come_as_the_load_asks_and_do_not_go_by_the_same_policy() -> None:
    out = world("dev-aws").of_type(POLICY)["test-compute-autoscaling-out"]
    assert out == {
        "autoscalingGroupName": "test-compute-nodes",
        "policyType": "TargetTrackingScaling",
        "estimatedInstanceWarmup": 300,
        "targetTrackingConfiguration": {
            "predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"},
            "targetValue": 50,
            "disableScaleIn": True,
        },
    }


def test_nodes_go_when_an_average_is_low_for_so_long_and_one_at_a_time() -> None:
    back = world("dev-aws").of_type(POLICY)["test-compute-autoscaling-in"]
    assert back == {
        "autoscalingGroupName": "test-compute-nodes",
        "policyType": "SimpleScaling",
        "adjustmentType": "ChangeInCapacity",
        "scalingAdjustment": -1,
        "cooldown": 3600,
    }
    alarm = world("dev-aws").of_type(ALARM)["test-compute-autoscaling-in-alarm"]
    del alarm["alarmDescription"]
    assert alarm == {
        "namespace": "AWS/EC2",
        "metricName": "CPUUtilization",
        "dimensions": {"AutoScalingGroupName": "test-compute-nodes"},
        "statistic": "Average",
        "comparisonOperator": "LessThanThreshold",
        "threshold": 30,
        "period": 3600,
        "evaluationPeriods": 1,
        "treatMissingData": "missing",
        "alarmActions": [
            "arn:aws:autoscaling:eu-central-1:111122223333:Policy/test-compute-autoscaling-in"
        ],
    }


def test_every_setting_of_scaling_in_has_its_meaning() -> None:
    wanted = {"below": 20, "minutes": 10, "step": 2, "cooldown": 15}
    scale = {"minimum": 4, "maximum": 9, "scaleIn": wanted}
    deployment = deployed(changed("dev-aws", compute__autoscale=scale))
    back = deployment.of_type(POLICY)["test-compute-autoscaling-in"]
    alarm = deployment.of_type(ALARM)["test-compute-autoscaling-in-alarm"]
    assert (back["scalingAdjustment"], back["cooldown"]) == (-2, 900)
    assert (alarm["threshold"], alarm["period"]) == (20, 600)


def test_a_groups_target_is_its_own() -> None:
    scale = {"minimum": 3, "maximum": 9, "scaleOut": {"above": 70, "cooldown": 2}}
    both = deployed(changed("dev-aws", web__count=None, web__autoscale=scale))
    web = both.of_type(POLICY)["test-web-autoscaling-out"]
    assert web["targetTrackingConfiguration"]["targetValue"] == 70
    assert web["estimatedInstanceWarmup"] == 120
    compute = both.of_type(POLICY)["test-compute-autoscaling-out"]
    assert compute["targetTrackingConfiguration"]["targetValue"] == 50


def test_a_schedule_begins_and_ends_and_leaves_the_count(planned: World) -> None:
    common = {
        "autoscalingGroupName": "test-compute-nodes",
        "desiredCapacity": -1,
        "timeZone": "Europe/Berlin",
    }
    assert planned.of_type(PLAN) == {
        "test-compute-autoscaling-night-end": {
            **common,
            "scheduledActionName": "night-end",
            "minSize": 2,
            "maxSize": 4,
            "recurrence": "30 5 * * 1,6",
        },
        "test-compute-autoscaling-night-start": {
            **common,
            "scheduledActionName": "night-start",
            "minSize": 3,
            "maxSize": 4,
            "recurrence": "0 22 * * 0,5",
        },
    }


@pytest.mark.parametrize(
    ("end", "days"),
    [("23:00", ("Friday", "Sunday")), ("05:30", ("Saturday", "Monday"))],
)
def test_a_period_past_midnight_ends_on_the_next_day(end: str, days: tuple[str, ...]) -> None:
    schedule = ScheduleSettings.model_validate({**SCHEDULE, "end": end})
    assert end_days(schedule) == days


@pytest.mark.parametrize(
    ("time", "days", "expected"),
    [
        ("00:00", ("Sunday",), "0 0 * * 0"),
        ("07:30", ("Friday", "Monday"), "30 7 * * 1,5"),
        ("23:59", ("Saturday",), "59 23 * * 6"),
    ],
)
def test_cron_counts_days_from_sunday(time: str, days: tuple[str, ...], expected: str) -> None:
    assert cron(time, days) == expected
