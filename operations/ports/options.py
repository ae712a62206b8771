"""The options of scripts/ports, apart from what they do, which takes longer to load."""

import argparse
from collections.abc import Callable
from pathlib import Path


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run_it: Callable[[argparse.Namespace], None],
) -> None:
    """Add `ports` to the command line."""
    parser = commands.add_parser("ports")
    parser.add_argument("--web", type=int)
    parser.add_argument("--compute", type=int)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--resume", action="store_true")
    way.add_argument("--take-back", action="store_true")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--memory", type=Path, required=True)
    parser.set_defaults(run=run_it)
