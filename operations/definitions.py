"""A service as an environment describes it, and what publishes one, in the words of its product.

The open runtime takes a model as it is. R Server and ML Server take R code (facts.md 13.3): what is
published there is code that holds the model and calls it, so that the same folder gives the same
answers on both.
"""

import base64
import binascii
import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from operations import serialization

Parameters = tuple[tuple[str, str], ...]
"""Names and R types."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A service version, as the environment describes it."""

    name: str
    version: str
    description: str
    inputs: Parameters
    outputs: Parameters
    sha256: str
    """The model's sum; of R code that holds no model, its own."""
    created: datetime
    operation_id: str = ""
    """What generated clients call it; empty for the service's name."""
    code: str = field(default="", repr=False)
    """What calls the model; empty where the environment does that by itself."""
    model: bytes | None = field(default=None, repr=False, compare=False)
    """The model, where the description holds it."""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What is to be published."""

    description: str
    operation_id: str
    inputs: Parameters
    outputs: Parameters
    model: bytes = field(repr=False)


class Dialect(Protocol):
    """How one product describes services."""

    def model(self, model: bytes) -> bytes:
        """Return *model* as it is published."""
        ...

    def body(self, definition: Definition) -> dict[str, Any]:
        """Return what publishes *definition*, whose model is one that `model` has returned."""
        ...

    def code(self, definition: Definition) -> str:
        """Return what calls the model."""
        ...

    def read(self, entry: Mapping[str, Any]) -> Published:
        """Return the service that *entry* describes. Raises KeyError, TypeError, ValueError."""
        ...


class Open:
    """The open runtime: the model in base64, its sum in return."""

    def model(self, model: bytes) -> bytes:
        """Return the model as it is."""
        return model

    def body(self, definition: Definition) -> dict[str, Any]:
        """Return the model beside what describes it."""
        return {
            "model": base64.b64encode(definition.model).decode(),
            **_described(definition),
        }

    def code(self, definition: Definition) -> str:
        """Return nothing: calling the model is the runtime's own."""
        del definition
        return ""

    def read(self, entry: Mapping[str, Any]) -> Published:
        """Return the service of an entry."""
        return Published(**_common(entry), sha256=str(entry["modelSha256"]))


LOADS = re.compile(r'\A# A model of R.*?jsonlite::base64_dec\("([A-Za-z0-9+/=]*)"\)', re.DOTALL)
MODEL = ".operationalization.model"
ANSWER = ".operationalization.answer"
"""Names that stand beside those of inputs and outputs, which nobody begins so."""


class Family:
    """R Server and ML Server: R code, run once (`initCode`) and at each call (`code`)."""

    def __init__(self, r_version: str) -> None:
        self._old = _release(r_version) < _release(serialization.SINCE)

    def model(self, model: bytes) -> bytes:
        """Return the model in a form that the product's R reads."""
        plain = gzip.decompress(model) if model.startswith(b"\x1f\x8b") else model
        return serialization.older(plain) if self._old else plain

    def body(self, definition: Definition) -> dict[str, Any]:
        """Return the code that holds the model, the code that calls it, and what describes it."""
        text = base64.b64encode(definition.model).decode()
        loads = (
            "# A model of R, as saveRDS wrote it.\n"
            f'{MODEL} <- unserialize(jsonlite::base64_dec("{text}"))\n'
        )
        return {
            "initCode": loads,
            "code": self.code(definition),
            "snapshotId": "",
            "outputFileNames": [],
            **_described(definition),
        }

    def code(self, definition: Definition) -> str:
        """Return code that calls the model with the inputs and binds the outputs by name."""
        given = ", ".join(f"`{name}` = `{name}`" for name, _ in definition.inputs)
        names = [name for name, _ in definition.outputs]
        lines = [f"{ANSWER} <- {MODEL}({given})"]
        if len(names) == 1:
            # As on the open runtime: what is no list with that name in it is the output itself.
            lines.append(
                f'if (!(is.list({ANSWER}) && "{names[0]}" %in% names({ANSWER}))) '
                f"{ANSWER} <- list(`{names[0]}` = {ANSWER})"
            )
        lines += [f'`{name}` <- {ANSWER}[["{name}"]]' for name in names]
        return "\n".join(lines) + "\n"

    def read(self, entry: Mapping[str, Any]) -> Published:
        """Return the service of an entry."""
        loads, code = str(entry.get("initCode") or ""), str(entry.get("code") or "")
        model = _inside(loads)
        summed = model if model is not None else f"{loads}\n{code}".encode()
        return Published(
            **_common(entry),
            sha256=hashlib.sha256(summed).hexdigest(),
            code=code,
            model=model,
        )


def _inside(loads: str) -> bytes | None:
    """Return the model in code of ours; None for anybody else's."""
    found = LOADS.match(loads)
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return None


def _described(definition: Definition) -> dict[str, Any]:
    return {
        "description": definition.description,
        "operationId": definition.operation_id,
        "runtimeType": "R",
        "inputParameterDefinitions": [{"name": n, "type": t} for n, t in definition.inputs],
        "outputParameterDefinitions": [{"name": n, "type": t} for n, t in definition.outputs],
    }


def _common(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": str(entry["name"]),
        "version": str(entry["version"]),
        "description": str(entry["description"] or ""),
        "inputs": _parameters(entry["inputParameterDefinitions"]),
        "outputs": _parameters(entry["outputParameterDefinitions"]),
        "created": datetime.fromisoformat(entry["creationTime"]),
        "operation_id": str(entry.get("operationId") or ""),
    }


def _parameters(entries: Any) -> Parameters:
    return tuple((str(entry["name"]), str(entry["type"])) for entry in entries or ())


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
