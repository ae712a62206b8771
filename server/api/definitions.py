"""What may be published: the fields of facts.md 13.3, checked."""

import base64
import binascii
import hashlib
import re
import uuid
from dataclasses import dataclass, replace
from typing import Any

from server.api.body import take
from server.api.errors import ApiError

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PARAMETER = re.compile(r"[A-Za-z.][A-Za-z0-9._]{0,63}")
TYPES = ("logical", "numeric", "integer", "character", "vector", "matrix", "data.frame")
LARGEST_MODEL = 64 * 1024 * 1024
LARGEST_BODY = LARGEST_MODEL * 4 // 3 + 64 * 1024
LARGEST_TEXT = 4096
LARGEST_LIST = 256

UNSUPPORTED = ("code", "initCode", "snapshotId", "outputFileNames")
"""Fields that need sessions and snapshots, which this runtime does not have."""

KNOWN = (
    "model",
    "description",
    "operationId",
    "runtimeType",
    "inputParameterDefinitions",
    "outputParameterDefinitions",
    *UNSUPPORTED,
)


@dataclass(frozen=True)
class Parameter:
    """An input or output of a service."""

    name: str
    type: str

    def as_json(self) -> dict[str, str]:
        """Return the shape of the API."""
        return {"name": self.name, "type": self.type}


@dataclass(frozen=True)
class Definition:
    """What is published under a name and a version."""

    description: str
    operation_id: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    model: bytes

    @property
    def sha256(self) -> str:
        """The model's sum, in hexadecimal digits."""
        return hashlib.sha256(self.model).hexdigest()


def could_exist(name: str, version: str) -> bool:
    """Return whether somebody could have published this."""
    return bool(NAME.fullmatch(name) and VERSION.fullmatch(version))


def check_name(name: str, version: str) -> None:
    """Refuse names that could not be a path.

    Raises:
        ApiError: 400.
    """
    if not NAME.fullmatch(name):
        raise ApiError(
            400,
            "name: must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter",
        )
    if not VERSION.fullmatch(version):
        raise ApiError(
            400,
            "version: must be 1 to 64 letters, digits, '.', '_' or '-', "
            "and begin with a letter or digit",
        )


def new_version() -> str:
    """Return a version for whoever gives none; never one that was used before."""
    return f"v{uuid.uuid4()}"


def parse(body: dict[str, Any], name: str) -> Definition:
    """Return what *body* publishes as *name*.

    Raises:
        ApiError: 400, with the field and the rule.
    """
    _refuse_unknown(body)
    return Definition(
        description=_text(body, "description", ""),
        operation_id=_text(body, "operationId", name),
        inputs=_parameters(body, "inputParameterDefinitions", least=0),
        outputs=_parameters(body, "outputParameterDefinitions", least=1),
        model=_model(take(body, "model", str)),
    )


def amend(body: dict[str, Any], current: Definition, name: str) -> Definition:
    """Return *current* with the fields that *body* gives.

    Raises:
        ApiError: 400, with the field and the rule.
    """
    _refuse_unknown(body)
    given: dict[str, Any] = {}
    if body.get("description") is not None:
        given["description"] = _text(body, "description", "")
    if body.get("operationId") is not None:
        given["operation_id"] = _text(body, "operationId", name)
    if body.get("inputParameterDefinitions") is not None:
        given["inputs"] = _parameters(body, "inputParameterDefinitions", least=0)
    if body.get("outputParameterDefinitions") is not None:
        given["outputs"] = _parameters(body, "outputParameterDefinitions", least=1)
    if body.get("model") is not None:
        given["model"] = _model(take(body, "model", str))
    return replace(current, **given)


def _refuse_unknown(body: dict[str, Any]) -> None:
    for key in sorted(set(body) - set(KNOWN)):
        raise ApiError(400, f"{key[:64]}: is not a field; there are {', '.join(KNOWN)}")
    for key in UNSUPPORTED:
        if body.get(key):
            raise ApiError(
                400, f"{key}: is not supported by this runtime; publish an R function as model"
            )
    if take(body, "runtimeType", str, "R") != "R":
        raise ApiError(400, "runtimeType: must be R, there is no other on the compute nodes")


def _text(body: dict[str, Any], key: str, default: str) -> str:
    text = take(body, key, str, default)
    if len(text) > LARGEST_TEXT:
        raise ApiError(400, f"{key}: must have at most {LARGEST_TEXT} characters")
    return text


def _parameters(body: dict[str, Any], key: str, *, least: int) -> tuple[Parameter, ...]:
    values = take(body, key, list, [])
    if not least <= len(values) <= LARGEST_LIST:
        raise ApiError(400, f"{key}: must have {least} to {LARGEST_LIST} entries")
    found = tuple(_parameter(value, f"{key}[{index}]") for index, value in enumerate(values))
    if len({parameter.name for parameter in found}) != len(found):
        raise ApiError(400, f"{key}: has a name twice")
    return found


def _parameter(value: object, key: str) -> Parameter:
    if not isinstance(value, dict) or set(value) != {"name", "type"}:
        raise ApiError(400, f"{key}: must be an object with name and type")
    name, kind = value["name"], value["type"]
    if not isinstance(name, str) or not PARAMETER.fullmatch(name):
        raise ApiError(
            400, f"{key}.name: must be an R name of at most 64 letters, digits, '.' and '_'"
        )
    if kind not in TYPES:
        raise ApiError(400, f"{key}.type: must be one of {', '.join(TYPES)}")
    return Parameter(name, str(kind))


def _model(text: str) -> bytes:
    try:
        model = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(400, "model: must be a file of R's saveRDS, in base64") from None
    if not 1 <= len(model) <= LARGEST_MODEL:
        raise ApiError(400, f"model: must have 1 to {LARGEST_MODEL} bytes")
    return model
