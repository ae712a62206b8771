"""What is logged, and what is worth waking somebody for."""

from tests.support.endpoints import EXISTING, SMALL, changed, deployed

ALERT = "azure-native:monitor:MetricAlert"
DIAGNOSTIC = "azure-native:monitor:DiagnosticSetting"


def criteria(world, name):
    (found,) = world.of_type(ALERT)[f"test-monitoring-{name}"]["criteria"]["allOf"]
    return found


def test_the_endpoint_and_all_that_it_stands_on_is_logged() -> None:
    found = {
        name.removeprefix("test-monitoring-"): [each["categoryGroup"] for each in setting["logs"]]
        for name, setting in deployed(SMALL).of_type(DIAGNOSTIC).items()
    }
    assert found == {
        "endpoint": ["allLogs"],
        "ml-workspace": ["allLogs"],
        "vault": ["audit"],
        "registry": ["allLogs"],
        "storage": ["allLogs"],
    }


def test_of_an_existing_workspace_only_what_is_ours_is_logged() -> None:
    world = deployed(changed(workspace={"existing": EXISTING}))
    assert list(world.of_type(DIAGNOSTIC)) == ["test-monitoring-endpoint"]


def test_errors_are_those_of_the_endpoint_and_not_of_its_callers() -> None:
    errors = criteria(deployed(SMALL), "errors")
    assert (errors["metricName"], errors["operator"], errors["threshold"]) == (
        "RequestsPerMinute",
        "GreaterThan",
        0.0,
    )
    assert errors["dimensions"] == [
        {"name": "statusCodeClass", "operator": "Include", "values": ["5xx"]}
    ]


def test_slow_is_measured_at_the_shortest_time_out() -> None:
    two = {
        name: {"model": "models/iris", "instances": 1, "requests": {"timeoutSeconds": seconds}}
        for name, seconds in (("blue", 60), ("green", 10))
    }
    world = deployed(changed(endpoint__deployments=two, endpoint__traffic={"blue": 100}))
    assert criteria(world, "latency")["threshold"] == 8000.0
    assert criteria(world, "blue-cpu")["metricName"] == "CpuUtilizationPercentage"
    assert criteria(world, "green-memory")["metricName"] == "CpuMemoryUtilizationPercentage"


def test_people_are_told_if_there_are_any() -> None:
    world = deployed(changed(monitoring={"emails": ["somebody@example.com"]}))
    assert world.only("azure-native:monitor:ActionGroup")
    assert all(alert["actions"] for alert in world.of_type(ALERT).values())
    assert not deployed(SMALL).of_type("azure-native:monitor:ActionGroup")
