"""The folder that workers read: one JSON file a service version, one file a model.

`NAME/VERSION.json` says which model file, named by its SHA-256, belongs to the version. Each file
appears whole or not at all, so that a worker never reads half of one.
"""

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MODELS = ".models"


class ServiceFileError(ValueError):
    """What the database holds is not what was published."""


@dataclass(frozen=True)
class Entry:
    """A service version, without its model."""

    name: str
    version: str
    sha256: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


class Shelf:
    """The services on this node's disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / MODELS).mkdir(mode=0o755, exist_ok=True)

    def has_model(self, sha256: str) -> bool:
        """Return whether the model is here already."""
        return self._model(sha256).exists()

    def add_model(self, sha256: str, model: bytes) -> None:
        """Write *model* after checking it against *sha256*.

        Raises:
            ServiceFileError: when it has another sum.
        """
        found = hashlib.sha256(model).hexdigest()
        if found != sha256:
            raise ServiceFileError(f"model {sha256} has the sum {found}: it is not written")
        _write(self._model(sha256), model)

    def replace(self, entries: Collection[Entry]) -> None:
        """Make the shelf hold *entries* and nothing else."""
        wanted = {self._description(entry): entry for entry in entries}
        for path, entry in wanted.items():
            _write(path, _describe(entry))
        for path in self._folder.glob("*/*.json"):
            if path not in wanted:
                path.unlink()
        used = {self._model(entry.sha256) for entry in entries}
        for path in (self._folder / MODELS).iterdir():
            if path not in used:
                path.unlink()
        for folder in self._folder.iterdir():
            if folder.name != MODELS and not any(folder.iterdir()):
                folder.rmdir()

    def _model(self, sha256: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise ServiceFileError(f"{sha256!r} is not a SHA-256 sum")
        return self._folder / MODELS / f"{sha256}.rds"

    def _description(self, entry: Entry) -> Path:
        if not NAME.fullmatch(entry.name) or not VERSION.fullmatch(entry.version):
            raise ServiceFileError(f"{entry.name!r} {entry.version!r} cannot be a file's name")
        return self._folder / entry.name / f"{entry.version}.json"


def _describe(entry: Entry) -> bytes:
    document = {"sha256": entry.sha256, "inputs": entry.inputs, "outputs": entry.outputs}
    return json.dumps(document, sort_keys=True).encode()


def _write(path: Path, content: bytes) -> None:
    """Write *content*, readable by all, unless it is there already."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(mode=0o755, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(0o644)
    new.replace(path)
