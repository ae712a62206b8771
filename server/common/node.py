"""What a service knows of the node it runs on: one JSON file, and systemd's credentials."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NODE_FILE = Path("/etc/operationalization/node.json")
STATE_FILE = Path("/run/operationalization/state.map")


@dataclass(frozen=True)
class Database:
    """Where the environment's database is."""

    host: str
    port: int
    name: str


@dataclass(frozen=True)
class Node:
    """The part of the node's JSON file that services read."""

    environment: str
    role: str
    port: int
    database: Database
    principal: str
    """Database user of the web identity, for migrations."""

    settings: dict[str, Any]
    """The section of the node's own role."""


def read_node(path: Path = NODE_FILE) -> Node:
    """Return what *path* says; it was written with the node, so a mistake in it is a crash."""
    document = json.loads(path.read_text(encoding="utf-8"))
    database = document["database"]
    return Node(
        environment=document["environment"],
        role=document["role"],
        port=document["port"],
        database=Database(database["host"], database["port"], database["name"]),
        principal=database["principal"],
        settings=document[document["role"]],
    )


def credential(name: str) -> str:
    """Return the credential that systemd gives to this unit (systemd.exec, `LoadCredential=`)."""
    folder = Path(os.environ["CREDENTIALS_DIRECTORY"])
    return (folder / name).read_text(encoding="utf-8").rstrip("\n")


def is_ready(path: Path = STATE_FILE) -> bool:
    """Return whether the node is configured and not draining."""
    try:
        return path.read_text(encoding="ascii").split() == ["state", "ready"]
    except OSError:
        return False
