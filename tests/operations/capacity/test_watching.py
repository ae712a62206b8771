"""What nodes say of a stage's time counts; a node that is away is named."""

import os
import subprocess
from dataclasses import replace

import pytest

from operations.capacity import timing, watching
from operations.capacity.samples import Sample, gathered
from operations.capacity.watching import LOGS, LOOKS, Watch, logged, nodes, read
from operations.channel import Answer, Node
from operations.channel.instances import Instance
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


def run_script(script, given, folder, **programs):
    for name, text in programs.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    return subprocess.run(
        ["bash", str(script)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
    )


@pytest.mark.parametrize("contained", ["true", "false"])
def test_the_script_looks_so_often_at_the_machine_and_at_the_api_service(tmp_path, contained):
    done = run_script(
        LOOKS, "3\n0.1\n", tmp_path, systemctl=f"echo {os.getpid()}", systemd_detect_virt=contained
    )

    found = read(done.stdout)
    assert len(found.api) == 3
    if found.machine or contained == "false":  # a container without control groups says nothing
        assert len(found.machine) == 3
        assert 0 <= watching.share(found.machine, 0, 1e12) <= 1
    assert done.stderr == ""


def test_a_node_without_an_api_service_says_nothing_of_one(tmp_path):
    done = run_script(LOOKS, "2\n0.1\n", tmp_path, systemctl="echo 0", systemd_detect_virt="false")

    assert (len(read(done.stdout).machine), read(done.stdout).api) == (2, ())


def test_the_log_is_read_by_stretches_of_time_for_one_path(tmp_path):
    (tmp_path / "log").write_text(LOG)
    asked = "/api/iris/1.0\n1600.000 1650.500\n1700.000 1701.550\n1701.560 1702.000\n"
    journal = f"printf '%s\\n' \"$*\" >{tmp_path}/asked; cat {tmp_path}/log"

    done = run_script(LOGS, asked, tmp_path, journalctl=journal)

    assert logged(done.stdout) == {
        1: {FORWARD: (1, pytest.approx(0.032))},
        2: {FORWARD: (1, pytest.approx(0.010))},
    }
    words = (tmp_path / "asked").read_text()
    assert "--unit operationalization-proxy --since @1600 --until @1703" in words


@pytest.mark.parametrize(
    ("script", "given"),
    [
        (LOOKS, "many\n1\n"),
        (LOOKS, "3\n1; reboot\n"),
        (LOOKS, "3\n"),
        (LOGS, "api\n1 2\n"),
        (LOGS, "/api\n1 2; reboot\n"),
        (LOGS, "/api\n1\n"),
    ],
)
def test_the_scripts_take_nothing_but_what_they_ask_for(tmp_path, script, given):
    done = run_script(script, given, tmp_path, journalctl="echo was asked")

    assert done.returncode != 0
    assert done.stdout == ""


def test_the_busiest_node_of_a_role_counts_within_the_stages_time():
    said = "cpu 50.0 0 1000\ncpu 100.0 100 2000\ncpu 110.0 1000 3000\ncpu 200.0 1000 9000\n"
    watch = Watch(Nodes(web=said, compute="cpu 100.0 0 100\ncpu 109.0 20 200\n"), [WEB, COMPUTE])

    watch.begin(10)
    told = watch.told(stage())

    assert {role: each.cpu for role, each in told.busy.items()} == {"web": 0.9, "compute": 0.2}


def test_the_api_service_of_the_busiest_web_node_counts():
    said = "api 100.0 0\napi 105.0 400\n"
    watch = Watch(Nodes(web=said, compute="cpu 1 x y\napi\n"), [WEB, COMPUTE])

    watch.begin(10)
    told = watch.told(stage())

    assert (told.api, told.busy) == (0.8, {})


def test_waits_are_means_over_all_nodes_by_how_much_each_answered():
    first = "proxy 0 workers 10 100.0 0.0 40.0\nproxy 1 api 5 0.0 0.0 7.0\n"
    second = "proxy 0 workers 30 20.0 0.0 40.0\nproxy 0 other 1 1 1 1\nproxy 0 workers x y z\n"
    nodes_ = Nodes(web=first, compute=second)
    watch = Watch(nodes_, [WEB, COMPUTE])

    before, after, none = watch.with_logs([stage(), stage(110.0), stage(120.0)], "/api/iris/1.0")

    assert before.waits == {SHELL: pytest.approx(0.040), timing.PARTS["compute"]: 0.040}
    assert after.waits == {timing.API: pytest.approx(0.007)}
    assert none.waits == {}
    assert nodes_.asked[0][1] == (
        "/api/iris/1.0\n100.000 110.000\n110.000 120.000\n120.000 130.000\n"
    )


def test_on_a_one_box_the_proxy_waits_for_r_processes_and_no_other_node():
    said = "proxy 0 compute 10 150.0 0.0 40.0\n"

    on_one_box, on_web_node = logged(said, "one-box"), logged(said, "web")

    assert on_one_box == {0: {SHELL: (10, 0.150), timing.PARTS["compute"]: (10, 0.040)}}
    assert on_web_node == {0: {FORWARD: (10, 0.150)}}


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


def instance(node, state="running"):
    return Instance(node=node, state=state, running=state == "running")


def test_nodes_are_those_that_run_and_the_others_are_named():
    known, unseen = nodes(lambda: [instance(WEB), instance(COMPUTE, "stopped")])

    assert known == (WEB,)
    assert unseen == ("compute node compute-0 does not run: it is stopped",)


def test_who_cannot_be_looked_at_is_said():
    def refuse():
        raise OperationError("the machines are not known", "az vm", "sign in", "az login")

    assert nodes(refuse) == (
        (),
        ("the nodes were not looked at: the machines are not known: sign in",),
    )
    known, [why] = nodes(lambda: [instance(WEB)], windows=True)
    assert (known, why.startswith("the nodes run Windows")) == ((), True)


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
