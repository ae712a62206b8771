"""How many machines of which size, in every environment of ours and before and after a change."""

from typing import Any

import pytest

from operations.export.state import Deployment
from operations.preview.counts import Count, counts
from tests.support import golden_states, previews

NOTHING = Deployment("x", (), {})

SIZES = {
    "dev": {
        "dev-compute-nodes": "Standard_D2s_v5, 2 to 4 nodes",
        "dev-database-server": "Standard_B2ms, storage 32 GB, high availability Disabled",
        "dev-web-nodes": "Standard_B2s_v2, 2 nodes",
    },
    "aws-production": {
        "aws-production-compute-nodes": "m6i.xlarge, 3 to 30 nodes",
        "aws-production-database-server": "db.m6i.xlarge, storage 128 GB, high availability on",
        "aws-production-web-nodes": "m6i.large, 3 to 12 nodes",
    },
    "dev-onebox": {"dev-onebox-one-box-nodes": "Standard_B2s_v2, 1 node"},
    "dev-onebox-aws": {"dev-onebox-aws-one-box-nodes": "t3.medium, 1 node"},
    "dev-endpoint": {"dev-endpoint-deployments-blue": "Standard_DS2_v2, 1 node"},
    "azure-endpoint-production": {
        "azure-endpoint-prod-82d4-deployments-blue": "Standard_DS3_v2, 3 to 10 nodes"
    },
}


@pytest.mark.parametrize("stack", sorted(SIZES))
def test_our_environments(stack: str) -> None:
    for sides in (
        (NOTHING, golden_states.deployment(stack)),
        (NOTHING, golden_states.planned(stack)),
    ):
        found = {each.name: str(each.after) for each in counts(*sides)}
        assert found == SIZES[stack]


def of(stack: str, change: Any, name: str) -> Count:
    plan = previews.of_golden(stack, change)
    (found,) = [each for each in counts(plan.before, plan.after) if each.name == name]
    return found


def bounds(high: str) -> Any:
    def change(resources: golden_states.Resources) -> None:
        kind, name = "azure-native:monitor:AutoscaleSetting", "compute-autoscaling-setting"
        setting = golden_states.named(resources, kind, name)
        for profile in setting["inputs"]["profiles"]:
            profile["capacity"]["maximum"] = high

    return change


@pytest.mark.parametrize(
    ("high", "grown", "loud"),
    [("8", 2.0, True), ("6", 1.5, False), ("4", None, False), ("3", None, False)],
)
def test_a_maximum_that_doubles_is_loud(high: str, grown: float | None, loud: bool) -> None:
    found = of("dev", bounds(high), "dev-compute-nodes")

    assert str(found.after) == f"Standard_D2s_v5, 2 to {high} nodes"
    assert (found.grown, found.loud) == (grown, loud)


def test_on_aws_the_schedules_set_the_bounds_that_the_group_began_with() -> None:
    def change(resources: golden_states.Resources) -> None:
        for each in resources:
            if each["type"] == "aws:autoscaling/schedule:Schedule":
                each["inputs"]["maxSize"] = 60

    found = of("aws-production", change, "aws-production-compute-nodes")
    assert (str(found.after), found.loud) == ("m6i.xlarge, 3 to 60 nodes", True)


def test_what_is_new_has_grown_from_nothing_and_is_not_loud() -> None:
    found = counts(NOTHING, golden_states.deployment("dev"))
    assert {each.before for each in found} == {None}
    assert not any(each.loud for each in found)
