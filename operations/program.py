"""Asks the program about a stack file: operations know nothing of settings, which it reads."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from operations.errors import OperationError
from operations.stack import PROJECT


def asked(
    module: str, file: Path, arguments: Sequence[str], *, refused: str, fix: str, given: str = ""
) -> str:
    """Return what *module* of the program says of *file*, as JSON.

    Raises OperationError, *refused*, with the program's own words as the reason.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, str(file), *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = done.stderr.strip() or f"the program ended with {done.returncode}"
        raise OperationError(refused, str(file), why, fix)
    return done.stdout
