"""Runs the programs that reach a cloud."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from operations.errors import OperationError


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program of somebody else, and what to do without it."""

    name: str
    install: str

    def run(self, arguments: Sequence[str], seconds: float, text: str = "") -> "Ended":
        """Run it with *text* as its input. Raises OperationError when it is not there or late."""
        found = shutil.which(self.name)
        if found is None:
            raise OperationError(
                "the nodes cannot be reached", self.name, "it is not installed", self.install
            )
        try:
            done = subprocess.run(
                [found, *arguments],
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise OperationError(
                "a node did not answer in time",
                " ".join([self.name, *arguments[:2]]),
                f"nothing came within {seconds:.0f} seconds",
                "try again; what was under way on the node may have gone on",
            ) from error
        return Ended(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How it ended."""

    code: int
    stdout: str
    stderr: str
