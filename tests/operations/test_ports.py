"""A change of ports: its order, its checks, and a way back from every step of it."""

import argparse
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from operations.beside.command import Deployed
from operations.errors import OperationError
from operations.ports import command, planning, world
from operations.ports.planning import Change, Found, Ports, Step
from operations.ports.record import Journal, Record
from operations.ports.running import Runner
from operations.stack import PROJECT, Sandbox

OLD, NEW = Ports(web=12800, compute=12805), Ports(web=443, compute=12805)
FIXED = Change(of=OLD, to=NEW, roles=("web", "compute"), keeping=("web", "compute"))
GROUPS = replace(FIXED, keeping=())
ONE_BOX = Change(of=OLD, to=NEW, roles=("one-box",), keeping=("one-box",))
INSIDE = replace(FIXED, to=Ports(web=12800, compute=9000))


class Killed(BaseException):
    """This run is over."""


class World:
    """A balancer, and nodes that listen where the last thing that reached them says."""

    def __init__(self, file: Path, change: Change):
        self.file, self.change = file, change
        self.deployed = "old"
        self.nodes = ["old", "old"]
        self.half = False
        """Whether the nodes are being changed, one of them done."""
        self.services = ("iris 1.0",)
        self.calls = 0
        self.dies = self.fails = None
        self.state = Found(ports=change.of)

    def step(self):
        self.calls += 1
        if self.calls == self.dies:
            raise Killed
        if self.calls == self.fails:
            raise OperationError("it broke", "here", "because", "mend it")

    def found(self):
        return self.state

    def well(self):
        self.step()
        if set(self.nodes) != {self.deployed}:
            raise OperationError("it is not well", "nodes", "no compute node", "wait")
        return "well"

    def published(self):
        self.step()
        return self.services

    def deploy(self):
        self.step()
        self.deployed = self.file.read_text()
        if not self.change.keeping:
            self.nodes = [self.deployed] * 2

    def configure(self, *, back):
        if back and not self.half:
            return
        self.half = True
        assert not back or self.deployed == "old", "filters first: web nodes ask compute nodes"
        self.nodes[0] = self.deployed
        self.step()
        self.nodes[1] = self.deployed
        self.half = False

    def connects(self, port):
        self.step()
        which = {self.change.of.web: "old", self.change.to.web: "new"}
        return which[port] == self.deployed and self.deployed in self.nodes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("old")
    return path


def record(file: Path, change: Change) -> Record:
    return Record(
        stack="x",
        change=change,
        file=str(file),
        before="old",
        after="new",
        steps=planning.forward(change),
    )


def runner(made: World, journal: Journal) -> Runner:
    return Runner(world=made, journal=journal, say=lambda _: None, seconds=0)


def actions(steps) -> list[str]:
    return [step.action for step in steps]


def test_the_order_for_nodes_that_keep_what_they_were_made_from() -> None:
    assert actions(planning.forward(FIXED)) == [
        "look-before",
        "write",
        "deploy",
        "configure",
        "answers",
        "silent",
        "well",
        "compare-services",
    ]


def test_groups_are_replaced_by_the_deployment() -> None:
    assert "configure" not in actions(planning.forward(GROUPS))
    said = planning.said(Step(action="deploy"), GROUPS)
    assert said.endswith("get web 443, compute 12805; new web and compute nodes take over")


def test_a_port_that_stays_is_not_expected_to_fall_silent() -> None:
    assert "silent" not in actions(planning.forward(INSIDE))


@pytest.mark.parametrize(
    ("begun", "back"),
    [
        (1, []),
        (2, ["restore"]),
        (3, ["restore", "deploy", "configure", "answers", "silent", "well", "compare-services"]),
        (
            4,
            [
                *("restore", "deploy", "take-nodes-back", "configure"),
                *("answers", "silent", "well", "compare-services"),
            ],
        ),
    ],
)
def test_the_way_back_undoes_what_has_begun(begun: int, back: list[str]) -> None:
    steps = planning.backward(FIXED, planning.forward(FIXED)[:begun])
    assert actions(steps) == back
    assert all(step.back for step in steps)


