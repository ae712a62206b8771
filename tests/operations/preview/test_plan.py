"""What the engine would do, read from what it writes."""

from typing import Any

import pytest

from operations.errors import OperationError
from operations.export import state
from operations.preview import plan
from tests.support import previews, states

NET = {**states.VNET, "outputs": {"location": "west", "state": "Succeeded"}}


def changed(resource: Any, **inputs: Any) -> Any:
    return {**resource, "inputs": {**resource["inputs"], **inputs}}


def test_the_parts_of_a_replacement_are_one_change() -> None:
    parts = ("create-replacement", "replace", "delete-replaced")
    found = previews.made(*(previews.step(op, NET, NET) for op in parts))

    assert [step.op for step in found.changes] == ["replace"]
    assert len(found.after.resources) == 2


def test_what_stays_the_same_keeps_its_outputs_and_its_id() -> None:
    found = previews.made(previews.step("same", NET, NET))

    assert found.changes == ()
    assert found.after.resources[1].outputs == NET["outputs"]
    assert found.after.by_id.keys() == found.before.by_id.keys() == {NET["id"]}


@pytest.mark.parametrize("op", ["refresh", "update"])
def test_an_update_begins_with_what_is_really_there(op: str) -> None:
    real = changed(NET, location="north")
    wanted = changed(NET, location="east")
    found = previews.made(
        previews.refreshed(NET, op),
        previews.step("update", real, wanted, detailedDiff={"location": {"kind": "update"}}),
    )

    (step,) = found.changes
    assert (step.before or step.resource).inputs["location"] == "north"
    assert step.resource.inputs["location"] == step.resource.outputs["location"] == "east"
    assert step.resource.outputs["state"] == "Succeeded"
    assert step.paths == {"location": "update"}
    assert [(each.recorded.name, each.properties) for each in found.drift] == [
        ("net", ("location",))
    ]


def test_what_others_may_change_is_no_drift() -> None:
    scaled = {**NET, "ignoreChanges": ["sku.capacity"], "inputs": {"sku": {"capacity": 2}}}
    real = changed(scaled, sku={"capacity": 5})

    assert previews.made(previews.refreshed(scaled), previews.step("same", real, real)).drift == ()


@pytest.mark.parametrize("op", ["refresh", "delete"])
def test_what_is_gone_is_drift_and_is_made_again(op: str) -> None:
    found = previews.made(previews.refreshed(NET, op), previews.step("create", None, NET))

    assert [each.type for each in found.before.resources] == ["pulumi:pulumi:Stack"]
    assert found.drift[0].found is None
    assert [step.op for step in found.changes] == ["create"]


def test_a_replacement_knows_no_id_and_says_which_property_is_the_reason() -> None:
    found = previews.made(
        previews.step(
            "replace",
            NET,
            changed(NET, location="east"),
            detailedDiff={"location": {"kind": "update-replace"}},
            replaceReasons=["location"],
        )
    )

    (step,) = found.of("replace")
    assert step.reasons == ("location",)
    assert (found.before.resources[1].id, found.after.resources[1].id) == (NET["id"], "")


def test_who_belongs_to_whom_is_known_where_ids_are_not() -> None:
    subnet = {
        **changed(states.SUBNET, networkSecurityGroup={"id": state.UNKNOWN}),
        "parent": "urn:pulumi:dev::operationalization::x:Network::net",
        "propertyDependencies": {"networkSecurityGroup": [states.OPEN_GROUP["urn"]]},
    }
    (_, made) = previews.made(previews.step("create", None, subnet)).after.resources

    assert made.property_dependencies == {
        "networkSecurityGroup": frozenset({states.OPEN_GROUP["urn"]})
    }
    assert made.parent.endswith("::net")


def test_a_masked_secret_is_a_secret() -> None:
    masked = changed(states.VAULT_SECRET, properties={"value": "[secret]"})
    (_, made) = previews.made(previews.step("create", None, masked)).after.resources

    assert made.inputs["properties"]["value"] is state.SECRET


def test_what_an_earlier_update_left_goes_and_is_no_part_of_before() -> None:
    left = {**NET, "id": "old", "delete": True}
    found = previews.made(
        previews.refreshed(left), previews.step("same", NET, NET),
        previews.step("delete", left),
    )  # fmt: skip

    assert [(step.op, step.leftover, step.resource.id) for step in found.changes] == [
        ("delete", True, "old")
    ]
    assert found.before.by_id.keys() == {NET["id"]}


def test_a_program_that_never_began_changes_nothing() -> None:
    found = plan.read('{"steps": [], "diagnostics": []}', "dev")
    assert (found.steps, found.before.resources) == ((), ())


@pytest.mark.parametrize("text", ["", "[]", '{"steps": [{}]}', '{"steps": [{"op": "create"}]}'])
def test_what_is_no_preview_is_refused(text: str) -> None:
    with pytest.raises(OperationError, match="it is not what `pulumi preview --json` writes"):
        plan.read(text, "dev")
