"""The command behind scripts/upgrade --beside: plan, confirm, run; resume, finish, take back."""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.beside import planning
from operations.beside.record import Journal, Record, finishing
from operations.beside.running import Runner
from operations.channel import Channel, Node, choose
from operations.errors import OperationError
from operations.stack import PROJECT, Backend, Reading, Sandbox
from operations.upgrade import content, environment
from operations.upgrade.command import confirmed, passed


@dataclass(frozen=True)
class Deployed:
    """The stack, on its backend."""

    stack: str
    backend: Backend
    unasked: bool
    """Whether Pulumi on a cloud asks nobody any more."""

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's outputs as they are now."""
        return Reading(self.stack, self.backend).outputs()

    def channel(self, nodes: Sequence[Node]) -> Channel:
        """Return the way to *nodes*."""
        return choose(self.backend, nodes, str(self.outputs().get("location") or ""))

    def published(self) -> tuple[str, ...] | None:
        """Return every service, as clients see them; None where only a directory's users do."""
        reading = Reading(self.stack, self.backend)
        if not environment.knows_us(reading.outputs()):
            return None
        return environment.Published(reading.environment()).published()

    def deploy(self, *, wait: bool = True) -> None:
        """Deploy what the stack file says, and *wait* for all nodes. Raises OperationError."""
        if isinstance(self.backend, Sandbox):
            waits = "--no-sample" if wait else "--no-wait"
            up = [str(PROJECT / "scripts" / "up"), "--stack", self.stack, waits]
        else:
            up = ["pulumi", "up", "--stack", self.stack, "--policy-pack", str(PROJECT / "policies")]
            up += ["--yes"] if self.unasked else []
        variables = self.backend.variables(self.stack)
        # What it says is for whoever waits; this command's own output stays empty.
        done = subprocess.run(up, cwd=PROJECT, env=variables, stdout=sys.stderr, check=False)
        if done.returncode:
            raise OperationError(
                "the stack was not deployed",
                f"stack '{self.stack}'",
                f"{' '.join(up[:2])} ended with {done.returncode}, and said why",
                "see what it says",
            )


def run(options: argparse.Namespace, backend: Backend) -> None:
    """Do what was asked for. Raises OperationError."""
    journal = Journal(options.memory, options.stack)
    last = journal.read()
    if options.show:
        sys.stderr.write(f"{shown(last)}\n")
        return
    record = wanted(options, last)
    sys.stderr.write(plan(record))
    if not options.resume and not confirmed(options, "Go on"):
        return
    journal.write(record)
    world = Deployed(options.stack, backend, unasked=bool(options.yes))
    sys.stderr.write(finished(Runner(world=world, journal=journal).run(record)))


def wanted(options: argparse.Namespace, last: Record | None) -> Record:
    """Return the upgrade that is asked for, at its beginning. Raises OperationError."""
    if options.resume:
        if last is None or not last.under_way:
            raise _nothing(options.stack, "go on with", last)
        return last
    if options.take_back:
        if last is None or last.state not in ("forward", "standing"):
            raise _nothing(options.stack, "take back", last)
        steps = last.steps[: last.done + 1] if last.state == "forward" else planning.FORWARD
        return last.turned("back", planning.backward(steps))
    if options.finish:
        if last is None or last.state != "standing":
            raise _nothing(options.stack, "finish", last)
        return finishing(last)
    if last is not None and (last.under_way or last.state == "standing"):
        raise OperationError(
            "an upgrade is not at its end",
            f"stack '{last.stack}'",
            f"one from {last.of} to {last.to} is {last.state}",
            f"scripts/upgrade --stack {last.stack} --beside --resume, --finish or --take-back",
        )
    return begun(options)


def begun(options: argparse.Namespace) -> Record:
    """Return a new upgrade. Raises OperationError when the settings refuse it."""
    if not options.to:
        raise OperationError(
            "there is nothing to upgrade to",
            f"stack '{options.stack}'",
            "no version was given",
            "give one with --to VERSION, and its installer with --installer URL --sha256 SUM",
        )
    arguments = content.Wanted(version=options.to, installers=[*passed(options), "--beside"])
    found = json.loads(content.asked(options.file, arguments))
    return Record(
        stack=options.stack,
        of=found["of"],
        to=found["to"],
        state="forward",
        file=str(options.file.resolve()),
        texts={**found["stages"], "before": options.file.read_text()},
        placeholder=found["moment"],
    )


def plan(record: Record) -> str:
    """Return the steps that are left, for a person, and what they mean."""
    lines = [f"  {planning.said(step, record.of, record.to)}" for step in record.left]
    heads = {
        "forward": f"stack '{record.stack}' goes from {record.of} to {record.to}, beside it:",
        "finishing": f"stack '{record.stack}' keeps {record.to}:",
        "back": f"stack '{record.stack}' goes back from {record.to} to {record.of}:",
    }
    meaning = {
        "forward": "consumption goes on all the while; what is published on the new set is lost "
        "when it is taken back",
        "finishing": "there is no way back then",
        "back": f"what was published since {record.to} serves is lost",
    }
    return "\n".join([heads[record.state], *lines, meaning[record.state], ""])


def finished(record: Record) -> str:
    """Return the last words."""
    command = f"scripts/upgrade --stack {record.stack} --beside"
    match record.state:
        case "standing":
            return (
                f"stack '{record.stack}' serves with {record.to}; {record.of} stands beside it\n"
                f"  {command} --finish deletes it, --take-back goes back to it\n"
            )
        case "done":
            return f"stack '{record.stack}' has {record.to} alone\n"
    return f"stack '{record.stack}' has {record.of} again\n"


def shown(record: Record | None) -> str:
    """Return what is known of the last upgrade."""
    if record is None:
        return "no upgrade beside the old nodes was begun from here"
    words = f"{record.of} to {record.to}, beside it: {record.state}"
    return f"{words}\n{plan(record)}" if record.under_way else words


def _nothing(stack: str, what: str, last: Record | None) -> OperationError:
    return OperationError(
        f"there is no upgrade to {what}",
        f"stack '{stack}'",
        "none was begun from here" if last is None else f"the last one is {last.state}",
        f"scripts/upgrade --stack {stack} --beside --show says what is known",
    )
