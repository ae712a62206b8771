import pytest

from tests.support.world import KINDS, RefusedError, problems


def test_a_component_says_where_to_send_to(machine):
    made = next(machine.world.of("azure-native:applicationinsights:Component"))
    kind = KINDS["azure-native:applicationinsights:Component"]
    key = made.outputs["instrumentationKey"]

    assert made.outputs["connectionString"].startswith(f"InstrumentationKey={key};")
    assert set(kind.secrets) == {"connectionString", "instrumentationKey"}


def test_a_component_writes_into_a_workspace(world):
    with pytest.raises(RefusedError, match=r"workspaceResourceId: is missing \(BadRequest\)"):
        world.create("applicationinsights:Component", resourceName="old", kind="web")


def test_days_of_retention_are_azures():
    assert problems("applicationinsights:Component", retentionInDays=90) == []
    assert problems("applicationinsights:Component", retentionInDays=91) == [
        (
            "retentionInDays: must be one of 30, 60, 90, 120, 180, 270, 365, 550, 730, got 91 "
            "(BadRequest)"
        )
    ]


def test_endpoints_and_deployments_are_watched_and_scaled(machine):
    world, blue = machine.world, machine.deployment()
    rule = {
        "metricTrigger": {
            "metricName": "CpuUtilizationPercentage",
            "metricResourceUri": blue.id,
            "operator": "GreaterThan",
            "statistic": "Average",
            "threshold": 70,
            "timeAggregation": "Average",
            "timeGrain": "PT1M",
            "timeWindow": "PT5M",
        },
        "scaleAction": {
            "cooldown": "PT5M",
            "direction": "Increase",
            "type": "ChangeCount",
            "value": "1",
        },
    }

    def setting(maximum):
        return {
            "targetResourceUri": blue.id,
            "profiles": [
                {
                    "name": "usual",
                    "capacity": {"minimum": "1", "default": "1", "maximum": maximum},
                    "rules": [rule],
                }
            ],
        }

    with pytest.raises(RefusedError, match="deployment blue has up to 50 instances"):
        world.create("monitor:AutoscaleSetting", autoscaleSettingName="s", **setting("51"))
    assert world.create("monitor:AutoscaleSetting", autoscaleSettingName="s", **setting("50"))
    assert (
        problems(
            "monitor:DiagnosticSetting",
            resourceUri=machine.endpoint.id,
            logs=[{"category": "AmlOnlineEndpointTrafficLog", "enabled": True}],
        )
        == []
    )
