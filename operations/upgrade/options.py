"""The options of scripts/upgrade, apart from what they do, which takes longer to load."""

import argparse
from collections.abc import Callable
from pathlib import Path

INSTALLERS = ("--installer", "--sha256", "--r", "--r-sha256", "--dotnet", "--dotnet-sha256")


def add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run_it: Callable[[argparse.Namespace], None],
) -> None:
    """Add `upgrade` to the command line."""
    parser = commands.add_parser("upgrade")
    parser.add_argument("--to")
    for option in INSTALLERS:
        parser.add_argument(option)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--resume", action="store_true")
    way.add_argument("--take-back", action="store_true")
    way.add_argument("--finish", action="store_true")
    way.add_argument("--show", action="store_true")
    way.add_argument("--configure", action="store_true")
    parser.add_argument("--unserved", action="store_true")
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--memory", type=Path, required=True)
    parser.set_defaults(run=run_it)
