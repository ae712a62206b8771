"""Who is asked before a load, what is known of an environment, and what becomes of a conclusion."""

import argparse
import importlib.util
import io
import json
from pathlib import Path

import pytest

from operations.capacity import command, facts, options, reporting
from operations.capacity.recommendation import Group
from operations.errors import OperationError
from tests.operations.capacity.test_recommendation import FACTS
from tests.operations.capacity.test_report import result

ROOT = Path(__file__).resolve().parents[3]
BASIC = ["capacity", "iris", "request.json", "--report", "reports"]


def parsed(*more):
    parser = argparse.ArgumentParser()
    parser.add_argument("--stack", default="dev")
    options.add(parser.add_subparsers(), lambda _options: None)
    return parser.parse_args([*BASIC, *more])


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("said", "begins"), [("y\n", True), ("yes\n", True), ("\n", False), ("n\n", False)]
)
@pytest.mark.parametrize("settings", [{"protected": True}, {}])
def test_a_protected_stack_is_asked_about(monkeypatch, capsys, settings, said, begins):
    monkeypatch.setattr("sys.stdin", Terminal(said))

    assert reporting.confirmed(parsed(), settings, 200) is begins

    words = capsys.readouterr().err
    assert "up to 200 requests at once, 50000 in all, for 10 minutes at most" in words
    assert ("nothing was asked" in words) is not begins


def test_one_that_is_not_protected_is_not_and_yes_is_said_beforehand(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert reporting.confirmed(parsed(), {"protected": False}, 200)
    assert reporting.confirmed(parsed("--yes"), {"protected": True}, 200)
    with pytest.raises(OperationError, match="nobody is there to say yes"):
        reporting.confirmed(parsed(), {"protected": True}, 200)


def test_strategies_are_those_of_the_documents():
    latency, thread = options.strategy(parsed()), options.strategy(parsed("--strategy=thread"))

    assert (latency.name, latency.limit, latency.maximum) == ("latency", 0.25, 200)
    assert (thread.name, thread.limit, thread.maximum) == ("thread", None, 50)
    assert (thread.minimum, thread.increment) == (10, 10)
    assert options.strategy(parsed("--min-threads=300")).maximum == 300


def test_the_stack_file_is_changed_where_it_can_be_and_said_where_not(tmp_path):
    file = tmp_path / "stacks" / "Pulumi.dev.yaml"
    file.parent.mkdir()
    file.write_text("config:\n  operationalization:environment:\n    cloud: azure\n")
    before = result(target=None, recommendation=None, patch="")

    patched = command.concluded(before, parsed("--load=250", f"--stack-file={file}"), FACTS)
    file.write_text("- no stack\n")
    spelt = command.concluded(before, parsed("--load=250", f"--stack-file={file}"), FACTS)
    quiet = command.concluded(before, parsed(), FACTS)

    assert patched.patch.startswith("--- a/stacks/Pulumi.dev.yaml\n")
    assert "compute: { autoscale: { " in patched.patch
    assert spelt.patch.startswith("config:\n  operationalization:environment:\n")
    assert spelt.notes[-1].startswith("Pulumi.dev.yaml must be changed by hand: ")
    assert (quiet.recommendation, quiet.patch) == (None, "")


def backends(**pools):
    nodes = {
        uri: {"statusCode": "pass" if size >= 0 else "fail", "details": {"rMaxPoolSize": size}}
        for uri, size in pools.items()
    }
    return {"components": {"backends": {"components": nodes}}}


def test_compute_nodes_and_their_workers_are_those_that_serve():
    settings = {"groups": {"compute": {"count": 9}, "web": {"count": 2}}}

    found = facts.read(settings, backends(a=2, b=4, c=-1), {"web": 3})

    assert (found.workers, found.compute_nodes, found.one_box) == (6, 2, False)
    assert found.groups["compute"] == Group(role="compute", nodes=2)
    assert found.groups["web"].nodes == 3


def test_a_pool_that_grows_or_is_not_said_is_no_number_of_workers():
    grows = facts.read({"pools": True, "groups": {}}, backends(a=80), {})
    silent = facts.read({}, {"components": {"backends": {"components": {"a": {}}}}}, {})

    assert (grows.workers, grows.pools, grows.one_box) == (0, True, True)
    assert (silent.workers, silent.compute_nodes, silent.one_box) == (0, 1, False)


def told(stack, capsys):
    path = ROOT / "scripts/lib/capacity_settings.py"
    spec = importlib.util.spec_from_file_location("capacity_settings", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(stack)
    return capsys.readouterr().out


def test_the_settings_are_those_of_the_stack_and_its_bases(capsys):
    found = json.loads(told(ROOT / "stacks/Pulumi.azure-production.yaml", capsys))
    one_box = json.loads(told(ROOT / "stacks/Pulumi.dev-onebox.yaml", capsys))
    family = json.loads(told(ROOT / "stacks/Pulumi.dev-rserver.yaml", capsys))

    assert found["protected"] is True
    assert found["groups"]["compute"] == {
        "autoscale": {"minimum": 3, "maximum": 30, "above": 50, "below": 20, "step": 2},
        "periods": {"office-hours": 6},
    }
    assert one_box == {
        "protected": False,
        "pools": False,
        "windows": False,
        "connections": 5,
        "groups": {},
    }
    assert family["pools"] is True


def test_settings_that_are_wrong_say_nothing(tmp_path, capsys):
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("config: {}\n")

    assert told(file, capsys) == ""
