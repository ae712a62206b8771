"""The life of one machine, with a room that remembers what it was asked for."""

import threading
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import pytest

from sandbox.fabric.contract import Container, FabricError, Machine, Probe, Protocol
from sandbox.fabric.node import Node, Phase, State, described, restored

LIMIT = 10
"""Seconds that something may take to come true; it takes some milliseconds."""
PROBE = Probe(protocol=Protocol.HTTPS, port=12805, path="/live", interval=0.02, failures=2)
MACHINE = Machine(
    id="/machines/0",
    incarnation="6ed3",
    group="/machines",
    name="dev-web_0",
    hostname="devweb0",
    network="/vnet",
    port="/nic",
    address=IPv4Address("10.20.0.4"),
    image="complete",
    user_data=b"#cloud-config",
    vcpus=2,
    memory=4096,
    script="configure",
)


@dataclass
class Finished:
    code: int
    output: str


class Room:
    """A machine room whose machines are as the test says."""

    speed = 1.0

    def __init__(self):
        self.done: list[str] = []
        self.phases: list[Phase] = []
        self.running = self.powered_off = False
        self.well = True
        self.script = Finished(0, "")
        self.trouble: Exception | None = None
        self.agrees = threading.Event()
        self._changed = threading.Condition()

    def _note(self, what):
        with self._changed:
            self.done.append(what)
            self._changed.notify_all()

    def await_(self, true):
        with self._changed:
            assert self._changed.wait_for(true, LIMIT), (self.done, self.phases)

    def boot(self, _):
        if self.trouble:
            raise self.trouble
        self.running = True
        self._note("boot")

    def is_running(self, _):
        return self.running

    def has_powered_off(self, _):
        return self.powered_off

    def provision(self, machine, _):
        self._note(f"run {machine.script}")
        return self.script

    def is_well(self, *_):
        return self.well

    def drain(self, _, seconds, cancelled):
        self._note(f"drain {seconds:g}")
        while not (self.agrees.wait(0.01) or cancelled.is_set()):
            pass

    def end(self, _):
        self.running = False
        self._note("end")

    def unplug(self, _):
        self.running = False
        self._note("unplug")

    def repair(self, _):
        self._note("repair")

    def remember(self, node):
        with self._changed:
            self.phases.append(node.state.phase)
            self._changed.notify_all()


@pytest.fixture
def room():
    return Room()


@pytest.fixture
def live(room):
    lived = []

    def begin(state=None, **changes):
        node = Node(replace(MACHINE, **changes), room, state)
        lived.append(node)
        return node

    yield begin
    for node in lived:
        node.leave()


def settled(node):
    over = threading.Event()
    timer = threading.Timer(LIMIT, over.set)
    timer.start()
    told = []
    state = node.wait(over, told.append)
    timer.cancel()
    assert not over.is_set(), state
    return state, told


def test_a_machine_boots_runs_its_script_and_is_ready(room, live):
    state, told = settled(live())

    assert state.phase is Phase.READY
    assert room.done == ["boot", "run configure"]
    assert told[-1] == "dev-web_0: ready"


def test_one_that_its_group_holds_is_ready_once_it_has_said_so(room, live):
    node = live(held=LIMIT * 2)
    room.await_(lambda: node.state.provisioned is not None)
    assert not node.is_settled()

    node.update(replace(MACHINE, held=None))

    assert settled(node)[0].phase is Phase.READY
    assert room.done == ["boot", "run configure"]


def test_one_that_never_says_that_it_is_ready_has_failed(room, live):
    state, _ = settled(live(held=0.0))

    assert state.phase is Phase.FAILED
    assert state.reason == "it did not say within 0 seconds that it is ready (lifecycle hook)"


def test_one_that_balancers_decide_on_is_ready_once_they_find_it_well(room, live):
    room.well = False
    node = live(balancers=("front",), health=PROBE)
    room.await_(lambda: node.state.provisioned is not None)
    assert not node.is_settled()

    room.well = True
    node.nudge()

    assert settled(node)[0].phase is Phase.READY


def test_one_whose_script_fails_keeps_the_end_of_what_it_said(room, live):
    room.script = Finished(1, "E: no such package\n")

    state, _ = settled(live())

    assert (state.phase, state.reason) == (Phase.FAILED, "E: no such package")


def test_a_failed_one_is_provisioned_again_when_somebody_tries_again(room, live):
    room.script = Finished(1, "no")
    node = live()
    settled(node)
    room.script = Finished(0, "")

    node.retry()

    assert settled(node)[0].phase is Phase.READY
    assert room.done == ["boot", "run configure", "run configure"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (FabricError("the disk is full"), "the disk is full"),
        (RuntimeError("oops"), "the sandbox itself failed: RuntimeError('oops')"),
    ],
    ids=["refused", "mistake"],
)
def test_one_that_cannot_start_says_why(room, live, trouble, said):
    room.trouble = trouble

    state, _ = settled(live())

    assert (state.phase, state.reason) == (Phase.FAILED, said)


def test_one_that_cannot_start_is_tried_again_until_it_can(room, live, monkeypatch):
    monkeypatch.setattr("sandbox.fabric.node.RETRY", 0.0)
    room.trouble = FabricError("the disk is full")
    node = live()
    settled(node)

    for _ in range(3):
        node.nudge()
    assert node.state.phase is Phase.FAILED
    room.trouble = None
    node.nudge()

    room.await_(lambda: node.state.phase is Phase.READY)
    assert room.phases.count(Phase.FAILED) == 1
    assert node.state.restarts == 0


