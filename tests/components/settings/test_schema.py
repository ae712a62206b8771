"""The JSON Schema for editors: in step with the models, and of their opinion."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from referencing import Registry, Resource

from components.settings.schema import base_schema, render, stack_file_schema
from tests.components.settings.test_laws import environments
from tests.components.settings.test_rules import CASES, described
from tests.support.environments import AZURE, changed

ROOT = Path(__file__).resolve().parents[3]
VALIDATOR = jsonschema.Draft7Validator(stack_file_schema())


def errors(environment: object, **beside: object) -> list[str]:
    keys = {f"operationalization:{key}": value for key, value in beside.items()}
    config = {"operationalization:environment": environment, "azure-native:location": "x", **keys}
    return [error.json_path for error in VALIDATOR.iter_errors({"config": config})]


def test_the_file_is_in_step_with_the_models() -> None:
    for name, text in render().items():
        assert (ROOT / "stacks" / name).read_text() == text, f"run scripts/schema, commit {name}"


def test_it_is_a_valid_schema() -> None:
    for text in render().values():
        jsonschema.Draft7Validator.check_schema(json.loads(text))


@given(environments())
def test_it_accepts_what_the_settings_accept(value: dict[str, Any]) -> None:
    assert errors(value) == []


@pytest.mark.parametrize("name", CASES["holds"])
def test_it_accepts_every_case_that_holds(name: str) -> None:
    assert errors(described(CASES["holds"][name])) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"web.cuont": 1},
        {"web.count": "2"},
        {"web.count": 0},
        {"cloud": "azur"},
        {"compute.autoscale.scaleIn": {"below": 100}},
        {"database.name": "Models"},
        {"access.clients": []},
        {"access.clients": ["anyone"]},
        {"protection": "no"},
        {"runtime.version": 1.2},
    ],
    ids=str,
)
def test_it_refuses_what_a_single_setting_cannot_be(changes: dict[str, Any]) -> None:
    assert errors(changed(AZURE, changes)) != []


def test_secrets_are_encrypted_and_keys_are_known() -> None:
    assert errors(AZURE, adminPassword={"secure": "v1:x"}, certificate="x") == []
    assert errors(AZURE, adminPassword="hunter2") != []
    assert errors(AZURE, adminPasword={"secure": "v1:x"}) != []


def descriptions_missing(schema: Any, path: str = "") -> list[str]:
    if not isinstance(schema, dict):
        return []
    missing = [
        f"{path}.{name}"
        for name, each in schema.get("properties", {}).items()
        if "description" not in each and "$ref" not in each
    ]
    # Of a complete environment is said what it requires, and nothing else.
    own = {key: each for key, each in schema.items() if key != "CompleteEnvironment"}
    inner = [(key, each) for key, each in own.items() if isinstance(each, dict)]
    return missing + [found for key, each in inner for found in descriptions_missing(each, key)]


def test_a_setting_may_be_a_key_of_its_own() -> None:
    config = {"operationalization:base": "shared", "operationalization:location": "westeurope"}
    lists = {"operationalization:compute.autoscale.schedules[0].minimum": "2"}
    assert VALIDATOR.is_valid({"config": {**config, **lists}})
    assert not VALIDATOR.is_valid({"config": {**config, "operationalization:locations": "x"}})


def test_every_setting_says_what_it_is() -> None:
    assert descriptions_missing(stack_file_schema()) == []


def test_over_a_base_every_setting_may_be_missing_and_none_may_be_wrong() -> None:
    part = {"web": {"autoscale": {"maximum": 3}}}
    assert errors(part, base="production") == []
    assert errors({"web": {"autoscale": {"maximum": "3"}}}, base="production") != []
    assert errors(part) != []
    assert errors(changed(AZURE, {"web": {"autoscale": {"maximum": 3}}})) != []
    assert errors(AZURE, base="../production") != []


def test_a_stack_may_be_nothing_but_its_base() -> None:
    schema = jsonschema.Draft7Validator(stack_file_schema())
    assert schema.is_valid({"config": {"operationalization:base": "production"}})
    assert not schema.is_valid({"config": {}})


def test_a_base_is_checked_like_a_stack() -> None:
    own = {"environment.schema.json": stack_file_schema()}
    registry = Registry().with_resources(
        (name, Resource.from_contents(contents)) for name, contents in own.items()
    )
    schema = jsonschema.Draft7Validator(base_schema(), registry=registry)
    for path in (ROOT / "stacks" / "bases").glob("*.yaml"):
        assert list(schema.iter_errors(yaml.safe_load(path.read_text()))) == []
    assert not schema.is_valid({"environment": {"web": {"cuont": 1}}})
    assert not schema.is_valid({"environment": {}, "bsae": "x"})
    assert not schema.is_valid({"base": "production"})
