"""The options of scripts/diagnose, apart from what they do, which takes longer to load."""

import argparse
from collections.abc import Callable


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run_it: Callable[[argparse.Namespace], int],
) -> None:
    """Add `diagnose` to the command line."""
    parser = commands.add_parser("diagnose")
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal")
    parser.add_argument("--seconds", type=float, default=18.0)
    parser.set_defaults(run=run_it)
