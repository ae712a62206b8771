"""An upgrade is cut short at every step, goes on or goes back, and never mixes versions."""

import argparse
import json
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from operations.channel import Answer, Node
from operations.errors import OperationError
from operations.upgrade import command, configuring, content, environment, planning
from operations.upgrade.journal import Journal, Record
from operations.upgrade.planning import Step
from operations.upgrade.running import Runner

OLD, NEW = "rserver 9.0.1", "rserver 9.1.0"
NODES = (
    Node(name="compute-1", id="c1", role="compute"),
    Node(name="compute-2", id="c2", role="compute"),
    Node(name="web-1", id="w1", role="web"),
    Node(name="web-2", id="w2", role="web"),
)
ONE = (Node(name="box", id="b", role="one-box"),)
SERVICES = ("iris 1.0", "mpg 2.0")


class Killed(BaseException):
    """This run of the upgrade is over."""


@dataclass
class Machine:
    """A node as far as an upgrade changes it."""

    role: str
    version: str = OLD
    serves: bool = True
    archive: bytes = b""
    done: set = field(default_factory=set)
    settings: str = "old"


class World:
    """The nodes and the database, which refuse what the product refuses."""

    def __init__(self, nodes=NODES, server=True):
        self.machines = {node.name: Machine(node.role) for node in nodes}
        self.server = server
        self.database = {"version": OLD, "services": SERVICES}
        self.saved = None
        self.calls = 0
        self.dies_before = self.dies_after = self.fails = None
        self.services_seen = 0

    # What Runner takes for a channel and for the services.

    def send(self, node, name, content):
        with self._call("send", node):
            self.machines[node.name].archive = content

    def run(self, node, script, text, seconds):
        _, _, _, step = text.splitlines()
        with self._call(step, node):
            there = self.machines[node.name].archive or step == "settle"
            assert there, "what would do it is not on the node"
            code = 1 if self.fails == (step, node.name) else 0
            if not code:
                getattr(self, step.replace("-", "_"))(self.machines[node.name])
                self._check()
        report = {"lost": [], "ours": ["Kestrel.Port"]} if "replace" in step else {}
        return Answer(code=code, stdout=json.dumps(report), stderr="it broke\n" if code else "")

    def published(self):
        self.services_seen += 1
        assert any(m.serves for m in self.machines.values() if m.role != "compute")
        return tuple(self.database["services"])

    def _call(self, step, node):
        self.calls += 1
        return _Deadly(self.calls, self)

    def _check(self):
        front = {m.version for m in self.machines.values() if m.serves and m.role != "compute"}
        back = {m.version for m in self.machines.values() if m.serves and m.role == "compute"}
        assert len(front) <= 1, "two versions share a database"
        if front:
            assert back <= front, "a web node calls a compute node of another version"
            assert not self.server or self.database["version"] in front, "the schema is another's"

    # Steps on nodes.

    def prepare(self, machine):
        assert machine.archive
        assert machine.version == OLD
        machine.done.add("backup")

    def replace(self, machine):
        assert "backup" in machine.done
        machine.version, machine.serves = NEW, True
        if self.server:
            others = [m for m in self.machines.values() if m.role != "compute" and m is not machine]
            assert not any(m.serves and m.version == OLD for m in others)
            self.database["version"] = NEW

    def replace_and_hold(self, machine):
        assert machine.role == "compute"
        machine.version, machine.serves = NEW, False

    def leave(self, machine):
        machine.serves = False

    def open(self, machine):
        machine.serves = True

    def save_database(self, machine):
        assert not any(m.serves for m in self.machines.values() if m.role != "compute")
        assert self.database["version"] == OLD or self.saved
        self.saved = self.saved or dict(self.database)

    def restore_database(self, machine):
        assert not any(m.serves for m in self.machines.values() if m.role != "compute")
        self.database = dict(self.saved)

    def take_back(self, machine):
        machine.version, machine.serves = OLD, True

    def return_(self, machine):
        machine.serves = True

    def diagnose(self, machine):
        assert machine.serves

    def settle(self, machine):
        machine.archive = b""

    def prepare_settings(self, machine):
        assert machine.serves
        machine.done.add("backup")

    def apply(self, machine):
        assert "backup" in machine.done
        others = [m for m in self.machines.values() if m.role == machine.role and m is not machine]
        assert all(m.serves for m in others), "two nodes of a role are away at once"
        machine.settings = "new"

    def undo(self, machine):
        machine.settings = "old"

    def __getattr__(self, name):
        if name == "return":
            return self.return_
        raise AttributeError(name)

    def same_as(self, version):
        return all(m.version == version and m.serves for m in self.machines.values())


