"""The options of scripts/unlock, apart from what they do, which takes longer to load."""

import argparse
from collections.abc import Callable
from pathlib import Path


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run_it: Callable[[argparse.Namespace], None],
) -> None:
    """Add `unlock` to the command line."""
    parser = commands.add_parser("unlock")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--backups", type=Path, required=True)
    parser.set_defaults(run=run_it)
