"""What changes a group's capacity, and what holds its instances: policies, schedules, hooks."""

import pytest

from sandbox.control.aws.cron import is_cron
from sandbox.control.aws.lifecycle_hooks import of as hooks_of
from tests.sandbox.control.aws.test_groups import DRAINING, SERVING, make
from tests.support.account import ACCOUNT, REGION
from tests.support.world import RefusedError

TRACKING = {
    "policyType": "TargetTrackingScaling",
    "targetTrackingConfiguration": {
        "predefinedMetricSpecification": {"predefinedMetricType": "ASGAverageCPUUtilization"},
        "targetValue": 60.0,
        "disableScaleIn": True,
    },
}
SIMPLE = {
    "policyType": "SimpleScaling",
    "adjustmentType": "ChangeInCapacity",
    "scalingAdjustment": -1,
    "cooldown": 300,
}
STEPS = {
    "policyType": "StepScaling",
    "adjustmentType": "ChangeInCapacity",
    "stepAdjustments": [
        {"scalingAdjustment": 1, "metricIntervalLowerBound": "0", "metricIntervalUpperBound": "10"},
        {"scalingAdjustment": 2, "metricIntervalLowerBound": "10"},
    ],
}


def policy(site, name="p", **inputs):
    return site.aws.create("autoscaling:Policy", name=name, autoscalingGroupName="web", **inputs)


def step(low, high=None):
    bounds = {"metricIntervalLowerBound": str(low)}
    if high is not None:
        bounds["metricIntervalUpperBound"] = str(high)
    return {"scalingAdjustment": 1, **bounds}


@pytest.mark.parametrize("given", [TRACKING, SIMPLE, STEPS], ids=["tracking", "simple", "steps"])
def test_a_policy_as_auto_scaling_takes_it(site, given):
    make(site)
    made = policy(site, **given)

    assert made.id.startswith(f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:")
    assert made.id.endswith(":autoScalingGroupName/web:policyName/p")


def test_policies_go_with_their_group(site):
    group = make(site)
    made = policy(site, **TRACKING)
    site.aws.delete(group)

    assert site.aws.world.find(made.id) is None


def test_a_policy_needs_its_group(site):
    with pytest.raises(RefusedError, match="AutoScalingGroup name not found"):
        policy(site, **TRACKING)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"policyType": "Guessing"}, "policyType: must be one of SimpleScaling, StepScaling, "),
        (
            {**TRACKING, "cooldown": 60},
            "cooldown: cooldown is not supported for policy type TargetTrackingScaling",
        ),
        (
            {**TRACKING, "targetTrackingConfiguration": {"targetValue": 60.0}},
            "targetTrackingConfiguration: Exactly one of PredefinedMetricSpecification and Custom",
        ),
        (
            {
                **TRACKING,
                "targetTrackingConfiguration": {
                    **TRACKING["targetTrackingConfiguration"],
                    "targetValue": 0,
                },
            },
            "targetTrackingConfiguration.targetValue: must be over 0, got 0",
        ),
        (
            {**SIMPLE, "estimatedInstanceWarmup": 60},
            "estimatedInstanceWarmup: EstimatedInstanceWarmup is not supported for policy type S",
        ),
        (
            {**STEPS, "stepAdjustments": [step(0, 10), step(5)]},
            "stepAdjustments: StepAdjustment intervals can't overlap",
        ),
        (
            {**STEPS, "stepAdjustments": [step(0, 10), step(20)]},
            "stepAdjustments: StepAdjustment intervals can't have gaps",
        ),
        (
            {**STEPS, "stepAdjustments": [step(10, 0)]},
            "stepAdjustments[0]: The lower bound of a step must be less than its upper bound",
        ),
        (
            {"policyType": "PredictiveScaling"},
            "policyType: must be one of SimpleScaling, StepScaling, TargetTrackingScaling",
        ),
    ],
)
def test_a_policy_that_auto_scaling_refuses(aws, changes, expected):
    found = aws.problems("autoscaling:Policy", autoscalingGroupName="web", **changes)

    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"policyType": "TargetTrackingScaling"}, "targetTrackingConfiguration"),
        ({"adjustmentType": "ChangeInCapacity"}, "scalingAdjustment"),
        ({"policyType": "StepScaling", "adjustmentType": "ExactCapacity"}, "stepAdjustments"),
    ],
)
def test_a_policy_says_how_much(site, given, path):
    make(site)

    with pytest.raises(RefusedError, match=rf"^{path}: .* must be specified for policy type"):
        policy(site, **given)


def schedule(site, **inputs):
    return site.aws.create(
        "autoscaling:Schedule",
        scheduledActionName="day-start",
        autoscalingGroupName="web",
        **{"minSize": 2, "maxSize": 4, "desiredCapacity": -1, **inputs},
    )


