"""The command behind scripts/preview: one run of the engine, one report."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from operations.errors import OperationError
from operations.preview import cutting, engine, events, plan
from operations.preview.engine import Recording
from operations.preview.events import Events, Message
from operations.preview.machine import machine
from operations.preview.markdown import markdown
from operations.preview.policy import MANDATORY
from operations.preview.report import FAILED, Report, report
from operations.preview.terminal import terminal
from operations.preview.values import told

FORMATS = ("terminal", "markdown", "json")
SEPARATE = "--"


def main(arguments: Sequence[str]) -> int:
    """Write the report; 0 when all is well, 1 after an error, 2 when a policy refuses it."""
    mine, theirs = _parted(list(arguments))
    options = _parser().parse_args(mine)
    try:
        with _waiting(options.stack):
            found = engine.run(options.program, options.stack, theirs)
        made = made_of(found, options.stack, against=options.against, notes=tuple(options.note))
        _write(made, options)
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has gone; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return made.exit_code


def made_of(found: Recording, stack: str, *, against: str, notes: tuple[str, ...] = ()) -> Report:
    """Return the report on one run of the engine. Raises OperationError when it ran not at all."""
    heard = events.read(found.events)
    written = found.preview.strip()
    if not written.startswith("{") and not found.exit_code:
        raise OperationError(
            "the preview cannot be read", f"stack '{stack}'", "Pulumi wrote none", "try again"
        )
    read = plan.read(written if written.startswith("{") else "{}", stack)
    # A policy that refuses makes the engine fail too, after it has looked at everything; and so
    # does what is protected, but that policies about the whole stack are not asked then.
    refused = bool(heard.protected) or any(each.level == MANDATORY for each in heard.judgements)
    ended = not found.exit_code or (refused and not heard.stopped)
    if heard.protected and ended:
        notes = (*notes, "policies about the whole stack were not asked: the engine stopped before")
    if not ended:
        heard = _with(heard, found.words)
    return report(read, heard, against=against, ended=ended, notes=notes)


def _waiting(stack: str) -> AbstractContextManager[object]:
    """Show that the engine is at work, where somebody looks."""
    if not sys.stderr.isatty():
        return nullcontext()
    return Console(stderr=True).status(Text(f"the engine previews {stack}"))


def _with(heard: Events, words: str) -> Events:
    """Return what was heard, with what the engine said outside of its log."""
    if heard.errors or not words.strip():
        return heard
    return Events(messages=(*heard.messages, Message("error", told(words).strip())))


def _parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return our own options, and those for the engine behind `--`."""
    if SEPARATE not in arguments:
        return arguments, []
    index = arguments.index(SEPARATE)
    return arguments[:index], arguments[index + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="operations.preview")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--program", type=Path, default=Path.cwd())
    parser.add_argument("--against", default="what is deployed")
    parser.add_argument("--format", choices=FORMATS, default="terminal")
    parser.add_argument("--platform", choices=sorted(cutting.LIMITS), default="github")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--note", action="append", default=[])
    return parser


def _write(made: Report, options: argparse.Namespace) -> None:
    if options.format == "terminal" and not options.output:
        terminal(made, sys.stdout)
        return
    written = written_as(made, options.format, platform=options.platform, limit=options.limit)
    if not options.output:
        sys.stdout.write(written)
        sys.stdout.flush()
        return
    try:
        options.output.write_text(written)
    except OSError as error:
        raise OperationError(
            "the report cannot be written", str(options.output), str(error.strerror),
            "give --output a file in a folder that exists and that you may write to",
        ) from None  # fmt: skip


def written_as(
    made: Report, form: str, *, platform: str = "github", limit: int | None = None
) -> str:
    """Return the report as text."""
    if form == "markdown":
        return markdown(made, platform=platform, limit=limit)
    if form == "json":
        return json.dumps(machine(made), indent=2, ensure_ascii=False) + "\n"
    out = StringIO()
    terminal(made, out)
    return out.getvalue()
