import pytest

from components.azure.autoscaling import end_days
from components.settings import ScheduleSettings
from tests.support.azure import changed, deployed, world
from tests.support.cloud import World

SETTING = "azure-native:monitor:AutoscaleSetting"
SCHEDULE = {
    "name": "night",
    "days": ["Friday", "Sunday"],
    "start": "22:00",
    "end": "05:30",
    "timezone": "Europe/Berlin",
    "minimum": 3,
    "maximum": 4,
}


def profiles(deployment: World, role: str) -> list[dict]:
    return deployment.of_type(SETTING)[f"test-{role}-autoscaling-setting"]["profiles"]


def capacities(deployment: World, role: str) -> dict[str, tuple[str, str, str]]:
    return {
        profile["name"]: tuple(
            profile["capacity"][key] for key in ("minimum", "maximum", "default")
        )
        for profile in profiles(deployment, role)
    }


def test_only_groups_that_follow_their_load_have_settings() -> None:
    assert list(world("dev").of_type(SETTING)) == ["test-compute-autoscaling-setting"]


def test_a_groups_bounds_are_its_own() -> None:
    both = deployed(
        changed(
            "dev",
            web={"size": "Standard_D2s_v5", "autoscale": {"minimum": 3, "maximum": 9}},
        )
    )
    assert capacities(both, "web") == {"default": ("3", "9", "3")}
    assert capacities(both, "compute") == {"default": ("2", "4", "2")}


def test_the_rules_are_those_of_the_vendors_templates() -> None:
    (profile,) = profiles(world("dev"), "compute")
    target = world("dev").only(SETTING)["targetResourceUri"]
    assert target.endswith("/VirtualMachineScaleSet/test-compute-nodes")
    common = {
        "metricName": "Percentage CPU",
        "metricResourceUri": target,
        "statistic": "Average",
        "timeAggregation": "Average",
        "timeGrain": "PT1M",
    }
    assert profile["rules"] == [
        {
            "metricTrigger": {
                **common,
                "operator": "GreaterThan",
                "threshold": 50,
                "timeWindow": "PT5M",
            },
            "scaleAction": {
                "direction": "Increase",
                "type": "ChangeCount",
                "value": "1",
                "cooldown": "PT5M",
            },
        },
        {
            "metricTrigger": {
                **common,
                "operator": "LessThan",
                "threshold": 30,
                "timeWindow": "PT60M",
            },
            "scaleAction": {
                "direction": "Decrease",
                "type": "ChangeCount",
                "value": "1",
                "cooldown": "PT60M",
            },
        },
    ]


def test_a_schedule_begins_and_ends() -> None:
    found = profiles(world("azure-production"), "compute")
    weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    assert capacities(world("azure-production"), "compute") == {
        "default": ("3", "30", "3"),
        "office-hours": ("6", "30", "6"),
        '{"name":"default","for":"office-hours"}': ("3", "30", "3"),
    }
    zone = "W. Europe Standard Time"
    assert [profile.get("recurrence") for profile in found] == [
        None,
        {
            "frequency": "Week",
            "schedule": {"timeZone": zone, "days": weekdays, "hours": [7], "minutes": [30]},
        },
        {
            "frequency": "Week",
            "schedule": {"timeZone": zone, "days": weekdays, "hours": [19], "minutes": [0]},
        },
    ]
    assert found[0]["rules"] == found[1]["rules"] == found[2]["rules"]


@pytest.mark.parametrize(
    ("end", "days"),
    [("23:00", ("Friday", "Sunday")), ("05:30", ("Saturday", "Monday"))],
)
def test_a_period_past_midnight_ends_on_the_next_day(end: str, days: tuple[str, ...]) -> None:
    schedule = ScheduleSettings.model_validate({**SCHEDULE, "end": end})
    assert end_days(schedule) == days


def test_people_hear_of_it_where_there_are_addresses() -> None:
    assert "notifications" not in world("dev").only(SETTING)
    production = world("azure-production").of_type(SETTING)["test-web-autoscaling-setting"]
    assert production["notifications"][0]["email"]["customEmails"] == ["operations@example.com"]
