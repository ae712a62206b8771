"""An upgrade beside the old nodes: each call is answered, and every step has its way back."""

import argparse
import json
import subprocess
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from operations.beside import command, planning
from operations.beside.command import Deployed
from operations.beside.record import Journal, Record, finishing
from operations.beside.running import Runner
from operations.channel import Answer
from operations.errors import OperationError
from operations.stack import PROJECT, Cloud

SERVICES = ["iris 1.0", "mpg 2.0"]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Killed(BaseException):
    """This run of the upgrade is over."""


class World:
    """Two sets of two web nodes, and a balancer that a client is behind at every moment."""

    def __init__(self, file):
        self.file = file
        self.stage = "before"
        self.pool = {"old"}
        self.drained = set()
        self.frozen = False
        self.databases = {"old": list(SERVICES)}
        self.calls = 0
        self.dies = None
        self.fails = None
        self.moments = set()

    # What the runner takes for a stack.

    def outputs(self):
        def groups(which):
            names = [f"{which}-1", f"{which}-2"]
            return {"groups": {"web": {"ids": names, "names": names}}}

        if self.stage in ("before", "alone"):
            return groups("old")
        return {**groups("old"), "oldSet": groups("old"), "newSet": groups("new")}

    def channel(self, nodes):
        return self

    def published(self):
        return tuple(self.databases[next(iter(sorted(self.serving)))])

    def deploy(self):
        with self._step():
            stage, _, moment = self.file.read_text().partition(" ")
            if stage == "before":
                self.databases.pop("new", None)
            elif stage == "alone":
                self.databases.pop("old", None)
            else:
                assert self.frozen or stage == "gone"
                assert moment == "2026-01-31T12:00:00Z"
                self.moments.add(moment)
                self.databases.setdefault("new", list(self.databases["old"]))
            self.stage = stage
            self.pool = {
                "before": {"old"},
                "old": {"old"},
                "both": {"old", "new"},
                "new": {"new"},
                "gone": {"new"},
                "alone": {"new"},
            }[stage]

    # What it takes for a channel.

    def run(self, node, script, text, seconds):
        which, what = node.name.partition("-")[0], text.strip()
        with self._step():
            if self.fails == (what, node.name):
                return Answer(code=1, stdout="", stderr="it broke")
            match what:
                case "freeze" | "thaw":
                    assert which == "old"
                    self.frozen = what == "freeze"
                case "leave":
                    self.drained.add(which)
                case "return":
                    self.drained.discard(which)
                case "services":
                    return Answer(code=0, stdout=json.dumps(self.databases[which]), stderr="")
        return Answer(code=0, stdout="", stderr="")

    @property
    def serving(self):
        return self.pool - self.drained

    def _step(self):
        return _Deadly(self)


class _Deadly:
    def __init__(self, world):
        self.world = world

    def __enter__(self):
        self.world.calls += 1

    def __exit__(self, *_):
        assert self.world.serving, "a call is answered by nobody"
        if self.world.calls == self.world.dies:
            raise Killed


def begun(tmp_path):
    file = tmp_path / "stack.yaml"
    file.write_text("before ")
    stages = (*("old", "both", "new", "gone"), "alone")
    texts = {stage: f"{stage} MOMENT" for stage in stages} | {"before": "before "}
    record = Record(
        stack="s", of="rserver 9.1.0", to="mlserver 9.4.7", state="forward", file=str(file),
        texts=texts, placeholder="MOMENT",
    )  # fmt: skip
    journal = Journal(tmp_path, "s")
    journal.write(record)
    return World(file), journal


def go(world, journal, record=None):
    runner = Runner(world=world, journal=journal, say=lambda _: None, now=lambda: NOON)
    return runner.run(record or journal.read())


def options(**given):
    names = ("to", "resume", "take_back", "finish", "show", "yes", "file", "memory")
    return argparse.Namespace(stack="s", **{**dict.fromkeys(names), **given})


def test_it_ends_with_the_new_set_alone(tmp_path):
    world, journal = begun(tmp_path)
    record = go(world, journal)
    assert (record.state, world.serving, world.stage) == ("standing", {"new"}, "new")
    assert set(world.databases) == {"old", "new"}
    record = go(world, journal, command.wanted(options(finish=True), record))
    assert (record.state, set(world.databases)) == ("done", {"new"})


def steps():
    return range(1, 20)


@pytest.mark.parametrize("call", steps())
def test_killed_anywhere_it_is_gone_on_with(tmp_path, call):
    world, journal = begun(tmp_path)
    world.dies = call
    with suppress(Killed):
        go(world, journal)
    last = journal.read()
    record = go(world, journal) if last.under_way else last
    assert (record.state, world.serving) == ("standing", {"new"})
    assert world.moments == {"2026-01-31T12:00:00Z"}


@pytest.mark.parametrize("call", steps())
def test_killed_anywhere_it_is_taken_back_with_all_that_was_there(tmp_path, call):
    world, journal = begun(tmp_path)
    world.dies = call
    with suppress(Killed):
        go(world, journal)
    back = command.wanted(options(take_back=True), journal.read())
    journal.write(back)
    world.dies = world.calls + 3
    with suppress(Killed):
        go(world, journal)
    last = journal.read()
    record = go(world, journal) if last.under_way else last
    assert record.state == "taken-back"
    assert (world.serving, world.stage, world.frozen) == ({"old"}, "before", False)
    assert world.databases == {"old": SERVICES}


def test_what_failed_is_told_with_both_ways(tmp_path):
    world, journal = begun(tmp_path)
    world.fails = ("diagnose", "new-2")
    with pytest.raises(OperationError) as error:
        go(world, journal)
    assert "it broke" in str(error.value)
    assert "--beside --resume goes on from here, --take-back goes back to" in str(error.value)
    assert world.serving == {"old"}


def test_a_service_that_came_after_the_backup_stops_it_before_anybody_is_sent_there(tmp_path):
    world, journal = begun(tmp_path)
    deploy = world.deploy

    def late():
        deploy()
        world.databases["old"].append("late 1.0")

    world.deploy = late
    with pytest.raises(OperationError, match=r"late 1\.0"):
        go(world, journal)
    assert (world.stage, world.serving) == ("old", {"old"})


def test_where_a_directory_knows_the_users_nobody_compares_and_that_is_said(tmp_path):
    world, journal = begun(tmp_path)
    world.published = lambda: None
    said = []
    runner = Runner(world=world, journal=journal, say=said.append, now=lambda: NOON)
    record = runner.run(journal.read())

    assert (record.state, world.serving) == ("standing", {"new"})
    assert said.count("    not seen: its users are those of a directory; ask as one of them\n") == 2


@pytest.mark.parametrize("way", ["resume", "take_back", "finish"])
def test_what_is_not_there_is_refused(way):
    with pytest.raises(OperationError, match="none was begun from here"):
        command.wanted(options(**{way: True}), None)


def test_one_at_a_time(tmp_path):
    world, journal = begun(tmp_path)
    record = go(world, journal)
    for last in (record, finishing(record)):
        with pytest.raises(OperationError, match="an upgrade is not at its end"):
            command.wanted(options(to="9.4.7"), last)
    assert "goes from rserver 9.1.0" in command.plan(record.turned("forward", planning.FORWARD))


def test_in_a_cloud_what_is_deployed_is_held_to_the_policies(monkeypatch):
    asked = []

    def run(command, **options):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)

    Deployed("production", Cloud(), unasked=True).deploy()

    assert asked[0][:4] == ["pulumi", "up", "--stack", "production"]
    assert asked[0][asked[0].index("--policy-pack") + 1] == str(PROJECT / "policies")