def test_the_way_back_is_said_the_other_way_round() -> None:
    assert planning.said(Step(action="answers", back=True), FIXED) == (
        "clients are answered on 12800"
    )
    assert planning.said(Step(action="silent", back=True), FIXED) == (
        "nobody answers on 443 any more"
    )


def test_for_how_long_nobody_is_served_is_said() -> None:
    assert planning.meaning(FIXED) == [
        "clients must call port 443 from then on; 12800 ends with the",
        "deployment, and until the first web node is done nobody is served on either",
        "sessions on a compute node end when its turn comes",
    ]
    assert planning.meaning(GROUPS)[1].startswith("deployment, and until the new web nodes serve ")
    assert planning.meaning(ONE_BOX)[1].startswith("deployment, and until the machine is done ")
    assert planning.meaning(INSIDE)[0].startswith("web nodes lose their compute nodes")
    inside = replace(ONE_BOX, to=Ports(web=12800, compute=9000))
    assert planning.meaning(inside) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found(ports=NEW), "it was deployed with web 443, compute 12805, and its stack file says"),
        (Found(ports=OLD, stale=("a",)), "these nodes are not what was deployed last: a"),
        (Found(ports=OLD, upgrading="under way"), "an upgrade is under way: bring it to its end"),
        (Found(ports=OLD, sets=2), "two sets of nodes are behind the balancer"),
    ],
)
def test_what_must_not_begin(file: Path, found: Found, words: str) -> None:
    assert planning.obstacles(FIXED, Found(ports=OLD)) == []
    made = World(file, FIXED)
    made.state = found
    journal = Journal(file.parent, "x")
    with pytest.raises(OperationError, match="the ports cannot be changed now") as refused:
        runner(made, journal).run(record(file, FIXED))
    assert words in refused.value.why
    assert "--resume" not in refused.value.fix
    assert file.read_text() == "old"


@pytest.mark.parametrize("change", [FIXED, GROUPS, ONE_BOX, INSIDE])
def test_a_change_comes_to_its_end_and_goes_back(file: Path, change: Change) -> None:
    if change is INSIDE:
        change = replace(change, to=Ports(web=443, compute=9000))
    made, journal = World(file, change), Journal(file.parent, "x")
    ended = runner(made, journal).run(record(file, change))
    assert (ended.state, file.read_text(), made.nodes) == ("done", "new", ["new", "new"])
    back = runner(made, journal).run(ended.turned())
    assert (back.state, file.read_text(), made.nodes) == ("taken-back", "old", ["old", "old"])
    assert journal.read() == back


@pytest.mark.parametrize("way", ["resume", "back"])
@pytest.mark.parametrize("call", range(3, 11))
@pytest.mark.parametrize("how", ["dies", "fails"])
def test_from_wherever_it_stops_both_ways_lead_on(
    file: Path, way: str, call: int, how: str
) -> None:
    made, journal = World(file, FIXED), Journal(file.parent, "x")
    begun = record(file, FIXED)
    journal.write(begun)
    setattr(made, how, call)
    try:
        runner(made, journal).run(begun)
    except (Killed, OperationError) as stopped:
        if isinstance(stopped, OperationError):
            assert "--take-back goes back to web 12800" in stopped.fix  # noqa: PT017
    made.dies = made.fails = None
    last = journal.read()
    assert last is not None
    if way == "resume" and last.state == "forward":
        assert last.under_way
        runner(made, journal).run(last)
        assert (file.read_text(), made.nodes, made.deployed) == ("new", ["new", "new"], "new")
    else:
        runner(made, journal).run(last.turned())
        assert (file.read_text(), made.nodes, made.deployed) == ("old", ["old", "old"], "old")


def test_a_file_that_somebody_else_has_changed_is_left_alone(file: Path) -> None:
    made, journal = World(file, FIXED), Journal(file.parent, "x")
    ended = runner(made, journal).run(record(file, FIXED))
    file.write_text("theirs")
    with pytest.raises(OperationError, match="the stack file is not what it was"):
        runner(made, journal).run(ended.turned())
    assert file.read_text() == "theirs"


