"""Log groups, alarms, and whom they tell."""

import json

import pytest

from sandbox.control.kinds import ApiError
from tests.support.account import ACCOUNT, REGION
from tests.support.world import RefusedError

CPU = {
    "namespace": "AWS/EC2",
    "metricName": "CPUUtilization",
    "dimensions": {"AutoScalingGroupName": "web"},
    "statistic": "Average",
    "period": 300,
    "evaluationPeriods": 1,
    "comparisonOperator": "LessThanThreshold",
    "threshold": 30.0,
}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def key_policy(*statements):
    account = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return document(account, *statements)


LOGS = {
    "Effect": "Allow",
    "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
    "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"],
    "Resource": "*",
}


def test_a_log_group_has_an_arn_with_its_name(aws):
    made = aws.create("cloudwatch:LogGroup", name="/aws/rds/x", retentionInDays=365)

    assert made.id == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/rds/x"
    assert made.short == "/aws/rds/x"
    with pytest.raises(RefusedError, match="The specified log group already exists"):
        aws.create("cloudwatch:LogGroup", name="/aws/rds/x")


def test_retention_is_one_of_the_services_times(aws):
    assert aws.problems("cloudwatch:LogGroup", retentionInDays=365) == []
    (found,) = aws.problems("cloudwatch:LogGroup", retentionInDays=100)
    assert found.startswith("retentionInDays: must be one of 0, 1, 3, 5, 7, 14, ")


def test_a_key_must_let_the_log_service_use_it(aws):
    closed = aws.create("kms:Key", "closed", policy=key_policy())
    opened = aws.create("kms:Key", "opened", policy=key_policy(LOGS))

    with pytest.raises(RefusedError, match=r"not allowed to be used with LogGroup.*AccessDenied"):
        aws.create("cloudwatch:LogGroup", name="a", kmsKeyId=closed.id)
    aws.create("cloudwatch:LogGroup", name="a", kmsKeyId=opened.id)


def test_a_protected_log_group_stays(aws):
    made = aws.create("cloudwatch:LogGroup", name="a", deletionProtectionEnabled=True)

    with pytest.raises(ApiError, match="has deletion protection"):
        aws.delete(made)


def test_a_topic_has_a_policy_for_its_owner(aws):
    made = aws.create("sns:Topic", name="people")

    assert made.id == made.short == f"arn:aws:sns:{REGION}:{ACCOUNT}:people"
    assert ACCOUNT in str(made.outputs["policy"])


def publishing(topic, principal):
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": principal},
            "Action": "sns:Publish",
            "Resource": topic,
        }
    )


def test_a_topics_policy_is_about_the_topic(aws):
    topic = aws.create("sns:Topic", name="people")
    aws.create(
        "sns:TopicPolicy", arn=topic.id, policy=publishing(topic.id, "cloudwatch.amazonaws.com")
    )

    for resource, principal in (
        (f"{topic.id}x", "cloudwatch.amazonaws.com"),
        (topic.id, "cloudwatcher.amazonaws.com"),
    ):
        other = aws.create("sns:Topic", name=f"other-{len(resource)}")
        with pytest.raises(RefusedError, match=r"\(InvalidParameter\)"):
            aws.create("sns:TopicPolicy", arn=other.id, policy=publishing(resource, principal))


def test_a_topics_policy_is_called_as_its_topic_and_goes_without_it(aws):
    topic = aws.create("sns:Topic", name="people")
    written = publishing(topic.id, "cloudwatch.amazonaws.com")
    made = aws.create("sns:TopicPolicy", arn=topic.id, policy=written)
    read = aws.provider.read(made.type, made.short, dict(made.inputs), dict(made.outputs))

    assert made.short == topic.id
    assert read is not None
    assert read.inputs["policy"] == written
    aws.delete(made)
    assert aws.world.find(made.id) is None
    assert aws.world.find(topic.id) is not None


