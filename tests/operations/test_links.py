"""Which resource an input names: by id, by what it is a part of, or by what it was made from."""

from typing import Any

import pytest

from operations.export.state import UNKNOWN, Resource
from operations.links import Links, UnclearError
from tests.support import states

NET = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"


def links(**inputs: Any) -> tuple[Links, Resource]:
    """What a subnet with these inputs, made from the network under `made`, links to."""
    subnet = {**states.SUBNET, "propertyDependencies": {"made": [states.VNET["urn"]]}}
    subnet["inputs"] = {**subnet["inputs"], **inputs}
    found = states.deployment(states.VNET, subnet, states.OPEN_GROUP)
    owner = next(each for each in found.resources if each.type == SUBNET)
    return Links(found), owner


@pytest.mark.parametrize(
    "value",
    [
        states.VNET["id"],
        states.VNET["id"].upper(),
        f"{states.VNET['id']}/anything/within",
        f"{states.VNET['id']}/one/of/several",
    ],
)
def test_what_is_deployed_names_by_id(value: str) -> None:
    found, owner = links()
    assert getattr(found.one(owner, "x", value, NET), "name", None) == "net"


def test_parts_of_one_resource_name_it_once() -> None:
    found, owner = links()
    parts = [f"{states.VNET['id']}/pools/{each}" for each in "ab"]
    assert [each.name for each in found.many(owner, "x", parts, NET)] == ["net"]


@pytest.mark.parametrize("value", [UNKNOWN, f"{UNKNOWN}/pools/a"])
def test_what_is_not_known_yet_is_what_the_input_was_made_from(value: str) -> None:
    found, owner = links()
    assert getattr(found.one(owner, "made", value, NET), "name", None) == "net"


@pytest.mark.parametrize("values", [[UNKNOWN], UNKNOWN, [states.VNET["id"], UNKNOWN]])
def test_without_such_a_resource_it_is_not_clear(values: Any) -> None:
    found, owner = links()
    with pytest.raises(UnclearError, match="only a deployment tells what 'x' of 'sub' names"):
        found.many(owner, "x", values, NET)


@pytest.mark.parametrize("values", [["/subscriptions/s/other"], ["sg-1"], [7], [None]])
def test_what_is_no_part_of_the_stack_is_said(values: list[Any]) -> None:
    found, owner = links()
    with pytest.raises(UnclearError, match="names what is no part of the stack"):
        found.many(owner, "made", [*values, UNKNOWN], NET)


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_names_nothing(value: Any) -> None:
    found, owner = links()
    assert found.one(owner, "made", value, NET) is None


def test_another_kind_of_resource_is_none_of_those_asked_for() -> None:
    found, owner = links()
    with pytest.raises(UnclearError):
        found.one(owner, "x", states.OPEN_GROUP["id"], NET)


def test_parents_end_where_a_state_goes_in_circles() -> None:
    looped = {**states.VNET, "parent": states.SUBNET["urn"]}
    back = {**states.SUBNET, "parent": states.VNET["urn"]}
    found = states.deployment(looped, back)
    assert [each.name for each in Links(found).parents(found.resources[0])] == ["sub"]
