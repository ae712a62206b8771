"""What may be published: the product's body (facts.md 13.3)."""

from typing import Any

from server.api.definitions import PARAMETER, TYPES, Parameter
from server.api.errors import ApiError
from stand_ins.versions import Version

TEXTS = ("code", "initCode", "snapshotId", "description", "operationId", "runtimeType")
LISTS = ("inputParameterDefinitions", "outputParameterDefinitions", "outputFileNames")


def parse(version: Version, body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a definition with all its fields.

    Raises:
        ApiError: 400, with the field and the rule.
    """
    return amend(version, body, _EMPTY | {"operationId": name})


def amend(version: Version, body: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
    """Return *current* with the fields that *body* gives.

    Raises:
        ApiError: 400.
    """
    for key in sorted(set(body) - {*TEXTS, *LISTS}):
        raise ApiError(400, f"{key[:64]}: is not a field; there are {', '.join(_EMPTY)}")
    found = dict(current)
    for key in TEXTS:
        if body.get(key) is not None:
            found[key] = _text(key, body[key])
    for key in LISTS[:2]:
        if body.get(key) is not None:
            found[key] = [p.as_json() for p in _parameters(key, body[key])]
    if body.get("outputFileNames") is not None:
        found["outputFileNames"] = _names("outputFileNames", body["outputFileNames"])
    if found["runtimeType"] != "R":
        known = "Python is not in this stand-in" if version.order >= 4 else "it must be R"
        raise ApiError(400, f"runtimeType: {known}")
    if not found["code"]:
        raise ApiError(400, "code: is missing")
    return found


_EMPTY: dict[str, Any] = {
    "code": "",
    "initCode": "",
    "snapshotId": "",
    "description": "",
    "operationId": "",
    "runtimeType": "R",
    "inputParameterDefinitions": [],
    "outputParameterDefinitions": [],
    "outputFileNames": [],
}


def parameters(definition: dict[str, Any], key: str) -> tuple[Parameter, ...]:
    """Return the inputs or outputs of a definition."""
    return tuple(Parameter(**each) for each in definition[key])


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ApiError(400, f"{key}: must be of type string")
    return value


def _names(key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ApiError(400, f"{key}: must be a list of strings")
    return value


def _parameters(key: str, value: object) -> list[Parameter]:
    if not isinstance(value, list):
        raise ApiError(400, f"{key}: must be of type array")
    found = []
    for at, each in enumerate(value):
        if not isinstance(each, dict) or set(each) != {"name", "type"}:
            raise ApiError(400, f"{key}[{at}]: must be an object with name and type")
        name, kind = each["name"], each["type"]
        if not isinstance(name, str) or not PARAMETER.fullmatch(name):
            raise ApiError(400, f"{key}[{at}].name: must be an R name")
        if kind not in TYPES:
            raise ApiError(400, f"{key}[{at}].type: must be one of {', '.join(TYPES)}")
        found.append(Parameter(name, str(kind)))
    return found