def test_an_address_must_confirm_its_subscription(aws):
    topic = aws.create("sns:Topic", name="people")
    made = aws.create(
        "sns:TopicSubscription", topic=topic.id, protocol="email", endpoint="me@example.com"
    )

    assert made.outputs["pendingConfirmation"] is True
    assert made.id.startswith(f"{topic.id}:")
    aws.delete(topic)
    assert aws.world.find(made.id) is None


@pytest.mark.parametrize(
    ("protocol", "endpoint", "expected"),
    [
        ("email", "nobody", "endpoint: Invalid parameter: Email address (InvalidParameter)"),
        ("https", "http://x", "endpoint: Invalid parameter: Endpoint (InvalidParameter)"),
        ("pigeon", "x", "protocol: must be one of email, email-json, http, https, sms, sqs, lam"),
    ],
)
def test_a_subscription_that_sns_refuses(aws, protocol, endpoint, expected):
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:people"
    found = aws.problems("sns:TopicSubscription", topic=topic, protocol=protocol, endpoint=endpoint)

    assert any(line.startswith(expected) for line in found), found


def test_an_alarm_tells_a_topic_and_does_not_hold_it(aws):
    topic = aws.create("sns:Topic", name="people")
    made = aws.create("cloudwatch:MetricAlarm", name="busy", alarmActions=[topic.id], **CPU)

    assert made.id == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:busy"
    assert made.outputs["actionsEnabled"] is True
    assert made.outputs["treatMissingData"] == "missing"
    aws.delete(topic)
    with pytest.raises(RefusedError, match="Topic does not exist"):
        aws.create("cloudwatch:MetricAlarm", name="other", alarmActions=[topic.id], **CPU)


def test_an_alarm_can_be_the_difference_of_two_metrics(aws):
    metric = {"metricName": "GroupDesiredCapacity", "namespace": "AWS/AutoScaling", "stat": "Sum"}
    queries = [
        {"id": "missing", "expression": "wanted - there", "returnData": True},
        {"id": "wanted", "metric": {**metric, "period": 60}},
        {"id": "there", "metric": {**metric, "period": 60}},
    ]
    rest = {k: CPU[k] for k in ("comparisonOperator", "evaluationPeriods", "threshold")}
    aws.create("cloudwatch:MetricAlarm", name="missing", metricQueries=queries, **rest)

    with pytest.raises(RefusedError, match="Exactly one element must have returnData true"):
        aws.create(
            "cloudwatch:MetricAlarm",
            name="none",
            metricQueries=[{**queries[0], "returnData": False}, *queries[1:]],
            **rest,
        )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"period": 45},
            "period: must be 10, 20, 30 or a multiple of 60 seconds, got 45 (ValidationError)",
        ),
        (
            {"evaluationPeriods": 1000},
            "evaluationPeriods: Metrics cannot be checked across more than a day",
        ),
        (
            {"datapointsToAlarm": 2},
            "datapointsToAlarm: must be 1 to evaluationPeriods (1), got 2 (ValidationError)",
        ),
        ({"statistic": "Mean"}, "statistic: must be one of SampleCount, Average, "),
        (
            {"comparisonOperator": "Less"},
            "comparisonOperator: must be one of GreaterThanOrEqualToThreshold, ",
        ),
        ({"treatMissingData": "bad"}, "treatMissingData: must be one of breaching, "),
        ({"alarmActions": ["people"]}, "alarmActions[0]: Invalid arn syntax: people"),
        (
            {"extendedStatistic": "p99"},
            "extendedStatistic: conflicts with statistic (InvalidParameterCombination)",
        ),
    ],
)
def test_an_alarm_that_cloudwatch_refuses(aws, changes, expected):
    found = aws.problems("cloudwatch:MetricAlarm", **{**CPU, **changes})

    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize("left_out", ["metricName", "statistic", "threshold", "period"])
def test_an_alarm_says_what_it_looks_at(aws, left_out):
    given = {name: value for name, value in CPU.items() if name != left_out}

    with pytest.raises(RefusedError, match=f"^{left_out}: "):
        aws.create("cloudwatch:MetricAlarm", name="x", **given)
