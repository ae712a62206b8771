"""The command behind scripts/ports: show, plan, confirm, run; resume; take back."""

import argparse
import json
import sys
from pathlib import Path

from operations import program
from operations.beside.command import Deployed
from operations.errors import OperationError
from operations.ports import planning
from operations.ports.planning import Change, Ports
from operations.ports.record import Journal, Record
from operations.ports.running import Runner
from operations.ports.world import Stack
from operations.stack import Backend
from operations.upgrade.command import confirmed


def run(options: argparse.Namespace, backend: Backend) -> None:
    """Do what was asked for. Raises OperationError."""
    journal = Journal(options.memory, options.stack)
    last = journal.read()
    record = wanted(options, last)
    if record.change.none:
        sys.stderr.write(shown(record, last))
        return
    sys.stderr.write(plan(record))
    if not options.resume and not confirmed(options, "Go on"):
        return
    journal.write(record)
    deployed = Deployed(options.stack, backend, unasked=bool(options.yes))
    world = Stack(change=record.change, deployed=deployed, memory=options.memory)
    sys.stderr.write(finished(Runner(world=world, journal=journal).run(record)))


def wanted(options: argparse.Namespace, last: Record | None) -> Record:
    """Return the change that is asked for, where it is. Raises OperationError."""
    if options.resume:
        if last is None or not last.under_way:
            raise _nothing(options.stack, "go on with", last)
        return last
    if options.take_back:
        if last is None or not (last.under_way or last.state == "done"):
            raise _nothing(options.stack, "take back", last)
        return last.turned()
    asked = options.web is not None or options.compute is not None
    if asked and last is not None and last.under_way:
        raise OperationError(
            "a change of ports is under way",
            f"stack '{last.stack}'",
            f"one to {last.change.to} was not brought to its end",
            f"scripts/ports --stack {last.stack} --resume goes on, --take-back goes back",
        )
    return begun(options)


def begun(options: argparse.Namespace) -> Record:
    """Return a new change. Raises OperationError, in the settings' words, when they refuse it."""
    arguments = [
        word
        for name in ("web", "compute")
        if (port := getattr(options, name)) is not None
        for word in (f"--{name}", str(port))
    ]
    found = json.loads(asked(options.file, arguments))
    change = Change(
        of=Ports(**found["of"]),
        to=Ports(**found["to"]),
        roles=tuple(found["roles"]),
        keeping=tuple(found["keeping"]),
    )
    return Record(
        stack=options.stack,
        change=change,
        file=str(options.file.resolve()),
        before=found["before"],
        after=found["after"],
        steps=planning.forward(change),
    )


def asked(file: Path, arguments: list[str]) -> str:
    """Return what the program says of a stack file with other ports, as JSON.

    Raises OperationError.
    """
    return program.asked(
        "components.settings.ports",
        file,
        arguments,
        refused="the stack cannot have these ports",
        fix="nothing was changed; docs/r-server.md says which ports there are",
    )


def plan(record: Record) -> str:
    """Return the steps that are left, for a person, and what they mean."""
    change = record.change
    of, to = (change.to, change.of) if record.state == "back" else (change.of, change.to)
    lines = [f"  {planning.said(step, change)}" for step in record.left]
    head = (
        f"stack '{record.stack}' goes {'back ' if record.state == 'back' else ''}from {of} to {to}:"
    )
    meaning = planning.meaning(change) if record.state == "forward" else []
    return "\n".join([head, *lines, *meaning, ""])


def shown(record: Record, last: Record | None) -> str:
    """Return what the ports are, and how far the last change is."""
    lines = [f"stack '{record.stack}' has {record.change.of}, as its stack file says"]
    if last is not None and last.under_way:
        done = f"{last.done} of {len(last.steps)} steps done"
        way = "on its way back" if last.state == "back" else "under way"
        lines.append(f"a change to {last.change.to} is {way}, {done}")
    return "\n".join([*lines, ""])


def finished(record: Record) -> str:
    """Return the last words."""
    change, stack = record.change, record.stack
    if record.state == "taken-back":
        return f"stack '{stack}' has {change.of} again\n"
    return (
        f"stack '{stack}' has {change.to}, and its stack file says so; tell who calls it\n"
        f"  scripts/ports --stack {stack} --take-back goes back to {change.of}\n"
    )


def _nothing(stack: str, what: str, last: Record | None) -> OperationError:
    return OperationError(
        f"there is no change of ports to {what}",
        f"stack '{stack}'",
        _ended(last),
        f"begin one: scripts/ports --stack {stack} --web PORT --compute PORT",
    )


def _ended(last: Record | None) -> str:
    if last is None or last.state == "forward":
        return "none was begun from here"
    return f"the last one is {last.state.replace('-', ' ')}"
