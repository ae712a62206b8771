"""The JSON Schemas of a stack file and of a base, for editors: completion, help, errors.

It says what the models say. Rules between settings stay with `parse`: a schema cannot explain
them. Names of locations and sizes are there as examples, which editors complete; as choices, they
would be listed in full in every error.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from components.settings import bases, docstrings
from components.settings.catalogue.databases import SIZES
from components.settings.catalogue.instances import INSTANCE_TYPES
from components.settings.catalogue.locations import LOCATIONS
from components.settings.catalogue.machines import MACHINES
from components.settings.catalogue.timezones import WINDOWS_NAMES
from components.settings.environment import Environment
from components.settings.stack_file import NAMESPACE
from components.settings.topology import MODELS, keys_of

_SECRET = {
    "type": "object",
    "properties": {
        "secure": {"type": "string", "description": "The encrypted value, as Pulumi wrote it."}
    },
    "required": ["secure"],
    "additionalProperties": False,
}

_BASE = {
    "type": "string",
    "pattern": bases.NAME.pattern.join("^$"),
    "description": "File of stacks/bases, without .yaml: the settings that this one lies over.",
}

STACK_FILE = "environment.schema.json"
BASE_FILE = "base.schema.json"


def render() -> dict[str, str]:
    """Return the text of each schema by its name in stacks/."""
    schemas = {STACK_FILE: stack_file_schema(), BASE_FILE: base_schema()}
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def base_schema() -> dict[str, Any]:
    """Return the schema of a file in stacks/bases: some settings, of which none is required."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Base of stack files of operationalization",
        "type": "object",
        "required": ["environment"],
        "properties": {
            "base": _BASE,
            "environment": {"$ref": f"{STACK_FILE}#/definitions/Environment"},
        },
        "additionalProperties": False,
    }


def stack_file_schema() -> dict[str, Any]:
    """Return the schema of a whole stack file."""
    # A base may have what the stack has not, so that settings are required where there is none.
    environment, definitions, required = _environment_schema()
    _complete(environment, definitions)
    definitions |= {"Environment": environment, "CompleteEnvironment": required}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Stack file of operationalization",
        "type": "object",
        "required": ["config"],
        "properties": {"config": _config_schema()},
        "definitions": definitions,
    }


def _environment_schema() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what may be in an environment, the definitions of it, and what must be.

    A key means the same in each topology that has it, so one list of properties serves all; which
    of them a topology has, and which it needs, is said beside it.
    """
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    owners: list[dict[str, Any]] = []
    needs: list[dict[str, Any]] = []
    for topology, model in MODELS.items():
        schema = _tidied(_described(model))
        inner = schema.pop("$defs")
        chosen = {"properties": {"topology": {"const": topology}}, "required": ["topology"]}
        needs.append({"if": chosen, "then": _required(schema, inner)})
        owners.append({"if": chosen, "then": {"propertyNames": {"enum": keys_of(model)}}})
        properties |= schema["properties"]
        definitions |= inner
    environment = {
        "type": "object",
        "description": Environment.__doc__,
        "properties": properties,
        "additionalProperties": False,
        "allOf": owners,
    }
    return environment, definitions, {"required": ["topology"], "allOf": needs}


def _required(schema: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Take from *schema* what it requires, mapping by mapping, and return that alone."""
    found: dict[str, Any] = {}
    if names := schema.pop("required", None):
        found["required"] = names
    for name, each in schema.get("properties", {}).items():
        for option in (each, *each.get("anyOf", [])):
            target = definitions.get(option.get("$ref", "").rpartition("/")[2], option)
            if inner := _required(target, definitions):
                found.setdefault("properties", {})[name] = inner
    entries = schema.get("additionalProperties")
    if isinstance(entries, dict):
        target = definitions.get(entries.get("$ref", "").rpartition("/")[2])
        if target and (inner := _required(target, definitions)):
            found["additionalProperties"] = inner
    return found


