"""Asks the program what the nodes of a stack need for another version of their product.

Operations know nothing of products: the answer comes from `components.bootstrap.upgrade`, as JSON
of a process of its own.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from operations.errors import OperationError
from operations.stack import PROJECT


@dataclass(frozen=True, kw_only=True)
class Content:
    """What an upgrade is made of."""

    of: str
    to: str
    """Product and version."""

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
    found = json.loads(asked(file, wanted))
    return Content(
        of=found["of"],
        to=found["to"],
        server=bool(found["server"]),
        archives={role: base64.b64decode(each) for role, each in found["archives"].items()},
        before=file.read_text(),
        after=found["stackFile"],
    )


def asked(file: Path, wanted: Wanted) -> str:
    """Return what the program says, as JSON. Raises OperationError with its words."""
    done = subprocess.run(
        [sys.executable, "-m", "components.bootstrap.upgrade", str(file), "--to", wanted.version,
         *wanted.installers],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise OperationError(
            "the stack cannot be upgraded so",
            str(file),
            done.stderr.strip() or f"the program ended with {done.returncode}",
            "nothing was changed; docs/r-server.md has the paths from version to version",
        )
    return done.stdout
