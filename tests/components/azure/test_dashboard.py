"""The dashboard on Azure: its parts, and that each metric is one that the environment emits."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.parts.dashboard import UNMEASURED
from sandbox.control.azure.metrics import TELEMETRY
from tests.support import stacks
from tests.support.azure import changed, deployed, world
from tests.support.cloud import World
from tests.support.environments import of_family

GOLDEN = Path(__file__).parents[2] / "golden" / "dashboards"
DASHBOARD = "azure-native:portal:Dashboard"
ALERT = "azure-native:monitor:MetricAlert"
NODES = sorted({*stacks.of("enterprise"), *stacks.of("one-box")})
ON_AZURE = [name for name in NODES if stacks.config(name)[stacks.ENVIRONMENT]["cloud"] == "azure"]


@pytest.fixture(scope="module")
def fixed() -> World:
    return deployed(changed("dev", web={"nodes": "fixed", "count": 2}))


@pytest.fixture(scope="module")
def sql_server() -> World:
    config = stacks.config("dev")
    environment = of_family(config[stacks.ENVIRONMENT], "9.4.7", "windows-server-2016")
    return deployed({**config, stacks.ENVIRONMENT: environment})


def parts(deployment: World, kind: str) -> Iterator[dict[str, Any]]:
    (lens,) = deployment.only(DASHBOARD)["properties"]["lenses"]
    for part in lens["parts"]:
        if part["metadata"]["type"].endswith(f"/{kind}"):
            yield part["metadata"]


def metrics(deployment: World) -> list[tuple[str, str, str]]:
    """Namespace, name and resource of every metric."""
    return [
        (metric["namespace"], metric["name"], metric["resourceMetadata"]["id"])
        for part in parts(deployment, "MonitorChartPart")
        for metric in part["settings"]["content"]["options"]["chart"]["metrics"]
    ]


@pytest.mark.parametrize("name", ON_AZURE)
def test_the_parts_are_the_golden_ones(name: str) -> None:
    # To accept a change: UPDATE_GOLDEN=1 scripts/test tests/components/azure/test_dashboard.py
    golden = GOLDEN / f"{name}.json"
    properties = world(name).only(DASHBOARD)["properties"]
    found = json.dumps(properties, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found)
    assert found == golden.read_text()


def test_every_metric_is_one_that_the_environment_emits(fixed: World, sql_server: World) -> None:
    for deployment in (world("dev"), world("dev-onebox"), fixed, sql_server):
        assert metrics(deployment)
        for namespace, name, _ in metrics(deployment):
            assert name in TELEMETRY[namespace].metrics, (namespace, name)


def test_what_alerts_look_at_is_shown(fixed: World, sql_server: World) -> None:
    for deployment in (world("dev"), world("dev-onebox"), fixed, sql_server):
        shown = metrics(deployment)
        for alert in deployment.of_type(ALERT).values():
            (criterion,) = alert["criteria"]["allOf"]
            for scope in alert["scopes"]:
                wanted = (criterion["metricNamespace"], criterion["metricName"], scope)
                assert wanted in shown


def test_keys_reach_azure_in_azures_spelling() -> None:
    part = next(parts(world("dev"), "MonitorChartPart"))
    assert [each["name"] for each in part["inputs"]] == ["options", "sharedTimeRange"]
    chart = part["settings"]["content"]["options"]["chart"]
    assert set(chart) == {"title", "titleKind", "metrics", "visualization"}
    assert set(chart["metrics"][0]) == {
        "aggregationType",
        "metricVisualization",
        "name",
        "namespace",
        "resourceMetadata",
    }


def test_certificates_are_asked_of_the_workspace_that_has_the_vaults_log() -> None:
    (part,) = parts(world("dev"), "LogsDashboardPart")
    asked = {each["name"]: each.get("value") for each in part["inputs"]}
    (workspace,) = asked["Scope"]["resourceIds"]
    vault = world("dev").of_type("azure-native:monitor:DiagnosticSetting")["test-monitoring-vault"]
    assert workspace == vault["workspaceId"]
    # The events are of the category AuditEvent, which the group stands for.
    assert [log["categoryGroup"] for log in vault["logs"]] == ["audit"]
    assert "AuditEvent" in TELEMETRY["Microsoft.KeyVault/vaults"].audit
    assert asked["Query"].splitlines()[0] == "AzureDiagnostics"


def test_it_tells_when_certificates_end_and_what_is_not_measured() -> None:
    texts = [
        part["settings"]["content"]["settings"]["content"]
        for part in parts(world("dev"), "MarkdownPart")
    ]
    assert any("| web-server | 2028-01-01 |" in text for text in texts)
    for why in UNMEASURED.values():
        assert any(why in text for text in texts)


def test_the_portal_shows_whose_it_is() -> None:
    assert world("dev").only(DASHBOARD)["tags"]["hidden-title"] == "Operations of test"