def test_a_service_that_has_gone_is_named(file: Path) -> None:
    made, journal = World(file, FIXED), Journal(file.parent, "x")

    def lose() -> None:
        World.deploy(made)
        made.services = ()

    made.deploy = lose
    with pytest.raises(OperationError, match="the services are not the same") as refused:
        runner(made, journal).run(record(file, FIXED))
    assert "iris 1.0" in refused.value.why


def test_a_port_that_stays_silent_or_will_not_fall_silent_stops_it(file: Path) -> None:
    made, journal = World(file, FIXED), Journal(file.parent, "x")
    made.connects = lambda port: False
    with pytest.raises(OperationError, match="port 443 takes no connection"):
        runner(made, journal).run(record(file, FIXED))
    made.connects = lambda port: True
    last = journal.read()
    assert last is not None
    with pytest.raises(OperationError, match="port 12800 still takes connections"):
        runner(made, journal).run(last)


def test_where_only_a_directory_knows_users_services_are_not_compared(file: Path) -> None:
    made, journal = World(file, FIXED), Journal(file.parent, "x")
    made.services = None
    said: list[str] = []
    Runner(world=made, journal=journal, say=said.append, seconds=0).run(record(file, FIXED))
    assert any("not seen: its users are those of a directory" in line for line in said)


def test_outputs_say_what_is_deployed() -> None:
    groups = {"web": {"port": 443}, "compute": {"port": 9000}}
    found = world.found({"groups": groups, "newSet": {}}, FIXED, None)
    assert found == Found(ports=Ports(web=443, compute=9000), sets=2)
    alone = world.found({"groups": {"one-box": {"port": 443}}}, ONE_BOX, None)
    assert alone.ports == Ports(web=443, compute=12805)
    with pytest.raises(OperationError, match="the ports are not known"):
        world.found({}, FIXED, None)