class _Deadly:
    def __init__(self, call, world):
        self.call, self.world = call, world

    def __enter__(self):
        if self.world.dies_before == self.call:
            raise Killed

    def __exit__(self, kind, error, trace):
        if kind is None and self.world.dies_after == self.call:
            raise Killed


class Stack:
    """A stack file, its journal, a world."""

    def __init__(self, folder, nodes=NODES, server=True):
        folder.mkdir(exist_ok=True)
        self.file = folder / "Pulumi.dev-rserver.yaml"
        self.file.write_text("version: 9.0.1\n")
        self.world = World(nodes, server)
        self.journal = Journal(folder / "upgrades", "dev-rserver")
        self.said = []
        self.journal.begin(
            Record(
                id="dev-rserver-rserver-9.1.0-1",
                stack="dev-rserver",
                of=OLD,
                to=NEW,
                state="forward",
                nodes=nodes,
                file=str(self.file),
                before="version: 9.0.1\n",
                after="version: 9.1.0\n",
                services=SERVICES,
                steps=planning.forward(nodes, server=server),
            ),
            {node.role: node.role.encode() for node in nodes},
        )

    def go(self):
        """As a new process that reads the journal."""
        record = self.journal.read()
        runner = Runner(
            channel=self.world, journal=self.journal, services=self.world, say=self.said.append
        )
        return runner.run(command.resumed("dev-rserver", record))

    def turn_round(self):
        self.journal.write(command.backwards("dev-rserver", self.journal.read()))


@pytest.fixture
def stack(tmp_path):
    return Stack(tmp_path)


def test_the_order_is_compute_then_a_cut_over_then_web(stack):
    steps = [(step.action, step.node) for step in stack.journal.read().steps[8:]]

    assert steps == [
        ("replace-and-hold", "compute-1"),
        ("replace-and-hold", "compute-2"),
        ("leave", "web-1"),
        ("leave", "web-2"),
        ("save-database", "web-1"),
        ("open", "compute-1"),
        ("open", "compute-2"),
        ("replace", "web-1"),
        ("replace", "web-2"),
        ("diagnose", "web-1"),
        ("diagnose", "web-2"),
        ("compare-services", ""),
        ("write-stack-file", ""),
        ("settle", "compute-1"),
        ("settle", "compute-2"),
        ("settle", "web-1"),
        ("settle", "web-2"),
    ]


def test_every_node_comes_to_the_new_version_and_the_stack_file_says_so_last(stack):
    record = stack.go()

    assert stack.world.same_as(NEW)
    assert stack.file.read_text() == "version: 9.1.0\n"
    assert (record.state, record.notes[0]) == ("done", "compute-1: ours: Kestrel.Port")
    with pytest.raises(OperationError, match="there is no upgrade to go on with"):
        stack.go()


def test_one_machine_with_a_file_for_a_database_has_nothing_to_save_beside_it(tmp_path):
    stack = Stack(tmp_path, ONE, server=False)
    stack.go()

    assert [step.action for step in stack.journal.read().steps] == [
        "send", "prepare", "leave", "replace", "diagnose", "compare-services", "write-stack-file",
        "settle",
    ]  # fmt: skip
    assert stack.world.same_as(NEW)


CALLS = 23


def test_there_are_as_many_calls_as_the_tests_below_cut_off(stack):
    stack.go()
    assert stack.world.calls == CALLS


@pytest.mark.parametrize("when", ["dies_before", "dies_after"])
@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_a_run_that_is_killed_at_any_step_goes_on_to_the_end(tmp_path, when, call):
    stack = Stack(tmp_path)
    setattr(stack.world, when, call)
    with pytest.raises(Killed):
        stack.go()
    stack.go()

    assert stack.world.same_as(NEW)
    assert stack.file.read_text() == "version: 9.1.0\n"


