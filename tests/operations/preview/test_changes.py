"""What happens to each resource, and why one is replaced."""

from typing import Any

from operations.export import state
from operations.preview.changes import changes
from operations.preview.escaping import said
from tests.support import previews, states

NSG = states.OPEN_GROUP
KEY = "networkSecurityGroup"
SUBNET = {**states.SUBNET, "propertyDependencies": {KEY: [NSG["urn"]]}}


def moved(resource: Any, **inputs: Any) -> Any:
    return {**resource, "inputs": {**resource["inputs"], **inputs}}


def replaced(resource: Any, *reasons: str, **inputs: Any) -> dict[str, Any]:
    return previews.step("replace", resource, moved(resource, **inputs), replaceReasons=[*reasons])


def told(*steps: dict[str, Any]) -> dict[str, list[str]]:
    found = changes(previews.made(*steps))
    return {each.name: [said(cause.words) for cause in each.causes] for each in found}


def test_a_setting_that_cannot_be_changed_in_place_is_the_reason() -> None:
    assert told(replaced(NSG, "location", location="east")) == {
        "open": ["location cannot be changed in place"]
    }


def test_what_another_resource_causes_names_that_one() -> None:
    causes = told(
        replaced(NSG, "location", location="east"),
        replaced(SUBNET, f"{KEY}.id", networkSecurityGroup={"id": state.UNKNOWN}),
    )
    assert causes["sub"] == [f"{KEY}.id comes from open, which is replaced"]


def test_what_goes_since_another_is_deleted_first_names_that_one_too() -> None:
    causes = told(replaced(NSG, "location"), replaced(SUBNET))
    assert causes["sub"] == [f"{KEY} comes from open, which is replaced"]


def test_what_another_changes_in_place_is_said_so() -> None:
    update = previews.step("update", NSG, moved(NSG, tags={"a": "b"}))
    assert told(update, replaced(SUBNET, KEY))["sub"] == [f"{KEY} comes from open, which changes"]


def test_the_cause_comes_before_its_consequences_and_the_serious_before_the_rest() -> None:
    found = changes(
        previews.made(
            previews.step("create", None, states.VNET),
            replaced(SUBNET),
            replaced({**NSG, "type": "azure-native:z:Z"}, "location"),
            previews.step("delete", states.VAULT_SECRET),
        )
    )
    assert [(each.op, each.name) for each in found] == [
        ("delete", "word"),
        ("replace", "open"),
        ("replace", "sub"),
        ("create", "net"),
    ]


def test_components_and_the_engines_providers_are_no_resources() -> None:
    provider = states.resource("pulumi:providers:aws", "p", "1", {"region": "x"})
    component = {"urn": "urn:pulumi:dev::p::x:y:Z::c", "type": "x:y:Z", "custom": False}
    found = previews.made(
        previews.step("update", provider, moved(provider, region="y")),
        previews.step("create", None, component),
    )
    assert changes(found) == ()


def test_of_a_secret_it_is_said_that_it_is_another_one() -> None:
    masked = moved(states.VAULT_SECRET, properties={"value": "[secret]"})
    detail = {"properties.value": {"kind": "update", "inputDiff": True}}
    (found,) = changes(previews.made(previews.step("update", masked, masked, detailedDiff=detail)))

    assert [line for each in found.differences for line in each.lines()] == [
        "- properties.value: (secret)",
        "+ properties.value: (secret), another one",
    ]
