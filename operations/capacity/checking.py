"""Asks the program whether it would take a stack file: operations know nothing of its rules."""

import os
import subprocess
import sys
from pathlib import Path

from operations.stack import PROJECT

SCRIPT = PROJECT / "scripts" / "lib" / "capacity_settings.py"
SECONDS = 60.0


def refused(file: Path, text: str) -> tuple[str, ...]:
    """Return what is wrong with *text* in the place of *file*, a line each.

    A check that cannot be made says so: the deployment checks everything again.
    """
    path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), "--check", str(file)],
            input=text,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ("nobody said in time whether the settings take it",)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return ("it could not be checked: " + "".join(last),)
    return tuple(done.stdout.splitlines())