class Answering:
    """A client of the open runtime, which lists the compute nodes that it was made with."""

    endpoint = "https://198.18.17.1:9443"

    def __init__(self, *uris: str):
        backends = {"statusCode": "pass", "components": {uri: {} for uri in uris}}
        self.report = {"statusCode": "pass", "components": {"backends": backends}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def status(self):
        return self.report


@pytest.mark.parametrize(
    ("groups", "uri"),
    [
        ({"web": {"port": 9443}, "compute": {"port": 9450, "minimum": 1}}, "https://10.0.0.4:9450"),
        ({"one-box": {"port": 9443, "minimum": 1}}, "https://10.0.0.4:9443"),
    ],
)
def test_the_open_runtime_is_well_when_its_compute_nodes_serve_on_the_port_that_is_deployed(
    tmp_path: Path, monkeypatch, groups: dict[str, dict[str, int]], uri: str
) -> None:
    monkeypatch.setattr(Deployed, "outputs", lambda self: {"groups": groups})
    monkeypatch.setattr(world.Stack, "_environment", lambda self: SimpleNamespace(product=None))
    monkeypatch.setattr(world, "Client", lambda known: Answering(uri))
    stack = world.Stack(
        change=GROUPS, deployed=Deployed("x", Backend(tmp_path), unasked=True), memory=tmp_path
    )
    assert "is well, with 1 compute nodes" in stack.well()


class Ran:
    """The scripts that were run, and what they answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int = 0):
        self.commands: list[list[str]] = []
        self.code = code
        monkeypatch.setattr(subprocess, "run", self)

    def __call__(self, arguments, **_):
        name, *rest = arguments
        self.commands.append([Path(name).name, *rest])
        return subprocess.CompletedProcess(arguments, self.code)


class Backend(Sandbox):
    """A sandbox with the stack, which nobody asks."""

    def variables(self, stack):
        return {}


@pytest.mark.parametrize(("change", "waits"), [(FIXED, "--no-wait"), (GROUPS, "--no-sample")])
def test_nobody_waits_for_nodes_on_a_port_that_they_do_not_have_yet(
    tmp_path: Path, monkeypatch, change: Change, waits: str
) -> None:
    ran = Ran(monkeypatch)
    world.Stack(
        change=change, deployed=Deployed("x", Backend(tmp_path), unasked=True), memory=tmp_path
    ).deploy()
    assert ran.commands == [["up", "--stack", "x", waits]]


@pytest.mark.parametrize(
    ("state", "stale", "back", "expected"),
    [
        (None, ("a",), False, [["--configure", "--unserved"]]),
        (None, (), False, []),
        (None, ("a",), True, []),
        ("forward", (), False, [["--resume"]]),
        ("forward", (), True, [["--take-back"]]),
        ("back", (), True, [["--resume"]]),
        ("back", ("a",), False, [["--resume"], ["--configure", "--unserved"]]),
    ],
)
def test_nodes_are_changed_by_the_script_for_that(
    tmp_path: Path, monkeypatch, state, stale, back, expected
) -> None:
    ran = Ran(monkeypatch)
    last = None if state is None else SimpleNamespace(under_way=True, state=state)
    monkeypatch.setattr(world.Stack, "_upgrade", lambda self: last)
    monkeypatch.setattr(world.Stack, "found", lambda self: Found(ports=OLD, stale=stale))
    stack = world.Stack(
        change=FIXED, deployed=Deployed("x", Backend(tmp_path), unasked=True), memory=tmp_path
    )
    stack.configure(back=back)
    assert ran.commands == [["upgrade", "--stack", "x", *way, "--yes"] for way in expected]
    ran.code = 1
    if expected:
        with pytest.raises(OperationError, match="the nodes were not changed to the end"):
            stack.configure(back=back)


def options(file: Path, **changes: object) -> argparse.Namespace:
    given = {"web": None, "compute": None, "resume": False, "take_back": False, "yes": False}
    return argparse.Namespace(stack="x", file=file, memory=file.parent, **{**given, **changes})


def test_what_is_asked_for_comes_from_the_program(file: Path, monkeypatch) -> None:
    seen = []

    def answer(path: Path, arguments: list[str]) -> str:
        seen.append(arguments)
        both = {"of": vars_of(OLD), "to": vars_of(NEW), "before": "old", "after": "new"}
        return json.dumps({**both, "roles": ["web", "compute"], "keeping": ["web", "compute"]})

    monkeypatch.setattr(command, "asked", answer)
    made = command.wanted(options(file, web=443), None)
    assert seen == [["--web", "443"]]
    assert made == replace(record(file, FIXED), file=str(file.resolve()))
    assert command.plan(made).startswith(
        "stack 'x' goes from web 12800, compute 12805 to web 443, compute 12805:\n"
    )
    begun = replace(made, done=2)
    with pytest.raises(OperationError, match="a change of ports is under way"):
        command.wanted(options(file, web=443), begun)
    assert command.shown(made, begun).endswith(
        "a change to web 443, compute 12805 is under way, 2 of 8 steps done\n"
    )


def test_the_program_itself_says_what_a_stack_file_becomes(tmp_path: Path) -> None:
    (tmp_path / "bases").symlink_to(PROJECT / "stacks" / "bases")
    path = tmp_path / "Pulumi.dev-rserver.yaml"
    path.write_text((PROJECT / "stacks" / path.name).read_text())
    made = command.wanted(options(path, web=443), None)
    assert (made.change, made.before) == (FIXED, path.read_text())
    assert "ports: { web: 443, compute: 12805 }" in made.after
    assert command.wanted(options(path), None).change.none
    with pytest.raises(OperationError, match="the stack cannot have these ports") as refused:
        command.wanted(options(path, web=22), None)
    assert "must leave 22 to" in refused.value.why


def vars_of(ports: Ports) -> dict[str, int]:
    return {"web": ports.web, "compute": ports.compute}


@pytest.mark.parametrize("way", ["resume", "take_back"])
def test_without_a_change_there_is_none_to_go_on_with_or_take_back(file: Path, way: str) -> None:
    for last in (None, record(file, FIXED), replace(record(file, FIXED), state="taken-back")):
        with pytest.raises(OperationError, match="there is no change of ports to "):
            command.wanted(options(file, **{way: True}), last)


def test_a_journal_of_another_release_is_refused(file: Path) -> None:
    journal = Journal(file.parent, "x")
    journal.write(record(file, FIXED))
    assert journal.read() == record(file, FIXED)
    journal.path.write_text(journal.path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(OperationError, match="the journal of the ports cannot be read"):
        journal.read()
