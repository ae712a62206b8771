"""A one-box on the control plane of each cloud: what drifts comes back, what holds data stays."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployed import Deployed
from tests.support.engine import on_sandbox

pytestmark = pytest.mark.engine

PROTECTED = {"protection": True}
GIVEN_UP = {**PROTECTED, "database.discard": "operationalization"}
MACHINE = {
    "dev-onebox": "azure-native:compute:VirtualMachine",
    "dev-onebox-aws": "aws:ec2/instance:Instance",
}
LARGER = {"dev-onebox": "Standard_B4s_v2", "dev-onebox-aws": "t3.large"}


@pytest.fixture(params=MACHINE)
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployed]:
    with on_sandbox(tmp_path) as engine:
        yield Deployed(request.param, engine)


def machine(box: Deployed) -> str:
    (found,) = box.resources(MACHINE[box.stack])
    return str(found["id"])


def test_a_machine_with_the_database_goes_only_when_that_is_given_up(box: Deployed) -> None:
    box.up(PROTECTED)
    kept = machine(box)
    larger = {"machine.size": LARGER[box.stack]}

    refused = box.engine.up(box.stack, box.configure({**PROTECTED, **larger}))
    assert refused.exit_code != 0
    assert "protect" in " ".join(refused.errors).lower(), refused.display
    assert machine(box) == kept

    box.up(GIVEN_UP)
    assert machine(box) == kept, "the first update only ends the protection"
    result = box.up({**GIVEN_UP, **larger})
    replaced = {step.type for step in result.steps if step.op == "create-replacement"}
    assert MACHINE[box.stack] in replaced


def test_what_changed_behind_pulumis_back_comes_back(box: Deployed) -> None:
    box.up()
    (before,) = box.resources(MACHINE[box.stack])
    box.tamper(before["id"], "tags", json.dumps({"owner": "somebody"}))

    result = box.up()

    assert result.drift, "the refresh names it"
    (after,) = box.resources(MACHINE[box.stack])
    assert after["id"] == before["id"]
    assert after["properties"]["tags"] == before["properties"]["tags"]
    assert box.up().changes == []
