"""What editors know of pipelines: Microsoft's schema, as the package check-jsonschema brings it."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
"""What is worked out before the service reads the document; then some word stands there."""


def violations(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the schema refuses, at the deepest place that it looked into."""
    for error in _validator().iter_errors(_as_text(document)):
        deepest = max(_leaves(error), key=lambda each: len(each.absolute_path))
        yield f"{deepest.json_path.removeprefix('$.')}: {deepest.message:.200}"


@cache
def _validator() -> Validator:
    place = resources.files("check_jsonschema") / "builtin_schemas/vendor/azure-pipelines.json"
    schema = json.loads(place.read_text())
    made: Validator = jsonschema.validators.validator_for(schema)(schema)
    return made


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    if not error.context:
        yield error
    for each in error.context or ():
        yield from _leaves(each)


def _as_text(value: Any, *, typed: bool = False) -> Any:
    """Return *value* as the service reads it: every scalar a text, but for the inputs of a task."""
    if isinstance(value, Mapping):
        return {key: _as_text(each, typed=typed or key == "inputs") for key, each in value.items()}
    if isinstance(value, list):
        return [_as_text(each, typed=typed) for each in value]
    if value is None:
        return ""
    if isinstance(value, str):
        return EXPRESSION.sub("x", value)
    if typed:
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
