"""Does the steps of an upgrade beside the old nodes, and stops at the first that fails."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from operations import steps
from operations.beside import planning
from operations.beside.planning import Step
from operations.beside.record import Record
from operations.channel import Channel, Node
from operations.channel.instances import id_of
from operations.errors import OperationError
from operations.upgrade.journal import put

SCRIPT = Path(__file__).resolve().parent / "node.sh"


class World(Protocol):
    """What an upgrade does things to."""

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's outputs as they are now."""
        ...

    def channel(self, nodes: Sequence[Node]) -> Channel:
        """Return the way to *nodes*."""
        ...

    def published(self) -> tuple[str, ...] | None:
        """Return `NAME VERSION` of every service, as clients see them; None: nobody may look."""
        ...

    def deploy(self) -> None:
        """Deploy what the stack file says. Raises OperationError."""
        ...


@dataclass(frozen=True, kw_only=True)
class Runner(steps.Runner[Record, Step]):
    """Takes an upgrade as far as its steps go."""

    world: World
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def words(self, record: Record, step: Step) -> str:
        """Return what a step does, for whoever watches."""
        return planning.said(step, record.of, record.to)

    def stopped(self, record: Record, step: Step, error: OperationError) -> OperationError:
        """Return what a person reads when a step has failed: why, and both ways."""
        command = f"scripts/upgrade --stack {record.stack} --beside"
        ways = {
            "forward": f"{command} --resume goes on from here,"
            f" --take-back goes back to {record.of}",
            "finishing": f"{command} --resume goes on; there is no way back any more",
            "back": f"{command} --resume goes on with the way back",
        }
        return OperationError(
            f"{error.what}: {planning.said(step, record.of, record.to)}",
            error.where,
            error.why,
            f"{error.fix}; then {ways[record.state]}",
        )

    def do(self, record: Record, step: Step) -> Record:
        """Do one step and return what is known then. Raises OperationError."""
        if step.action == "note-moment":
            # Once and for all: what is deployed with another one would be another database.
            moment = record.moment or self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
            return replace(record, moment=moment)
        if step.action == "deploy":
            put(Path(record.file), record.text(step.what).encode())
            self.world.deploy()
            return record
        nodes = web_nodes(self.world.outputs(), step.what)
        channel = self.world.channel(nodes)
        if step.action == "compare":
            self._compare(channel, nodes)
            return record
        for node in nodes:
            self._on_node(channel, node, step.action, planning.SECONDS[step.action])
        return record

    def _on_node(self, channel: Channel, node: Node, what: str, seconds: float) -> str:
        answer = channel.run(node, SCRIPT.read_text(), f"{what}\n", seconds)
        if answer.code:
            raise OperationError(
                f"step {what} failed on a node",
                node.name,
                answer.stderr.strip()[-600:] or f"it ended with {answer.code}",
                "mend it there",
            )
        return answer.stdout

    def _compare(self, channel: Channel, nodes: Sequence[Node]) -> None:
        """Raise OperationError when a node does not have what clients see."""
        seen = self.world.published()
        if seen is None:
            self.say("    not seen: its users are those of a directory; ask as one of them\n")
            return
        for node in nodes:
            said = self._on_node(channel, node, "services", planning.SECONDS["compare"])
            found = tuple(json.loads(said.strip().splitlines()[-1]))
            if found != seen:
                differ = sorted({*found} ^ {*seen})
                raise OperationError(
                    "the services are not the same",
                    node.name,
                    f"these are in one database only: {', '.join(differ)}",
                    "take the upgrade back, and begin again",
                )


def web_nodes(outputs: Mapping[str, Any], which: str) -> tuple[Node, ...]:
    """Return the web nodes of a set; the old one is the only one before the other is there."""
    found = outputs.get(f"{which}Set") or (outputs if which == "old" else {})
    group = (found.get("groups") or {}).get("web")
    if not group:
        raise OperationError(
            f"the {which} web nodes are not known",
            "the stack's outputs",
            "it was not deployed to its end",
            "deploy it again",
        )
    pairs = zip(group["ids"], group["names"], strict=True)
    return tuple(Node(name=name, id=id_of(target), role="web") for target, name in pairs)
