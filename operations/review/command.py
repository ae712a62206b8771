"""The commands behind scripts/review and scripts/expire, which check the options."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from operations.errors import OperationError
from operations.export import state
from operations.review import expiry, stack_file
from operations.review.expiry import FORM, TAG


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 when it worked, 1 when it did not, with the error on standard error."""
    parser = argparse.ArgumentParser(prog="operations.review")
    commands = parser.add_subparsers(required=True)
    write = commands.add_parser("write")
    write.add_argument("like", type=Path)
    write.add_argument("target", type=Path)
    write.add_argument("--pull", required=True)
    write.add_argument("--hours", type=int, required=True)
    write.set_defaults(run=_write)
    look = commands.add_parser("look")
    look.add_argument("folder", type=Path)
    look.add_argument("--at")
    look.set_defaults(run=_look)
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _write(options: argparse.Namespace) -> None:
    """Write the stack file of a review; print when it expires."""
    expires = (expiry.at(None) + timedelta(hours=options.hours)).strftime(FORM)
    text = stack_file.written(
        options.like.read_text(),
        str(options.like),
        tags={"pull-request": options.pull, TAG: expires},
        secrets_provider=os.environ.get("PULUMI_SECRETS_PROVIDER", ""),
    )
    new = options.target.with_suffix(".new")
    new.write_text(text)
    new.replace(options.target)
    sys.stdout.write(f"{expires}\n")


def _look(options: argparse.Namespace) -> None:
    """Print a line a stack, of `STACK.json` in the folder: verdict, stack, and words for people."""
    now = expiry.at(options.at)
    for path in sorted(options.folder.glob("*.json")):
        try:
            found = expiry.standing(state.parse(path.read_text(), path.stem))
        except OperationError as error:
            # The others' time is over all the same.
            found = expiry.Standing(stack=path.stem, resources=0, problem=error.what)
        sys.stdout.write(f"{found.verdict(now)} {found.stack} {found.line(now)}\n")