@pytest.mark.parametrize("when", ["dies_before", "dies_after"])
@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_a_run_that_is_killed_at_any_step_is_taken_back(tmp_path, when, call):
    stack = Stack(tmp_path)
    setattr(stack.world, when, call)
    with pytest.raises(Killed):
        stack.go()
    stack.turn_round()
    record = stack.go()

    assert record.state == "taken-back"
    assert stack.world.same_as(OLD)
    assert stack.world.database == {"version": OLD, "services": SERVICES}
    assert stack.file.read_text() == "version: 9.0.1\n"


@pytest.mark.parametrize("call", range(1, 18))
def test_the_way_back_is_gone_on_with_too(tmp_path, call):
    stack = Stack(tmp_path)
    stack.go()
    stack.turn_round()
    stack.world.dies_after = stack.world.calls + call
    try:
        stack.go()
    except Killed:
        stack.go()

    assert stack.world.same_as(OLD)
    assert stack.file.read_text() == "version: 9.0.1\n"


def test_the_first_failure_stops_it_and_says_both_ways(stack):
    stack.world.fails = ("replace-and-hold", "compute-2")
    with pytest.raises(OperationError) as error:
        stack.go()

    assert error.value.why == "it broke"
    assert error.value.fix.endswith(
        "then scripts/upgrade --stack dev-rserver --resume goes on from here, "
        "scripts/upgrade --stack dev-rserver --take-back goes back to rserver 9.0.1"
    )
    assert stack.world.machines["web-1"].serves
    assert stack.world.machines["compute-1"].version == NEW
    assert stack.world.machines["compute-2"].version == OLD
    stack.world.fails = None
    stack.go()
    assert stack.world.same_as(NEW)


def test_a_service_that_has_gone_stops_it_before_the_stack_file_changes(stack):
    stack.world.published = lambda: ("iris 1.0",)
    with pytest.raises(OperationError) as error:
        stack.go()

    assert error.value.why == "before the upgrade there were mpg 2.0"
    assert stack.file.read_text() == "version: 9.0.1\n"


def test_a_journal_that_was_being_written_is_the_one_before(stack):
    before = stack.journal.read()
    draft = stack.journal.path.with_name("journal.json.new")
    draft.write_text("{")

    assert stack.journal.read() == before
    stack.journal.write(before.advanced())
    assert stack.journal.read().done == 1


def test_a_journal_of_another_release_is_refused(stack):
    stack.journal.path.write_text('{"format": 7}')
    with pytest.raises(OperationError) as error:
        stack.journal.read()

    assert (error.value.why, error.value.fix) == (
        "it has format 7, not 1",
        "use the release that wrote it",
    )


def options(stack, **given):
    made = dict.fromkeys(("installer", "sha256", "r", "r_sha256", "dotnet", "dotnet_sha256"))
    return argparse.Namespace(
        **{**made, "stack": "dev-rserver", "to": "9.1.0", "file": stack.file, **given}
    )


def test_a_second_upgrade_does_not_begin_over_one_that_is_under_way(stack):
    with pytest.raises(OperationError, match="an upgrade is under way"):
        command.refuse_while(stack.journal.read())


def test_what_was_taken_back_is_not_taken_back_again(stack):
    stack.turn_round()
    stack.go()
    with pytest.raises(OperationError) as error:
        command.backwards("dev-rserver", stack.journal.read())

    assert error.value.why == "the last one was taken back"


def test_the_plan_says_what_serves_meanwhile(stack):
    words = command.plan(stack.journal.read())

    assert words.startswith("stack 'dev-rserver' goes from rserver 9.0.1 to rserver 9.1.0:\n")
    assert (
        "compute-1 gets rserver 9.1.0, and is closed until no web node of rserver 9.0.1 serves"
        in words
    )
    assert "the environment serves with rserver 9.0.1 until the last compute node's turn" in words
    stack.go()
    stack.turn_round()
    words = command.plan(stack.journal.read())
    assert "web-1 restores the database as it was saved" in words
    assert "what was published or changed since the new version began to serve is lost" in words


GROUPS = {
    "web": {"kind": "fixed", "ids": ["w"], "names": ["web-1"], "addresses": ["10.0.0.4"]},
    "compute": {
        "kind": "fixed",
        "ids": ["arn:aws:ec2:eu-west-1:1:instance/i-2"],
        "names": ["compute-1"],
        "addresses": [],
    },
}


