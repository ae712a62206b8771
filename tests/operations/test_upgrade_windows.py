"""A node with Windows is upgraded from here: every call goes through the channel's PowerShell.

Reader and product are pretend ones (`tests/support/powershell`); no Windows is at hand.
"""

from pathlib import Path
from typing import Any

import pytest

from operations.channel import Channel, Node
from operations.errors import OperationError
from operations.upgrade import command, environment, planning, running
from operations.upgrade.journal import Journal, Record
from operations.upgrade.running import Runner
from tests.support.environments import ONE_BOX, of_family
from tests.support.powershell import family
from tests.support.powershell.machine import Machine
from tests.support.powershell.processes import Windows

BOX = Node(name="box", id="/subscriptions/s/virtualMachines/box", role="one-box", system="windows")
SERVICES = ("iris 1.0",)
WHERE = "C:\\ProgramData\\Operationalization\\upgrade\\"


class Agent(Windows):
    """What a cloud's agent runs, on a node with the pretend product."""

    def __init__(self, node: family.Node) -> None:
        super().__init__(node.drive)
        self.node = node

    def machine(self) -> Machine:
        machine = self.node.machine()
        machine.statics["Diagnostics.Process::Start"] = self._program
        return machine

    def _program(self, start: Any) -> Any:
        powershell = start.values["FileName"].endswith("\\powershell.exe")
        return self._started(start) if powershell else self.node.started(start)

    def carry(self, node: Node, text: str, seconds: float) -> str:
        return self.run(text)


class Shown:
    def published(self) -> tuple[str, ...]:
        return SERVICES


class Stack:
    """One machine with a database of its own, and the journal of its upgrade."""

    def __init__(self, folder: Path) -> None:
        self.node = family.Node(
            folder, of_family(ONE_BOX, "9.1.0", "windows-server-2016"), "one-box", "9.4.7"
        )
        self.node.real(f"{family.DATA}\\incoming\\upgrade-{family.ID}.zip").unlink()
        self.file = folder / "Pulumi.shop.yaml"
        self.journal = Journal(folder / "upgrades", "shop")
        record = Record(
            id=family.ID,
            stack="shop",
            of="rserver 9.1.0",
            to="mlserver 9.4.7",
            state="forward",
            nodes=(BOX,),
            file=str(self.file),
            before="old",
            after="new",
            services=SERVICES,
            steps=planning.forward((BOX,), server=False),
        )
        self.journal.begin(record, {"one-box": self.node.archive})

    def run(self) -> Record:
        channel = Channel(Agent(self.node))
        runner = Runner(channel=channel, journal=self.journal, services=Shown(), say=lambda _: None)
        record = self.journal.read()
        assert record is not None
        return runner.run(record)


def test_a_machine_comes_to_the_new_version_and_back(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    ended = stack.run()
    assert (ended.state, stack.node.version, stack.file.read_text()) == ("done", "9.4.7", "new")
    assert ended.notes == ("box: made anew: AdminPassword, AdminPassword",)

    stack.journal.write(command.backwards("shop", stack.journal.read()))
    ended = stack.run()
    assert (ended.state, stack.node.version, stack.file.read_text()) == (
        "taken-back",
        "9.1.0",
        "old",
    )
    assert stack.node.running == {"web", "compute"}


def test_the_first_failure_says_why_where_and_both_ways(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.node.stuck = True
    with pytest.raises(OperationError) as error:
        stack.run()

    assert "the product was not removed: there is still" in error.value.why
    assert f"{WHERE}{family.ID} on the node has the log and the backup" in error.value.fix
    assert "--resume goes on from here" in error.value.fix
    assert "--take-back goes back to rserver 9.1.0" in error.value.fix

    stack.node.stuck = False
    assert stack.run().state == "done"


def test_a_journal_keeps_what_its_nodes_run(tmp_path: Path) -> None:
    record = Stack(tmp_path).journal.read()

    assert record is not None
    assert record.nodes == (BOX,)
    assert running.where(record, "backup") == f"{WHERE}{family.ID}\\backup"


def test_what_nodes_run_is_what_the_program_says() -> None:
    nodes = (Node(name="web-1", id="w", role="web"),)

    assert [each.is_windows for each in environment.with_system(nodes, "windows")] == [True]
