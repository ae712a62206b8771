"""What nodes say of a stage's time counts; a node that is away is named."""

import os
import subprocess
from dataclasses import replace

import pytest

from operations.capacity import timing, watching
from operations.capacity.samples import Sample, gathered
from operations.capacity.watching import SCRIPT, Watch, nodes, read
from operations.channel import Answer, Node
from operations.errors import OperationError

FORWARD, SHELL = timing.PARTS["forward"], timing.PARTS["shell"]
LOG = """\
1701.5 web-0 haproxy[7]: 198.51.100.7:4711 web~ compute/node1 0/30/2/41/73 200 512 ---- POST /api/iris/1.0
1701.6 web-0 haproxy[7]: 198.51.100.7:4711 web~ compute/node2 0/10/0/39/49 200 512 ---- POST /api/iris/1.0
1701.7 web-0 haproxy[7]: 198.51.100.7:4711 web~ compute/<NOSRV> 0/-1/-1/-1/0 503 90 SC-- POST /api/iris/1.0
1701.8 web-0 haproxy[7]: 198.51.100.7:4712 web~ api/api 0/0/0/3/3 200 90 ---- GET /services/iris/1.0
1701.9 web-0 haproxy[7]: Proxy web started.
"""  # noqa: E501 - as the proxy writes it
WEB = Node(name="web-0", id="i-1", role="web")
COMPUTE = Node(name="compute-0", id="i-2", role="compute")


class Nodes:
    """Says what each node prints."""

    def __init__(self, **said):
        self.said, self.asked = said, []

    def run(self, node, script, text, seconds):
        self.asked.append((node.name, text, seconds))
        said = self.said[node.role]
        if isinstance(said, OperationError):
            raise said
        return said if isinstance(said, Answer) else Answer(code=0, stdout=said, stderr="")


def stage(began=100.0, seconds=10.0):
    found = gathered(10, [Sample(seconds=0.1)], {}, seconds=seconds, began=began)
    return replace(found)


def test_the_script_looks_so_often_and_reads_the_proxys_log(tmp_path):
    journal = tmp_path / "journalctl"
    (tmp_path / "log").write_text(LOG)
    journal.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" >{tmp_path}/asked\ncat {tmp_path}/log\n")
    journal.chmod(0o755)

    done = subprocess.run(
        ["bash", str(SCRIPT)],
        input="3\n0.1\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )

    found = read(done.stdout)
    assert len(found.cpu) == 3
    assert found.waits == {FORWARD: (2, pytest.approx(0.021))}
    assert "--unit operationalization-proxy --since @" in (tmp_path / "asked").read_text()


@pytest.mark.parametrize("given", ["many\n1\n", "3\n1; reboot\n", "3\n"])
def test_the_script_takes_nothing_but_numbers(given):
    done = subprocess.run(
        ["bash", str(SCRIPT)], input=given, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert done.stdout == ""


def test_the_busiest_node_of_a_role_counts_within_the_stages_time():
    said = "cpu 50.0 0 1000\ncpu 100.0 100 2000\ncpu 110.0 1000 3000\ncpu 200.0 1000 9000\n"
    watch = Watch(Nodes(web=said, compute="cpu 100.0 0 100\ncpu 109.0 20 200\n"), [WEB, COMPUTE])

    watch.begin(10)
    told = watch.told(stage())

    assert {role: each.cpu for role, each in told.busy.items()} == {"web": 0.9, "compute": 0.2}


def test_waits_are_means_over_all_nodes_by_how_much_each_answered():
    first = "proxy workers 10 100.0 0.0 40.0\n"
    second = "proxy workers 30 20.0 0.0 40.0\nproxy other 1 1 1 1\nproxy workers x y z\n"
    watch = Watch(Nodes(web=first, compute=second), [WEB, COMPUTE])

    watch.begin(10)

    assert watch.told(stage()).waits[SHELL] == pytest.approx(0.040)


def test_a_node_that_is_away_or_fails_is_named_and_the_stage_stands():
    away = OperationError("a node did not answer in time", "az vm", "nothing came", "try again")
    failed = Answer(code=1, stdout="", stderr="no bash\n")
    watch = Watch(Nodes(web=away, compute=failed), [WEB, COMPUTE])

    watch.begin(10)
    told = watch.told(stage())

    assert (told.busy, told.good) == ({}, 1)
    assert watch.trouble == {
        "web-0": "a node did not answer in time: nothing came",
        "compute-0": "no bash",
    }


def test_looks_of_another_time_say_nothing():
    watch = Watch(Nodes(web="cpu 10.0 0 1000\ncpu 20.0 900 2000\n"), [WEB])

    watch.begin(10)

    assert watch.told(stage()).busy == {}


def test_nodes_are_those_that_the_outputs_name_and_scale_sets_are_said_to_be_unknown():
    arn = "arn:aws:ec2:eu-west-1:1:instance/i-0abc"
    outputs = {
        "groups": {
            "web": {"kind": "scaleSet", "ids": ["vmss"], "names": ["web"]},
            "compute": {"kind": "fixed", "ids": [arn], "names": ["compute-0"]},
        }
    }

    known, [unseen] = nodes(outputs)

    assert known == (Node(name="compute-0", id="i-0abc", role="compute"),)
    assert unseen.startswith("the web nodes are a scale set")
    assert watching.nodes({}) == ((), ())


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("shell;dur=12.5, compute;dur=40", {SHELL: 0.0125, "Compute Node Request": 0.040}),
        ('forward;dur=3;desc="web, node"', {FORWARD: 0.003}),
        ("compute;dur=1e999, cache;dur=3, shell", {}),
        ("compute;dur=99999999999", {}),
        ("", {}),
    ],
)
def test_server_timing_is_read_as_far_as_it_is_understood(header, found):
    assert timing.read(header) == pytest.approx(found)