def test_nodes_are_those_of_the_outputs_compute_nodes_first():
    assert environment.nodes("s", {"groups": GROUPS}) == (
        Node(name="compute-1", id="i-2", role="compute"),
        Node(name="web-1", id="w", role="web", address="10.0.0.4"),
    )


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        ({}, "it has no nodes, or was not deployed to its end"),
        (
            {"groups": {"web": {"kind": "scaleSet"}}},
            "its machines come and go (nodes: scaleSet): a new one would have the old version",
        ),
    ],
)
def test_groups_whose_machines_come_and_go_are_refused(outputs, why):
    with pytest.raises(OperationError) as error:
        environment.nodes("s", outputs)

    assert error.value.why == why


def test_a_step_that_nobody_has_begun_has_no_way_back():
    steps = planning.forward(NODES, server=True)

    assert planning.backward(NODES, ()) == ()
    assert planning.backward(NODES, steps[:8]) == tuple(
        Step(action="settle", node=node.name) for node in NODES
    )


# Other settings, and the same version.

OUTPUTS = {
    "groups": {
        "web": {
            "kind": "fixed",
            "ids": ["w1", "w2"],
            "names": ["web-1", "web-2"],
            "content": {"rendered": "new", "machines": ["old", "new"], "nodeFile": "x"},
        },
        "compute": {
            "kind": "fixed",
            "ids": ["c1"],
            "names": ["compute-1"],
            "content": {"rendered": "same", "machines": ["same"], "nodeFile": "y"},
        },
    }
}


def configured(folder):
    stack = Stack(folder)
    stack.journal.write(
        replace(stack.journal.read(), of=OLD, to=OLD, steps=planning.configuring(NODES))
    )
    return stack


def test_nodes_that_are_behind_are_those_made_from_something_else():
    found = configuring.stale(environment.nodes("s", OUTPUTS), OUTPUTS)

    assert [node.name for node in found] == ["web-1"]


def test_settings_come_to_one_node_after_the_other_and_to_compute_nodes_first(tmp_path):
    stack = configured(tmp_path)
    steps = [step.node for step in stack.journal.read().steps if step.action == "apply"]
    stack.go()

    assert steps == ["compute-1", "compute-2", "web-1", "web-2"]
    assert {m.settings for m in stack.world.machines.values()} == {"new"}
    assert stack.world.same_as(OLD)
    assert stack.file.read_text() == "version: 9.0.1\n"
    with pytest.raises(OperationError, match="settings are not taken back after their end"):
        stack.turn_round()


@pytest.mark.parametrize("call", range(1, 20))
def test_settings_that_were_cut_short_are_gone_on_with_or_taken_back(tmp_path, call):
    for way, expected in (("on", "new"), ("back", "old")):
        stack = configured(tmp_path / way)
        stack.world.dies_after = call
        with suppress(Killed):
            stack.go()
        if not stack.journal.read().under_way:
            assert call > 18
            return
        if way == "back":
            stack.turn_round()
        stack.go()
        assert {m.settings for m in stack.world.machines.values()} == {expected}


def test_what_is_deployed_already_is_nothing_to_do(tmp_path):
    class Reading:
        def outputs(self):
            return {"groups": {"compute": OUTPUTS["groups"]["compute"]}}

    options = argparse.Namespace(stack="s", file=tmp_path)
    with pytest.raises(OperationError, match="every node is what was deployed last"):
        configuring.begun(options, Reading())


@pytest.mark.parametrize("unserved", [True, False])
def test_where_nobody_is_served_nobody_is_asked_what_is_published(tmp_path, monkeypatch, unserved):
    class Reading:
        def outputs(self):
            return OUTPUTS

    class Asked:
        def published(self):
            assert not unserved, "the balancer has a port that no node listens on"
            return ("iris 1.0",)

    made = content.Content(
        of=OLD, to=OLD, system="linux", server=True, archives={}, before="", after=""
    )
    monkeypatch.setattr(content, "ask_for_settings", lambda file, deployed: made)
    monkeypatch.setattr(environment, "services", lambda reading: Asked())
    options = argparse.Namespace(stack="s", file=tmp_path, unserved=unserved)
    record, _ = configuring.begun(options, Reading())
    assert record.services == (() if unserved else ("iris 1.0",))


def test_services_are_not_looked_for_where_a_directory_knows_the_users():
    class Reading:
        def outputs(self):
            return {"runtime": {"authentication": "ldap"}}

    assert environment.services(Reading()).published() == ()
