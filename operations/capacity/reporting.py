"""What a person is asked and told of an evaluation, and what files say of it."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from operations.capacity import change, checking, page, terminal
from operations.capacity.recommendation import Change
from operations.capacity.result import Result, machine
from operations.capacity.samples import Stage
from operations.errors import OperationError


def confirmed(options: argparse.Namespace, settings: Mapping[str, Any], most: int) -> bool:
    """Return whether the load may begin. Raises OperationError when nobody is there to say so.

    A stack that others depend on is asked about; one whose settings are not known counts as such.
    """
    if options.yes or settings.get("protected") is False:
        return True
    if not sys.stdin.isatty():
        raise OperationError(
            "nobody is there to say yes",
            f"stack '{options.stack}'",
            "it is protected, a load slows down whoever else calls it, and the standard input is "
            "no terminal",
            "say it with --yes",
        )
    sys.stderr.write(
        f"stack '{options.stack}' is protected: up to {most} requests at once, {options.requests} "
        f"in all, for {options.minutes} minutes at most, will slow down whoever else calls it.\n"
        "Begin? [y/N] "
    )
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() in ("y", "yes"):
        return True
    sys.stderr.write("nothing was asked\n")
    return False


def note(stage: Stage) -> None:
    """Say a stage in a line, where its progress was."""
    begin = "\r\033[K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{begin}{terminal.progressed(stage)}\n")
    sys.stderr.flush()


def patch(file: Path | None, changes: Sequence[Change]) -> tuple[str, tuple[str, ...]]:
    """Return the change of the stack file, or what to write where it cannot be changed."""
    if not changes:
        return "", ()
    if file is None:
        return change.fragment(changes), ()
    try:
        before = file.read_text()
        after = change.changed(before, changes)
    except (OSError, UnicodeDecodeError, change.UnwritableError) as error:
        return change.fragment(changes), (f"{file.name} must be changed by hand: {error}",)
    notes = tuple(f"that alone is refused: {each}" for each in checking.refused(file, after))
    return change.difference(f"{file.parent.name}/{file.name}", before, after), notes


def report(found: Result, options: argparse.Namespace) -> None:
    """Write both files, and say it on a terminal or to a program."""
    document = json.dumps(machine(found), indent=2, ensure_ascii=False) + "\n"
    # A stack's name is checked by the script; a service's is whatever somebody published.
    name = f"{options.stack}-{found.began.strftime('%Y%m%dT%H%M%SZ')}"
    try:
        options.report.mkdir(parents=True, exist_ok=True)
        (options.report / f"{name}.json").write_text(document)
        path = options.report / f"{name}.html"
        path.write_text(page.html(found))
    except OSError as error:
        raise OperationError(
            "the report cannot be written", str(options.report), str(error), "give another folder"
        ) from error
    sys.stdout.write(document if options.json else terminal.shown(found))
    sys.stdout.flush()
    sys.stderr.write(f"report: {path}\n")
