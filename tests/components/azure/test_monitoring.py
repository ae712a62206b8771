from tests.support.azure import changed, deployed, world
from tests.support.cloud import World

ALERT = "azure-native:monitor:MetricAlert"
DIAGNOSTIC = "azure-native:monitor:DiagnosticSetting"
PEOPLE = "azure-native:monitor:ActionGroup"


def conditions(deployment: World) -> dict[str, str]:
    """Each alert's condition on one line."""
    found = {}
    for name, alert in deployment.of_type(ALERT).items():
        (criterion,) = alert["criteria"]["allOf"]
        found[name.removeprefix("test-monitoring-")] = (
            f"{criterion['timeAggregation']} {criterion['metricName']} "
            f"{criterion['operator']} {criterion['threshold']:.0f}"
        )
    return found


def test_what_is_worth_an_alert() -> None:
    assert conditions(world("dev")) == {
        "compute-cpu": "Average Percentage CPU GreaterThan 90",
        # A tenth of the 8 GiB of each size.
        "compute-memory": "Average Available Memory Bytes LessThan 858993459",
        "data-path": "Average VipAvailability LessThan 100",
        "database-alive": "Maximum is_db_alive LessThan 1",
        # Nine tenths of the 844 connections that the server leaves to nodes.
        "database-connections": "Maximum active_connections GreaterThan 759",
        "database-cpu": "Average cpu_percent GreaterThan 90",
        "database-storage": "Average storage_percent GreaterThan 90",
        "vault-availability": "Average Availability LessThan 100",
        "web-cpu": "Average Percentage CPU GreaterThan 90",
        "web-memory": "Average Available Memory Bytes LessThan 858993459",
        "web-ready": "Average DipAvailability LessThan 100",
    }


def test_keys_of_a_union_reach_azure_in_azures_spelling() -> None:
    for alert in world("dev").of_type(ALERT).values():
        assert set(alert["criteria"]) == {"odataType", "allOf"}
        (criterion,) = alert["criteria"]["allOf"]
        assert {"criterionType", "metricName", "metricNamespace"} <= set(criterion)


def test_alerts_reach_people_where_there_are_addresses() -> None:
    group = world("azure-production").only(PEOPLE)
    assert [receiver["emailAddress"] for receiver in group["emailReceivers"]] == [
        "operations@example.com"
    ]
    assert len(group["groupShortName"]) <= 12
    for alert in world("azure-production").of_type(ALERT).values():
        (action,) = alert["actions"]
        assert action["actionGroupId"].endswith("/test-monitoring-people")


def test_without_addresses_alerts_are_seen_in_the_portal_only() -> None:
    assert world("dev").of_type(PEOPLE) == {}
    assert all(alert["actions"] == [] for alert in world("dev").of_type(ALERT).values())


def test_logs_go_to_one_workspace_and_stay_as_long_as_wished() -> None:
    workspace = world("azure-production").only("azure-native:operationalinsights:Workspace")
    assert workspace["retentionInDays"] == 90
    settings = world("azure-production").of_type(DIAGNOSTIC)
    logs = {
        name.removeprefix("test-monitoring-"): [log["categoryGroup"] for log in setting["logs"]]
        for name, setting in settings.items()
    }
    assert logs == {
        "database": ["allLogs"],
        "firewall-compute": ["allLogs"],
        "firewall-endpoints": ["allLogs"],
        "firewall-web": ["allLogs"],
        "load-balancer": ["allLogs"],
        "vault": ["audit"],
    }
    assert {setting["workspaceId"].rpartition("/")[2] for setting in settings.values()} == {
        "test-monitoring-workspace"
    }


def test_monitoring_comes_last() -> None:
    (options,) = world("dev").options_of("operationalization:azure:Monitoring").values()
    assert "test-web-nodes" in {urn.partition("::")[2] for urn in options.depends_on}


def test_a_larger_server_is_watched_by_its_own_limit() -> None:
    larger = deployed(changed("dev", database__size="Standard_D2ds_v5"))
    assert (
        conditions(larger)["database-connections"] == "Maximum active_connections GreaterThan 759"
    )
