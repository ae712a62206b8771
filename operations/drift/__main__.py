"""`python -m operations.drift EVENTS STATE`: what scripts/drift runs behind the refresh."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from operations.drift import events, report
from operations.drift.words import FORMATS
from operations.errors import OperationError
from operations.export import state
from operations.locks import pending

NONE, WRONG, DRIFT = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Say what differs; 0 when nothing does, 2 when something does, 1 when nobody can tell."""
    parser = argparse.ArgumentParser(prog="operations.drift")
    parser.add_argument("events", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--format", choices=FORMATS, default="terminal")
    options = parser.parse_args(arguments)
    try:
        refresh = events.read(options.events.read_text(), options.stack)
        exported = options.state.read_text()
        found = report.make(
            refresh, state.parse(exported, options.stack), pending.read(exported, options.stack)
        )
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG
    sys.stdout.write(FORMATS[options.format](found))
    return DRIFT if found.changed else NONE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
