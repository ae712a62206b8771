"""Says in the user's words what pydantic found: the rule, and what to write instead.

The JSON Schema of the models is the one source for ranges, choices and examples, so that editors
and errors agree.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic_core import ErrorDetails

from components.settings.model import Model
from components.settings.problems import Problem, closest, listed, show
from components.settings.secrets import SECRET_KEYS
from components.settings.shape import join
from components.settings.topology import topologies_with

Schema = Mapping[str, Any]

BESIDE = ("certificate", *SECRET_KEYS)
"""Configuration keys beside `environment`."""

_KINDS: Mapping[str, str] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}

_WORDS: Mapping[str, bool] = {
    "yes": True,
    "on": True,
    "true": True,
    "no": False,
    "off": False,
    "false": False,
}


def problem_of(error: ErrorDetails, model: type[Model]) -> Problem:
    """Return the problem that pydantic's *error* in a *model* is."""
    key, kind, value = _key(error["loc"]), error["type"], error["input"]
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(error["loc"], model)
    schema = schema_at(error["loc"], model)
    if kind == "missing":
        return Problem(key, "", "is required", f"add {key}: {_example(schema)}")
    if kind == "rule":
        return Problem(key, show(value), context["rule"], context["fix"])
    if kind in _KINDS:
        return Problem(key, show(value), f"must be {_KINDS[kind]}", _retype(kind, value, schema))
    if kind == "literal_error":
        return Problem(key, show(value), *_choice(value, schema))
    rule, fix = _limit(kind, schema)
    return Problem(key, show(value), rule or error["msg"].lower(), fix)


def echoes(error: ErrorDetails) -> bool:
    """Return whether *error* only repeats others: a list is "too short" for invalid entries."""
    return error["type"] == "too_short" and bool(error["input"])


def _unknown(loc: Sequence[int | str], model: type[Model]) -> Problem:
    """Return the problem of a key that nothing reads. Its value may be a misplaced secret."""
    name, key = str(loc[-1]), _key(loc)
    known = list(schema_at(loc[:-1], model).get("properties", {}))
    if name in BESIDE:
        secret = " --secret" if name != "certificate" else ""
        fix = f"remove it, and run: pulumi config set{secret} {name}"
        return Problem(key, "", "is a configuration key of its own, not part of environment", fix)
    if len(loc) == 1 and (owners := topologies_with(name)):
        fix = f"remove it, or write topology: {' or '.join(owners)}"
        return Problem(key, "", f"is a setting of topology: {' or '.join(owners)} only", fix)
    near = closest(name, known)
    fix = f"did you mean {near}?" if near else f"remove it; known here are {listed(known, 20)}"
    return Problem(key, "", "is not a known setting", fix)


def _retype(kind: str, value: object, schema: Schema) -> str:
    """Return what to write for a *value* of the wrong type."""
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _WORDS:
        return f"write {json.dumps(_WORDS[value.lower()])} without quotes"
    if kind.startswith("int"):
        return _as_integer(value, schema)
    if kind == "string_type" and isinstance(value, float):
        return f'put the version or number in quotes, such as "{value}": YAML drops final zeros'
    if kind == "string_type" and isinstance(value, bool | int):
        return f'put it in quotes: "{json.dumps(value)}"'
    if kind == "tuple_type" and isinstance(value, str | int | float):
        text = str(value)
        return f"write [{text}]" if len(text) <= 40 and text.isprintable() else "put it in brackets"
    if value is None:
        return f"give a value such as {_example(schema)}, or remove the line"
    return f"write it like {_example(schema)}"


def _as_integer(value: object, schema: Schema) -> str:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return f"write {int(value)} without quotes"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return f"write {int(value)}"
    return f"write a number such as {_example(schema)}"


def _choice(value: object, schema: Schema) -> tuple[str, str]:
    """Return rule and fix of a word that is none of the known ones."""
    choices = [str(choice) for choice in schema.get("enum", [])]
    if len(choices) == 0:
        choices = [str(schema.get("const", ""))]
    near = closest(value, choices) if isinstance(value, str) else None
    # Of many, the first one suits few.
    other = f"write {choices[0]}" if len(choices) < 4 else "choose one of them"
    fix = f"did you mean {near}?" if near else other
    return f"must be {' or '.join(choices) if len(choices) < 3 else _one_of(choices)}", fix


def _one_of(choices: Sequence[str]) -> str:
    return f"one of {', '.join(choices)}"


def _limit(kind: str, schema: Schema) -> tuple[str, str]:
    """Return rule and fix of a value outside its bounds or form."""
    if kind in ("greater_than_equal", "less_than_equal"):
        low, high = schema.get("minimum"), schema.get("maximum")
        nearest = low if kind == "greater_than_equal" else high
        return f"must be {low} to {high}", f"write {nearest}"
    if kind == "string_pattern_mismatch":
        return schema.get("patternErrorMessage", ""), f"write it like {_example(schema)}"
    if kind == "too_short":
        return "must have at least one entry", f"write it like {_example(schema)}"
    if kind == "too_long":
        most = schema.get("maxItems", schema.get("maxProperties"))
        return f"must have at most {most} entries", f"remove all but {most}"
    return "", f"write it like {_example(schema)}"


def _example(schema: Schema) -> str:
    """Return something that may stand at the place of *schema*."""
    for source in (schema.get("examples") or [None])[0], schema.get("default"):
        if isinstance(source, dict):
            return json.dumps({key: value for key, value in source.items() if value is not None})
        if source is not None and source != "":
            return source if isinstance(source, str) else json.dumps(source)
    if "enum" in schema:
        return str(schema["enum"][0])
    by_type = {"integer": str(schema.get("minimum", 1)), "boolean": "true", "array": "[]"}
    return by_type.get(str(schema.get("type")), "{}" if "properties" in schema else "a word")


def _key(loc: Sequence[int | str]) -> str:
    path = ""
    for part in loc:
        if part != "[key]":
            path = join(path, part)
    return path


@cache
def _schema(model: type[Model]) -> Schema:
    return model.model_json_schema()


def schema_at(loc: Sequence[int | str], model: type[Model]) -> Schema:
    """Return the schema of what stands at *loc* of a *model*; empty where it has no such place."""
    schema = _schema(model)
    for part in loc:
        if isinstance(part, int):
            inner = schema.get("items", {})
        else:
            inner = schema.get("properties", {}).get(part, schema.get("additionalProperties", {}))
        schema = _resolved(inner if isinstance(inner, dict) else {}, model)
    return schema


def _resolved(schema: Schema, model: type[Model]) -> Schema:
    """Return *schema* with what it refers to, and without the choice of null."""
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    if options:
        schema = {**schema, **options[0]}
    if "$ref" in schema:
        target = _schema(model)["$defs"][schema["$ref"].rpartition("/")[2]]
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema
