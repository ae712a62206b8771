"""A deployed environment as a change of ports finds it, and what it has done to it."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from operations import diagnose, product
from operations.answering import first_answering
from operations.beside.command import Deployed
from operations.client import Client
from operations.connection import CONNECT_SECONDS
from operations.errors import OperationError
from operations.ports.planning import ONE_BOX, Change, Found, Ports
from operations.stack import PROJECT, Cloud, Environment, Reading
from operations.upgrade import journal as upgrades

UNSEEN = "not asked whether it is well: its users are those of a directory"


def found(outputs: Mapping[str, Any], change: Change, last: upgrades.Record | None) -> Found:
    """Return what *outputs* say, and the *last* upgrade. Raises OperationError."""
    groups: Mapping[str, Any] = outputs.get("groups") or {}
    known = product.read(outputs)
    try:
        web = int(groups[ONE_BOX if ONE_BOX in groups else "web"]["port"])
        # A one-box keeps its other port to itself, and its outputs do not say it.
        compute = change.of.compute if ONE_BOX in groups else int(_compute(outputs)["port"])
    except (KeyError, TypeError, ValueError) as error:
        raise OperationError(
            "the ports are not known",
            "the stack's outputs",
            "it was not deployed to its end",
            "deploy it again",
        ) from error
    return Found(
        ports=Ports(web=web, compute=compute),
        stale=known.stale if known else (),
        upgrading="under way" if last is not None and last.under_way else "",
        sets=2 if "newSet" in outputs else 1,
    )


def _compute(outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the group that runs R: of a one-box its machine, listed by its one port."""
    groups: Mapping[str, Mapping[str, Any]] = outputs["groups"]
    return groups[ONE_BOX] if ONE_BOX in groups else groups["compute"]


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The stack, on its backend."""

    change: Change
    deployed: Deployed
    memory: Path
    """Where upgrades write down how far they are."""

    def found(self) -> Found:
        """Return what the deployed environment says of itself. Raises OperationError."""
        return found(self.deployed.outputs(), self.change, self._upgrade())

    def well(self) -> str:
        """Return in a line that the product says it is well. Raises OperationError."""
        known = self._environment()
        if known.product is None:
            group = _compute(self.deployed.outputs())
            with Client(known) as client:
                return diagnose.examine_open(client, port=group["port"], fewest=group["minimum"])
        if known.product.authentication != product.LOCAL:
            return UNSEEN
        with Client(known) as client:
            return diagnose.examine(client, known.product)

    def published(self) -> tuple[str, ...] | None:
        """Return every service, as clients see them; None where only a directory's users do."""
        return self.deployed.published()

    def deploy(self) -> None:
        """Deploy what the stack file says. Raises OperationError."""
        # Nodes that keep what they were made from are not ready on a port that they do not have.
        self.deployed.deploy(wait=not self.change.keeping)

    def configure(self, *, back: bool) -> None:
        """Have nodes that are behind get what was deployed, or those under way what they had."""
        last = self._upgrade()
        if last is not None and last.under_way:
            self._upgrade_with("--take-back" if back and last.state != "back" else "--resume")
        if not back and self.found().stale:
            # The balancer has the new port already: nobody can be asked what is published.
            self._upgrade_with("--configure", "--unserved")

    def connects(self, port: int) -> bool:
        """Return whether anything takes connections on that port of the balancer."""
        known = self._environment()
        addresses = known.addresses or (str(urlsplit(known.endpoint).hostname),)
        return first_answering(addresses, port, CONNECT_SECONDS) is not None

    def _environment(self) -> Environment:
        return Reading(self.deployed.stack, self.deployed.backend).environment()

    def _upgrade(self) -> upgrades.Record | None:
        return upgrades.Journal(self.memory, self.deployed.stack).read()

    def _upgrade_with(self, *way: str) -> None:
        command = [str(PROJECT / "scripts" / "upgrade"), "--stack", self.deployed.stack, *way]
        command += ["--yes", *(["--cloud"] if isinstance(self.deployed.backend, Cloud) else [])]
        # What it says is for whoever waits; this command's own output stays empty.
        done = subprocess.run(command, cwd=PROJECT, stdout=sys.stderr, check=False)
        if done.returncode:
            raise OperationError(
                "the nodes were not changed to the end",
                f"stack '{self.deployed.stack}'",
                f"scripts/upgrade {way[0]} ended with {done.returncode}, and said why",
                "see what it says, and mend it there",
            )