def _config_schema() -> dict[str, Any]:
    described: dict[str, tuple[dict[str, Any], str]] = {
        "adminPassword": (_SECRET, "Password of the account admin; generated when absent."),
        "certificate": (
            {"anyOf": [{"type": "string"}, _SECRET]},
            "TLS certificate chain in PEM form, the server's own first.",
        ),
        "certificateKey": (_SECRET, "Private key of the certificate, in PEM form, not encrypted."),
        "adminPasswordHash": (
            _SECRET,
            "R Server 9.0: hash of adminPassword, from a node that was configured by hand.",
        ),
        "ldapPassword": (_SECRET, "Password of the account that looks users up with LDAP."),
        "aadKey": (_SECRET, "Secret of the web application in Azure Active Directory."),
    }
    keys = {
        f"{NAMESPACE}:{name}": {**schema, "description": text}
        for name, (schema, text) in described.items()
    }
    base, environment = f"{NAMESPACE}:base", f"{NAMESPACE}:environment"
    complete = {"$ref": "#/definitions/CompleteEnvironment"}
    return {
        "type": "object",
        "description": "The stack's configuration.",
        "properties": {
            base: _BASE,
            environment: {"$ref": "#/definitions/Environment"},
            **keys,
        },
        "if": {"not": {"required": [base]}},
        "then": {"required": [environment], "properties": {environment: complete}},
        # Keys of providers and of Pulumi itself are none of our business; ours are all listed, and
        # settings that are keys of their own begin with one of an environment's.
        "propertyNames": {
            "if": {"pattern": f"^{NAMESPACE}:"},
            "then": {
                "anyOf": [
                    {"enum": [base, environment, *keys]},
                    {"pattern": f"^{NAMESPACE}:({'|'.join(_top_level())})([.\\[]|$)"},
                ]
            },
        },
    }


def _top_level() -> list[str]:
    return list(dict.fromkeys(key for model in MODELS.values() for key in keys_of(model)))


def _complete(environment: dict[str, Any], definitions: Mapping[str, Any]) -> None:
    """Add the names of the catalogue as examples."""
    machines = sorted(name for sizes in MACHINES.values() for name in sizes)
    servers = sorted({name for sizes in SIZES.values() for name in sizes})
    places = sorted(name for locations in LOCATIONS.values() for name in locations)
    environment["properties"]["location"]["examples"] = places
    for group in ("WebGroupSettings", "ComputeGroupSettings", "MachineSettings"):
        definitions[group]["properties"]["size"]["examples"] = machines
    instances = sorted(INSTANCE_TYPES)
    definitions["DeploymentSettings"]["properties"]["size"]["examples"] = instances
    definitions["DatabaseSettings"]["properties"]["size"]["examples"] = servers
    schedule = definitions["ScheduleSettings"]["properties"]
    schedule["timezone"]["examples"] = sorted(WINDOWS_NAMES)
    version = definitions["DatabaseSettings"]["properties"]["version"]
    version["type"] = ["string", "integer"]
    # Over a base, null takes an entry away.
    endpoint = definitions["EndpointSettings"]["properties"]
    for path in bases.NAMED_BY_USERS:
        owner = endpoint if path.startswith("endpoint.") else environment["properties"]
        entries = owner[path.rpartition(".")[2]]
        entries["additionalProperties"] = {
            "anyOf": [entries["additionalProperties"], {"type": "null"}]
        }


def _described(model: type[Environment]) -> dict[str, Any]:
    """Return the schema of *model* with each field's docstring as its description."""
    schema = model.model_json_schema()
    for name, each in docstrings.models().items():
        section = schema if each is model else schema["$defs"].get(name, {})
        for key, text in docstrings.of_fields(each).items():
            if key in section.get("properties", {}):
                section["properties"][key].setdefault("description", text)
    return schema


def _tidied(schema: Any) -> Any:
    """Return *schema* as draft 7, without titles that repeat names and defaults we compute."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return dict(_tidied_items(schema))


def _tidied_items(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in schema.items():
        if (key == "title" and isinstance(value, str)) or (key == "default" and value == ""):
            continue
        if key == "$ref":
            yield key, value.replace("#/$defs/", "#/definitions/")
        elif key == "examples" and all(isinstance(each, str) and "{" in each for each in value):
            # An example of a whole section is YAML text, for messages.
            continue
        else:
            yield key, _tidied(value)


if __name__ == "__main__":
    sys.stdout.write(render()[sys.argv[1]])
