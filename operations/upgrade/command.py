"""The command behind scripts/upgrade: plan, confirm, run; resume; take back."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from operations.channel import choose
from operations.errors import OperationError
from operations.stack import Backend, Reading
from operations.upgrade import configuring, content, environment, planning
from operations.upgrade.journal import Journal, Record
from operations.upgrade.noting import note
from operations.upgrade.options import INSTALLERS
from operations.upgrade.running import Runner, where


def run(options: argparse.Namespace, backend: Backend) -> None:
    """Do what was asked for. Raises OperationError."""
    journal = Journal(options.memory, options.stack)
    last = journal.read()
    if options.show:
        sys.stderr.write(f"{shown(last)}\n")
        return
    reading = Reading(options.stack, backend)
    if options.resume:
        record = resumed(options.stack, last)
    elif options.take_back:
        record = backwards(options.stack, last)
    else:
        refuse_while(last)
        begin = configuring.begun if options.configure else begun
        record, archives = begin(options, reading)
        sys.stderr.write(plan(record))
        if not confirmed(options, "Go on" if options.configure else "Upgrade"):
            return
        journal.begin(record, archives)
    if options.take_back:
        sys.stderr.write(plan(record))
        if not confirmed(options, "Go back"):
            return
        journal.write(record)
    channel = choose(backend, record.nodes, str(reading.outputs().get("location") or ""))
    services = environment.services(reading)
    ended = Runner(channel=channel, journal=journal, services=services).run(record)
    sys.stderr.write(finished(ended, backend))
    if ended.configures and ended.state == "taken-back":
        return  # they are not what the stack file says
    if left := note(backend, ended.stack):
        sys.stderr.write(f"{left}\n")


def refuse_while(last: Record | None) -> None:
    """Raise OperationError while another one is under way."""
    if last is not None and last.under_way:
        raise OperationError(
            "an upgrade is under way",
            f"stack '{last.stack}'",
            f"one from {last.of} to {last.to} was not brought to its end",
            f"scripts/upgrade --stack {last.stack} --resume goes on, --take-back goes back",
        )


def begun(options: argparse.Namespace, reading: Reading) -> tuple[Record, dict[str, bytes]]:
    """Return a new upgrade, and what nodes of each role receive. Raises OperationError."""
    if not options.to:
        raise OperationError(
            "there is nothing to upgrade to",
            f"stack '{options.stack}'",
            "no version was given",
            "give one with --to VERSION, and its installer with --installer URL --sha256 SUM",
        )
    found = content.ask(
        options.file, content.Wanted(version=options.to, installers=passed(options))
    )
    nodes = environment.with_system(
        environment.nodes(options.stack, reading.outputs()), found.system
    )
    record = Record(
        id=_id(found, options.stack),
        stack=options.stack,
        of=found.of,
        to=found.to,
        state="forward",
        nodes=nodes,
        file=str(options.file.resolve()),
        before=found.before,
        after=found.after,
        services=environment.services(reading).published(),
        steps=planning.forward(nodes, server=found.server),
    )
    return record, dict(found.archives)


def _id(found: content.Content, stack: str) -> str:
    now = datetime.now(UTC).strftime("%Y%m%dt%H%M%S")
    return f"{stack}-{found.to.replace(' ', '-')}-{now}".lower().replace("_", "-")


def passed(options: argparse.Namespace) -> Sequence[str]:
    """Return the options about installers, as the program takes them."""
    values = ((name, getattr(options, name[2:].replace("-", "_"))) for name in INSTALLERS)
    return [word for name, value in values if value for word in (name, value)]


def resumed(stack: str, last: Record | None) -> Record:
    """Return the upgrade that is under way. Raises OperationError when none is."""
    if last is None or not last.under_way:
        raise OperationError(
            "there is no upgrade to go on with",
            f"stack '{stack}'",
            "none is under way" if last is None else f"the last one is {_state(last)}",
            f"begin one: scripts/upgrade --stack {stack} --to VERSION",
        )
    return last


def backwards(stack: str, last: Record | None) -> Record:
    """Return the last upgrade, turned round. Raises OperationError when there is none."""
    if last is None or last.state == "taken-back":
        raise OperationError(
            "there is no upgrade to take back",
            f"stack '{stack}'",
            "none was begun from here" if last is None else "the last one was taken back",
            f"scripts/upgrade --stack {stack} --show says what is known",
        )
    if last.state == "back":
        return last
    if last.configures and last.state == "done":
        raise OperationError(
            "settings are not taken back after their end",
            f"stack '{stack}'",
            "the stack file says them",
            f"write the old ones there, deploy, and then scripts/upgrade --stack {stack} "
            "--configure",
        )
    written = any(step.action == "write-stack-file" for step in last.begun)
    steps = planning.backward(last.nodes, last.begun, written=written)
    return replace(last, state="back", back=steps, back_done=0)


def plan(record: Record) -> str:
    """Return the steps that are left, for a person, and what they mean for who calls."""
    if record.configures:
        head = f"{configuring.head(record)}:"
    elif record.state == "back":
        head = f"stack '{record.stack}' goes back from {record.to} to {record.of}:"
    else:
        head = f"stack '{record.stack}' goes from {record.of} to {record.to}:"
    lines = [f"  {planning.said(step, record.of, record.to)}" for step in record.left]
    return "\n".join([head, *lines, *_meaning(record), ""])


def _meaning(record: Record) -> list[str]:
    if record.configures:
        return configuring.meaning(record)
    if record.state == "back":
        front = {node.name for node in record.nodes if node.role in planning.FRONT}
        if not any(step.action == "take-back" and step.node in front for step in record.back):
            return []
        return ["what was published or changed since the new version began to serve is lost"]
    roles = {node.role for node in record.nodes}
    until_when = "the last compute node's turn" if "compute" in roles else "the machine's turn"
    return [
        f"the environment serves with {record.of} until {until_when}, then not at all, and with",
        f"{record.to} from the moment that the first node of it is done: versions are never mixed.",
        f"backups stay on each node in {where(record, 'backup')}",
    ]


def finished(record: Record, backend: Backend) -> str:
    """Return the last words of an upgrade that came to its end."""
    if record.configures:
        return configuring.finished(record)
    lines = [f"  {note}" for note in record.notes] if record.state == "done" else []
    if lines:
        lines.insert(0, "settings that are not as before (ours: the stack file says them):")
    if record.state == "taken-back":
        return f"stack '{record.stack}' has {record.of} again\n"
    lines += [
        f"stack '{record.stack}' has {record.to}, and its stack file says so:",
        f"  {backend.deploy(record.stack)} changes nothing on the nodes",
        f"  scripts/upgrade --stack {record.stack} --take-back goes back to {record.of}",
    ]
    return "\n".join([*lines, ""])


def shown(record: Record | None) -> str:
    """Return what is known of the last upgrade."""
    if record is None:
        return "no upgrade was begun from here"
    way = "settings" if record.configures else f"{record.of} to {record.to}"
    words = f"{way}: {_state(record)}"
    return f"{words}\n{plan(record)}" if record.under_way else words


def _state(record: Record) -> str:
    done = record.back_done if record.state == "back" else record.done
    of = len(record.back if record.state == "back" else record.steps)
    match record.state:
        case "done":
            return "done"
        case "taken-back":
            return "taken back"
        case "back":
            return f"on its way back, {done} of {of} steps done"
    return f"under way, {done} of {of} steps done"


def confirmed(options: argparse.Namespace, question: str) -> bool:
    """Return whether a person says yes. Raises OperationError when there is none."""
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise OperationError(
            "nobody is there to say yes",
            f"stack '{options.stack}'",
            "the standard input is no terminal",
            "say it with --yes",
        )
    sys.stderr.write(f"{question}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() in ("y", "yes"):
        return True
    sys.stderr.write("nothing was changed\n")
    return False
