"""The JSON Schema for editors: in step with the models, and of their opinion."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from components.settings.schema import render, stack_file_schema
from tests.components.settings.test_laws import environments
from tests.support.environments import AZURE, changed

ROOT = Path(__file__).resolve().parents[3]
VALIDATOR = jsonschema.Draft7Validator(stack_file_schema())


def errors(environment: object, **beside: object) -> list[str]:
    keys = {f"operationalization:{key}": value for key, value in beside.items()}
    config = {"operationalization:environment": environment, "azure-native:location": "x", **keys}
    return [error.json_path for error in VALIDATOR.iter_errors({"config": config})]


def test_the_file_is_in_step_with_the_models() -> None:
    assert (ROOT / "stacks" / "environment.schema.json").read_text() == render(), (
        "run scripts/schema and commit stacks/environment.schema.json"
    )


def test_it_is_a_valid_schema() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(render()))


@given(environments())
def test_it_accepts_what_the_settings_accept(value: dict[str, Any]) -> None:
    assert errors(value) == []


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
    inner = [(key, each) for key, each in schema.items() if isinstance(each, dict)]
    return missing + [found for key, each in inner for found in descriptions_missing(each, key)]


def test_every_setting_says_what_it_is() -> None:
    assert descriptions_missing(stack_file_schema()) == []