def test_a_schedule_as_auto_scaling_takes_it(site):
    make(site)
    made = schedule(site, recurrence="0 8 * * 1-5", timeZone="Europe/Berlin")

    assert made.id.endswith(":autoScalingGroupName/web:scheduledActionName/day-start")
    assert made.outputs["timeZone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"recurrence": "0 25 * * *"},
            ("recurrence: Given recurrence string: 0 25 * * * is invalid (ValidationError)"),
        ),
        (
            {"recurrence": "0 8 * * *", "timeZone": "Mars/Base"},
            "timeZone: The time zone Mars/Base is not an IANA time zone (ValidationError)",
        ),
        (
            {"minSize": 5, "maxSize": 4},
            "minSize: minSize (5) must not be over maxSize (4) (ValidationError)",
        ),
        (
            {"startTime": "2030-01-01T00:00:00Z", "endTime": "2029-01-01T00:00:00Z"},
            "endTime: Given start time is after end time (ValidationError)",
        ),
        (
            {"startTime": "tomorrow"},
            "startTime: must be a time in UTC such as 2026-01-02T03:04:05Z (ValidationError)",
        ),
    ],
)
def test_a_schedule_that_auto_scaling_refuses(aws, changes, expected):
    found = aws.problems(
        "autoscaling:Schedule",
        scheduledActionName="x",
        autoscalingGroupName="web",
        **changes,
    )

    assert expected in found


def test_a_schedule_changes_something_and_some_time(site):
    make(site)

    with pytest.raises(RefusedError, match="At least one of MinSize, MaxSize and DesiredCapacity"):
        schedule(site, minSize=-1, maxSize=-1, recurrence="0 8 * * *")
    with pytest.raises(RefusedError, match="one of recurrence and startTime is needed"):
        schedule(site)
    with pytest.raises(RefusedError, match="Given start time is in the past"):
        schedule(site, startTime="2020-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("0 8 * * 1-5", True),
        ("*/15 0,12 1 jan mon", True),
        ("0 8 * *", False),
        ("60 8 * * *", False),
        ("0 8 0 * *", False),
        ("0 8 * * 5-1", False),
        ("0 8 * * mon-", False),
        ("@daily", False),
        ("0 8 * * \u0661", False),
    ],
)
def test_a_recurrence_has_five_fields_in_their_ranges(expression, holds):
    assert is_cron(expression) is holds


def test_the_hooks_of_a_group_are_its_own_and_those_declared_apart(site):
    made = make(site, initialLifecycleHooks=[SERVING])
    site.aws.create("autoscaling:LifecycleHook", autoscalingGroupName="web", **DRAINING)
    found = hooks_of(site.aws.world, made)

    assert [(each.name, each.timeout, each.result) for each in found] == [
        ("draining", 300, "CONTINUE"),
        ("serving", 900, "ABANDON"),
    ]


def test_a_hook_declared_apart_goes_with_its_group(site):
    group = make(site)
    made = site.aws.create("autoscaling:LifecycleHook", autoscalingGroupName="web", **DRAINING)

    site.aws.delete(group)
    assert site.aws.world.find(made.id) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"heartbeatTimeout": 7201},
            (
                "heartbeatTimeout: Heartbeat timeout must be between 30 and 7200 seconds, got "
                "7201 (ValidationError)"
            ),
        ),
        (
            {"lifecycleTransition": "launching"},
            "lifecycleTransition: must be one of autoscaling:EC2_INSTANCE_LAUNCHING, ",
        ),
        ({"defaultResult": "STOP"}, "defaultResult: must be one of CONTINUE, ABANDON, got 'STOP'"),
        (
            {"roleArn": "arn:aws:iam::500000000005:role/x"},
            "roleArn: the sandbox does not emulate this: nodes ask the metadata service",
        ),
    ],
)
def test_a_hook_that_auto_scaling_refuses(aws, changes, expected):
    found = aws.problems(
        "autoscaling:LifecycleHook", autoscalingGroupName="web", **{**DRAINING, **changes}
    )

    assert any(line.startswith(expected) for line in found), found


def test_who_is_told_of_a_group_and_the_group_do_not_hold_each_other(site):
    group = make(site)
    topic = site.aws.create("sns:Topic", name="people")
    site.aws.create(
        "autoscaling:Notification",
        groupNames=["web"],
        topicArn=topic.id,
        notifications=["autoscaling:EC2_INSTANCE_TERMINATE"],
    )

    site.aws.delete(group)
    site.aws.delete(topic)
    with pytest.raises(RefusedError):
        site.aws.create(
            "autoscaling:Notification",
            groupNames=["web"],
            topicArn=topic.id,
            notifications=["autoscaling:EC2_INSTANCE_TERMINATE"],
        )
