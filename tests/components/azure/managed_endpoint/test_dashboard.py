"""The dashboard of an endpoint: all that Azure ML measures of what is alerted on, and more."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sandbox.control.azure.metrics import TELEMETRY
from tests.support.azure import world
from tests.support.cloud import World
from tests.support.endpoints import changed, deployed

GOLDEN = Path(__file__).parents[3] / "golden" / "dashboards"
DASHBOARD = "azure-native:portal:Dashboard"
ALERT = "azure-native:monitor:MetricAlert"


@pytest.fixture(scope="module")
def two() -> World:
    both = {name: {"model": "models/iris", "instances": 1} for name in ("blue", "green")}
    return deployed(changed(endpoint__deployments=both, endpoint__traffic={"blue": 100}))


def charts(deployment: World) -> list[dict[str, Any]]:
    (lens,) = deployment.only(DASHBOARD)["properties"]["lenses"]
    settings = [part["metadata"]["settings"]["content"] for part in lens["parts"]]
    return [each["options"]["chart"] for each in settings if "options" in each]


def metrics(deployment: World) -> list[tuple[str, str, str]]:
    return [
        (metric["namespace"], metric["name"], metric["resourceMetadata"]["id"])
        for chart in charts(deployment)
        for metric in chart["metrics"]
    ]


@pytest.mark.parametrize("name", ["dev-endpoint", "azure-endpoint-production"])
def test_the_parts_are_the_golden_ones(name: str) -> None:
    # To accept a change: UPDATE_GOLDEN=1 scripts/test tests/components/azure/managed_endpoint
    golden = GOLDEN / f"{name}.json"
    properties = world(name).only(DASHBOARD)["properties"]
    found = json.dumps(properties, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found)
    assert found == golden.read_text()


def test_every_metric_is_one_that_azure_ml_has(two: World) -> None:
    assert metrics(two)
    for namespace, name, _ in metrics(two):
        assert name in TELEMETRY[namespace].metrics, (namespace, name)


def test_what_alerts_look_at_is_shown(two: World) -> None:
    shown = metrics(two)
    for alert in two.of_type(ALERT).values():
        (criterion,) = alert["criteria"]["allOf"]
        (scope,) = alert["scopes"]
        assert (criterion["metricNamespace"], criterion["metricName"], scope) in shown


def test_errors_are_told_from_answers(two: World) -> None:
    (errors,) = [chart for chart in charts(two) if "grouping" in chart]
    assert errors["grouping"]["dimension"] == "statusCodeClass"
