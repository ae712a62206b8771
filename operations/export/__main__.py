"""The command behind scripts/export: writes the export to standard output.

The state is that of a deployed stack, or else the one on standard input, of a deployment that was
made to be looked at only.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from operations.errors import OperationError
from operations.export import arm, state, terraform
from operations.stack import PROJECT, Backend, Cloud, Sandbox, exported_state

FORMATS = ("arm", "terraform")


def main(arguments: Sequence[str]) -> int:
    """Write the export; 0 when it worked, 1 when it did not, with the error on standard error."""
    parser = argparse.ArgumentParser(prog="operations.export")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--deployed", action="store_true")
    parser.add_argument("--cloud", action="store_true")
    parser.add_argument("--sandbox-home", type=Path, default=PROJECT / ".cache" / "sandbox")
    options = parser.parse_args(arguments)
    writers: dict[str, Callable[[state.Deployment], dict[str, Any]]] = {
        "arm": arm.template,
        "terraform": lambda found: terraform.plan(found, deployed=options.deployed),
    }
    try:
        text = _deployed(options) if options.deployed else sys.stdin.read()
        made = writers[options.format](state.parse(text, options.stack))
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    json.dump(made, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


def _deployed(options: argparse.Namespace) -> str:
    backend: Backend = Cloud() if options.cloud else Sandbox(options.sandbox_home)
    return exported_state(options.stack, backend)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
