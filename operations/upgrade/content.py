"""Asks the program what the nodes of a stack need for another version of their product.

Operations know nothing of products: the answer comes from `components.bootstrap.upgrade`, as JSON
of a process of its own.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from operations import program


@dataclass(frozen=True, kw_only=True)
class Content:
    """What an upgrade is made of."""

    of: str
    to: str
    """Product and version."""

    system: str
    """What the nodes run, as `Node.system` has it."""

    server: bool
    """Whether the nodes share a database server."""

    archives: Mapping[str, bytes]
    """By role."""

    before: str
    after: str
    """The stack file's text."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person asks for."""

    version: str
    installers: Sequence[str]
    """Options of `components.bootstrap.upgrade` about installers, passed on as they are."""


def ask(file: Path, wanted: Wanted) -> Content:
    """Return what brings the stack of *file* to the wanted version.

    Raises OperationError, with the program's own words, when that cannot be.
    """
    return _content(asked(file, wanted), file)


def ask_for_settings(file: Path, deployed: Mapping[str, Mapping[str, object]]) -> Content:
    """Return what has nodes do what the stack of *file* says; *deployed*: `content` by role.

    Raises OperationError, with the program's own words, when that cannot be.
    """
    return _content(_told(file, ["--configure"], json.dumps(deployed)), file)


def _content(answer: str, file: Path) -> Content:
    found = json.loads(answer)
    return Content(
        of=found["of"],
        to=found["to"],
        system=found["system"],
        server=bool(found["server"]),
        archives={role: base64.b64decode(each) for role, each in found["archives"].items()},
        before=file.read_text(),
        after=found["stackFile"],
    )


def asked(file: Path, wanted: Wanted) -> str:
    """Return what the program says, as JSON. Raises OperationError with its words."""
    return _told(file, ["--to", wanted.version, *wanted.installers], "")


def _told(file: Path, arguments: Sequence[str], given: str) -> str:
    return program.asked(
        "components.bootstrap.upgrade",
        file,
        arguments,
        refused="the stack cannot be upgraded so",
        fix="nothing was changed; docs/r-server.md has the paths from version to version",
        given=given,
    )