def test_one_that_failed_before_the_sandbox_stopped_is_started_with_it(room, live):
    state, _ = settled(live(State(phase=Phase.FAILED, reason="no")))

    assert state.phase is Phase.READY
    assert room.done == ["boot", "run configure"]


def test_one_that_failed_and_runs_is_left_as_it_is(room, live):
    room.running = True

    state, _ = settled(live(State(phase=Phase.FAILED, reason="no")))

    assert (state.phase, state.reason) == (Phase.FAILED, "no")
    assert room.done == []


def test_one_that_dies_is_started_again_and_not_provisioned_again(room, live):
    node = live()
    settled(node)

    room.running = False
    node.nudge()
    room.await_(lambda: room.done.count("boot") == 2)

    room.await_(lambda: node.state.phase is Phase.READY)
    assert room.done == ["boot", "run configure", "boot"]
    assert node.state.restarts == 1


def test_one_that_powered_itself_off_stays_off(room, live):
    node = live()
    settled(node)

    room.running, room.powered_off = False, True
    node.nudge()

    room.await_(lambda: node.state.phase is Phase.STOPPED)
    assert room.done == ["boot", "run configure"]


def test_one_that_stays_unwell_is_replaced_after_its_grace(room, live):
    node = live(health=PROBE, repair=0.1)
    settled(node)

    room.well = False
    node.nudge()

    room.await_(lambda: "repair" in room.done)
    assert node.state.healthy is False


def test_one_that_gets_well_again_in_time_is_not(room, live):
    node = live(health=PROBE, repair=3600)
    settled(node)
    room.well = False
    node.nudge()
    room.await_(lambda: node.state.healthy is False)

    room.well = True
    node.nudge()

    room.await_(lambda: node.state.healthy is True)
    assert "repair" not in room.done


def test_one_without_repair_is_never_replaced(room, live):
    node = live(health=PROBE)
    settled(node)

    room.well = False
    node.nudge()

    room.await_(lambda: node.state.healthy is False)
    assert "repair" not in room.done


def test_one_that_goes_drains_first(room, live):
    node = live(notice=300.0)
    settled(node)
    room.speed = 20
    room.agrees.set()

    assert node.retire(threading.Event())

    assert room.done[-2:] == ["drain 15", "end"]
    assert node.state.phase is Phase.GONE


def test_one_that_never_served_goes_at_once(room, live):
    room.script = Finished(1, "no")
    node = live(notice=300.0)
    settled(node)

    assert node.retire(threading.Event())

    assert room.done[-1] == "end"
    assert not [each for each in room.done if each.startswith("drain")]


def test_one_whose_drain_is_interrupted_serves_again(room, live):
    node = live(notice=300.0)
    settled(node)
    interrupted = threading.Event()
    interrupted.set()

    assert not node.retire(interrupted)

    room.await_(lambda: node.state.phase is Phase.READY)
    assert room.done[-2:] == ["unplug", "boot"]
    assert room.done.count("run configure") == 1


def test_one_that_runs_is_adopted_as_it_was(room, live):
    before = live()
    settled(before)
    before.leave()

    node = live(restored(described(before)))

    assert node.state.phase is Phase.READY
    assert room.done == ["boot", "run configure"]


def test_one_that_went_down_with_the_sandbox_is_not_taken_for_ready(room, live):
    before = live()
    settled(before)
    before.leave()
    room.running, room.trouble = False, FabricError("not yet")

    node = live(restored(described(before)))

    assert node.state.phase is not Phase.READY
    assert settled(node)[0].reason == "not yet"


def test_a_new_script_is_run_on_the_machine_that_is_there(room, live):
    node = live()
    settled(node)

    node.update(replace(MACHINE, script="configure better"))

    assert not node.is_settled()
    assert settled(node)[0].phase is Phase.READY
    assert room.done == ["boot", "run configure", "run configure better"]


@pytest.mark.parametrize("found", [{}, {"phase": "asleep"}], ids=["nothing", "rubbish"])
def test_what_cannot_be_read_is_forgotten(found):
    assert restored(found) is None


def test_a_program_that_is_not_alive_is_started_again(room, live):
    node = live(container=Container(liveness=PROBE), health=PROBE)
    settled(node)

    room.well = False
    room.await_(lambda: room.done.count("boot") == 2)
    room.well = True

    room.await_(lambda: node.state.phase is Phase.READY and node.state.restarts == 1)
    assert room.done[:4] == ["boot", "run configure", "unplug", "boot"]


def test_a_program_that_ends_before_it_is_ready_has_failed_with_what_it_said(room, live):
    room.script = Finished(1, "there is no model")
    room.is_running = lambda _: False

    state, _ = settled(live(container=Container()))

    assert (state.phase, state.reason) == (Phase.FAILED, "there is no model")
    assert room.done == ["boot", "run configure"]


def test_a_machine_that_can_not_run_here_is_a_record_that_nobody_waits_for(room, live):
    node = live(absent="Windows can't boot")

    state = node.wait(threading.Event(), lambda _: None)
    assert (state.phase, state.reason) == (Phase.ABSENT, "Windows can't boot")
    node.retry()
    assert node.retire(threading.Event())
    assert room.done == ["end"]
