"""Does the steps of an upgrade one after the other, and stops at the first that fails."""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from operations.channel import Channel, Node
from operations.errors import OperationError
from operations.upgrade import planning
from operations.upgrade.journal import Journal, Record, put
from operations.upgrade.planning import Step

LATE = 124
"""Exit code of timeout(1)."""
HERE = Path(__file__).resolve().parent


class Services(Protocol):
    """What is published in the environment, as its clients see it."""

    def published(self) -> tuple[str, ...]:
        """Return the names and versions of all services. Raises OperationError."""
        ...


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Takes an upgrade to its end, or back to its beginning."""

    channel: Channel
    journal: Journal
    services: Services
    say: Callable[[str], object] = sys.stderr.write

    def run(self, record: Record) -> Record:
        """Do all steps that are left. Raises OperationError with the way on and the way back."""
        count = len(record.back if record.state == "back" else record.steps)
        while record.left:
            step = record.left[0]
            self.say(
                f"  {count - len(record.left) + 1}/{count} "
                f"{planning.said(step, record.of, record.to)}\n"
            )
            try:
                note = self._do(record, step)
            except OperationError as error:
                raise stopped(record, step, error) from error
            record = record.advanced(note)
            self.journal.write(record)
        record = replace(record, state="taken-back" if record.state == "back" else "done")
        self.journal.write(record)
        return record

    def _do(self, record: Record, step: Step) -> str:
        match step.action:
            case "compare-services":
                self._compare(record)
                return ""
            case "write-stack-file":
                put(Path(record.file), record.after.encode())
                return ""
            case "restore-stack-file":
                put(Path(record.file), record.before.encode())
                return ""
        node = next(each for each in record.nodes if each.name == step.node)
        archive = self.journal.archive(node.role)
        if step.action == "send":
            self.channel.send(node, _name(record, node), archive)
            return ""
        return self._on_node(record, node, step, hashlib.sha256(archive).hexdigest())

    def _on_node(self, record: Record, node: Node, step: Step, digest: str) -> str:
        text = f"{record.id}\n{_name(record, node)}\n{digest}\n{step.action}\n"
        script = (HERE / f"node.{node.suffix}").read_text()
        seconds = planning.SECONDS[step.action]
        answer = self.channel.run(node, script, text, seconds)
        if answer.code:
            late = f" (it took more than {seconds:.0f} seconds)" if answer.code == LATE else ""
            raise OperationError(
                f"step {step.action} failed on a node",
                node.name,
                f"{_end(answer.stderr or answer.stdout)}{late}",
                f"mend it there; {where(record)} on the node has the log and the backup",
            )
        return _note(node, answer.stdout)

    def _compare(self, record: Record) -> None:
        """Raise OperationError when a service has gone; new ones may have come."""
        found = self.services.published()
        if gone := sorted(set(record.services) - set(found)):
            raise OperationError(
                "services are no longer there",
                f"stack '{record.stack}'",
                f"before the upgrade there were {', '.join(gone)}",
                "take the upgrade back, or publish them again",
            )


def stopped(record: Record, step: Step, error: OperationError) -> OperationError:
    """Return what a person reads when a step has failed: why, and both ways."""
    command = f"scripts/upgrade --stack {record.stack}"
    way = (
        f"{command} --resume goes on with the way back"
        if record.state == "back"
        else f"{command} --resume goes on from here, {command} --take-back goes back to "
        + ("the settings of before" if record.configures else record.of)
    )
    return OperationError(
        f"{error.what}: {planning.said(step, record.of, record.to)}",
        error.where,
        error.why,
        f"{error.fix}; then {way}",
    )


def where(record: Record, *below: str) -> str:
    """Return the folder of the upgrade on nodes, or what is *below* it."""
    if any(node.is_windows for node in record.nodes):
        return "\\".join([r"C:\ProgramData\Operationalization\upgrade", record.id, *below])
    return "/".join(["/var/lib/operationalization/upgrade", record.id, *below])


def _name(record: Record, node: Node) -> str:
    return f"upgrade-{record.id}.{'zip' if node.is_windows else 'tar.gz'}".lower()


def _end(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return "\n         ".join(lines[-6:]) or "it said nothing"


def _note(node: Node, text: str) -> str:
    """Return what a node reports of its settings, in one line; empty when there is nothing."""
    try:
        found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
        parts = [f"{name}: {', '.join(values)}" for name, values in found.items() if values]
    except (IndexError, ValueError, TypeError, AttributeError):
        return ""
    return f"{node.name}: {'; '.join(parts)}" if parts else ""
