"""CloudWatch dashboards: a name in the account, and a body that CloudWatch takes."""

import json

import pytest

from tests.support.account import ACCOUNT
from tests.support.world import RefusedError

TEXT = {"type": "text", "x": 0, "y": 0, "width": 24, "height": 2, "properties": {"markdown": "a"}}
DRAWN = {
    "type": "metric",
    "x": 0,
    "y": 2,
    "width": 8,
    "height": 6,
    "properties": {"region": "eu-central-1", "metrics": [["AWS/EC2", "CPUUtilization"]]},
}


def body(*widgets: dict) -> str:
    return json.dumps({"widgets": widgets})


def test_a_dashboard_has_an_arn_without_a_region(aws):
    made = aws.create("cloudwatch:Dashboard", dashboardName="x", dashboardBody=body(TEXT, DRAWN))

    assert made.outputs["dashboardArn"] == f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/x"
    assert made.short == "x"
    with pytest.raises(RefusedError, match="x already exists"):
        aws.create("cloudwatch:Dashboard", dashboardName="x", dashboardBody=body())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("no", "/ must be JSON"),
        ("[]", "/widgets should be an array"),
        (body(*[TEXT] * 501), "/widgets should NOT have more than 500 items"),
        (body({**TEXT, "type": "clock"}), "/widgets/0 type should be one of metric, text, "),
        (body(TEXT, {"type": "text"}), "/widgets/1 should have required property 'properties'"),
        (body({**TEXT, "properties": {}}), "/widgets/0 should have required property 'markdown'"),
        (body({**DRAWN, "properties": {}}), "/widgets/0 should have required property 'region'"),
        (body({**TEXT, "x": 24}), "/widgets/0 x should be a number from 0 to 23"),
        (body({**TEXT, "width": 25}), "/widgets/0 width should be a number from 1 to 24"),
        (body({**TEXT, "height": "2"}), "/widgets/0 height should be a number from 1 to 1000"),
        (json.dumps({"widgets": [1]}), "/widgets/0 should be an object"),
    ],
)
def test_a_body_that_cloudwatch_refuses(aws, given, expected):
    (found,) = aws.problems("cloudwatch:Dashboard", dashboardBody=given)
    assert found.startswith(f"dashboardBody: The dashboard body is invalid: {expected}")
    assert found.endswith("(DashboardInvalidInputError)")
