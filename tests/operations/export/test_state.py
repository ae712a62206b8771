"""The engine's state as exports read it: nothing secret gets past this."""

import json

import pytest

from operations.errors import OperationError
from operations.export import state
from tests.support import states


def test_secrets_are_dropped_as_they_are_read() -> None:
    found = states.deployment(states.VAULT_SECRET)
    value = found.resources[0].inputs["properties"]["value"]

    assert value is state.SECRET
    assert "aGVsbG8gd29ybGQ" not in repr(found.resources)


def test_a_secret_in_the_clear_is_dropped_too() -> None:
    shown = {state.SIGNATURE: state.SECRET_SIGNATURE, "plaintext": '"hunter2"'}
    found = states.deployment(states.resource("random:index/x:X", "x", "1", {"a": [{"b": shown}]}))

    assert found.resources[0].inputs == {"a": [{"b": state.SECRET}]}


def test_an_archive_is_its_hash() -> None:
    archive = {state.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": "abc", "text": "x"}
    found = states.deployment(states.resource("aws:s3/x:X", "x", "1", {"source": archive}))

    assert found.resources[0].inputs["source"] == "(an asset or archive, sha256 abc)"


def test_what_waits_to_be_deleted_is_not_there_any_more() -> None:
    assert states.deployment({**states.VNET, "delete": True}).resources == ()


def test_an_id_that_several_have_names_none() -> None:
    twins = [states.resource("random:index/x:X", name, "none", {}) for name in "ab"]
    assert states.deployment(*twins, states.VNET).by_id.keys() == {states.VNET["id"]}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"deployment": 7}', '{"deployment": {"resources": [{}]}}']
)
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(OperationError, match="it is not what `pulumi stack export` writes"):
        state.parse(text, "dev")


def test_a_stack_is_on_one_cloud() -> None:
    aws = states.resource("aws:ec2/vpc:Vpc", "v", "vpc-1", {})
    assert states.deployment(aws).cloud == "aws"
    with pytest.raises(OperationError, match="resources of both clouds"):
        states.deployment(aws, states.VNET).cloud  # noqa: B018
    with pytest.raises(OperationError, match="no resources of a cloud"):
        states.deployment().cloud  # noqa: B018


def test_a_new_stack_has_no_list_of_resources() -> None:
    assert state.parse(json.dumps({"deployment": {"resources": None}}), "x").resources == ()
