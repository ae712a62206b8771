"""Does the steps of a change of ports, and stops at the first that fails."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from operations import steps
from operations.errors import OperationError
from operations.patience import until
from operations.ports import planning
from operations.ports.planning import Found, Step
from operations.ports.record import Record
from operations.upgrade.journal import put

SECONDS = 300.0
"""How long a balancer may take until it has found, or lost, the nodes."""


class World(Protocol):
    """What a change of ports does things to."""

    def found(self) -> Found:
        """Return what the deployed environment says of itself."""
        ...

    def well(self) -> str:
        """Return in a line that the product says it is well. Raises OperationError."""
        ...

    def published(self) -> tuple[str, ...] | None:
        """Return `NAME VERSION` of every service, as clients see them; None: nobody may look."""
        ...

    def deploy(self) -> None:
        """Deploy what the stack file says. Raises OperationError."""
        ...

    def configure(self, *, back: bool) -> None:
        """Have nodes that are behind get what was deployed, or what they had. Raises."""
        ...

    def connects(self, port: int) -> bool:
        """Return whether anything takes connections on that port of the balancer."""
        ...


@dataclass(frozen=True, kw_only=True)
class Runner(steps.Runner[Record, Step]):
    """Takes a change as far as its steps go."""

    world: World
    seconds: float = SECONDS

    def words(self, record: Record, step: Step) -> str:
        """Return what a step does, for whoever watches."""
        return planning.said(step, record.change)

    def stopped(self, record: Record, step: Step, error: OperationError) -> OperationError:
        """Return what a person reads when a step has failed: why, and both ways."""
        if step.action == "look-before":
            return error  # nothing has begun
        command = f"scripts/ports --stack {record.stack}"
        ways = f"{command} --resume goes on from here"
        if record.state == "forward":
            ways += f", --take-back goes back to {record.change.of}"
        return OperationError(
            f"{error.what}: {planning.said(step, record.change)}",
            error.where,
            error.why,
            f"{error.fix}; then {ways}",
        )

    def do(self, record: Record, step: Step) -> Record:
        """Do one step and return what is known then. Raises OperationError."""
        match step.action:
            case "look-before":
                return self._look(record)
            case "write":
                self._write(record, record.before, record.after)
            case "restore":
                self._write(record, record.after, record.before)
            case "deploy":
                self.world.deploy()
            case "configure":
                self.world.configure(back=False)
            case "take-nodes-back":
                self.world.configure(back=True)
            case _:
                self._check(record, step)
        return record

    def _check(self, record: Record, step: Step) -> None:
        change = record.change
        now, before = (change.of, change.to) if step.back else (change.to, change.of)
        match step.action:
            case "answers":
                self._connects(now.web, wanted=True)
            case "silent":
                self._connects(before.web, wanted=False)
            case "well":
                self.say(f"    {self.world.well()}\n")
            case "compare-services":
                self._compare(record)

    def _look(self, record: Record) -> Record:
        wrong = planning.obstacles(record.change, self.world.found())
        if wrong:
            raise OperationError(
                "the ports cannot be changed now",
                f"stack '{record.stack}'",
                "; ".join(wrong),
                "nothing was changed",
            )
        self.say(f"    {self.world.well()}\n")
        return replace(record, services=self.world.published())

    def _write(self, record: Record, old: str, new: str) -> None:
        """Write the stack file, unless somebody else has changed it meanwhile."""
        file = Path(record.file)
        text = file.read_text()
        if text not in (old, new):
            raise OperationError(
                "the stack file is not what it was",
                record.file,
                "somebody has changed it since this began",
                "bring it back, or write runtime.server.ports by hand and deploy it",
            )
        put(file, new.encode())

    def _connects(self, port: int, *, wanted: bool) -> None:
        found = until(lambda: self.world.connects(port), lambda each: each == wanted, self.seconds)
        if found != wanted:
            raise OperationError(
                f"port {port} {'takes no connection' if wanted else 'still takes connections'}",
                "the load balancer",
                f"it was asked for {self.seconds:.0f} seconds",
                "see which nodes are ready, and what the balancer was given",
            )

    def _compare(self, record: Record) -> None:
        if record.services is None:
            self.say("    not seen: its users are those of a directory; ask as one of them\n")
            return
        seen = self.world.published()
        differ = sorted({*record.services} ^ {*(seen or ())})
        if differ:
            raise OperationError(
                "the services are not the same",
                f"stack '{record.stack}'",
                f"these were there before or are there now: {', '.join(differ)}",
                "nobody should publish meanwhile; see whether the database is the same",
            )
