"""Dashboards of the portal: they name what they like, and hold nothing."""

from sandbox.control.world import held, named
from tests.support.world import GROUP, KINDS, problems

BALANCER = f"{GROUP}/providers/Microsoft.Network/loadBalancers/gone"
WORKSPACE = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/gone"

PLACE = "properties.lenses[0].parts[0].position"


def properties(**position: object) -> dict:
    chart = {"metrics": [{"resourceMetadata": {"id": BALANCER}, "name": "SYNCount"}]}
    place = {"x": 0, "y": 0, "colSpan": 6, "rowSpan": 4, **position}
    asked = [{"name": "Scope", "value": {"resourceIds": [WORKSPACE]}}, {"name": "Version"}]
    drawn = {
        "type": "chart",
        "inputs": asked,
        "settings": {"content": {"options": {"chart": chart}}},
    }
    return {"lenses": [{"order": 0, "parts": [{"position": place, "metadata": drawn}]}]}


def test_what_a_dashboard_names_may_be_gone(world):
    made = world.create("portal:Dashboard", dashboardName="all", properties=properties())

    assert made.id == f"{GROUP}/providers/Microsoft.Portal/dashboards/all"
    kind = KINDS[made.type]
    assert named(kind, made.inputs) == held(kind, made.inputs) == {}


def test_a_part_has_a_place():
    assert problems("portal:Dashboard", properties=properties()) == []
    assert problems("portal:Dashboard", properties=properties(colSpan=0, x=-1)) == [
        f"{PLACE}.colSpan: must be at least 1, got 0 (InvalidDashboard)",
        f"{PLACE}.x: must be at least 0, got -1 (InvalidDashboard)",
    ]
