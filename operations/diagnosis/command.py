"""The command behind scripts/diagnose."""

import argparse
import sys

from operations.diagnosis import report
from operations.diagnosis.looking import look
from operations.stack import Backend

FOUND = 2
"""Exit code where something is not well; 1 is for what nobody can tell."""


def run(options: argparse.Namespace, backend: Backend) -> int:
    """Look, say what was found, and return the exit code. Raises OperationError."""
    looked = look(options.stack, backend, options.seconds)
    if options.format == "json":
        sys.stdout.write(f"{report.machine(looked)}\n")
    else:
        report.terminal(looked)
    sys.stdout.flush()
    return FOUND if looked.findings else 0
