"""Interrupted, and several at once: Ctrl-C while nodes boot, two `up` of one stack, two stacks of
one sandbox, two sandboxes of one machine, virtual machines beside scale sets."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox.home import Home
from tests.support import traces
from tests.support.deployed import succeeded
from tests.support.engine import ROOT, Engine, on_sandbox, run_sandbox, sandbox
from tests.support.live import SPEED, Live, require_nodes
from tests.support.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.root]

SMALL = {"web.count": 1, "compute": {"count": 1, "size": "Standard_D2s_v5"}}
FIXED = {
    "web": {"count": 1, "nodes": "fixed"},
    "compute": {"count": 1, "nodes": "fixed", "size": "Standard_D2s_v5"},
}
SECONDS = 240.0
INTERRUPTED = (
    "interrupted: what Pulumi had begun is in its state; run the same command to go on, "
    "or scripts/destroy"
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A sandbox to which nothing is deployed yet."""
    require_nodes()
    with on_sandbox(tmp_path_factory.mktemp("here"), options=("--speed", SPEED)) as engine:
        yield engine


@pytest.fixture(scope="module")
def dev(here: Engine) -> Live:
    """Stack `dev` there; the first tests deploy it, by scripts/up."""
    return Live("dev", here)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The same stack with fixed nodes, on another sandbox of this machine."""
    require_nodes()
    with on_sandbox(tmp_path_factory.mktemp("elsewhere"), options=("--speed", SPEED)) as engine:
        running = Live("dev", engine)
        running.up(FIXED)
        publish(running)
        yield running


def publish(live: Live) -> None:
    done = live.script("publish", str(ROOT / "models/iris"))
    assert done.returncode == 0, done.stderr


def score(live: Live) -> Any:
    """The species that the published model says."""
    done = live.script("score", "iris", str(ROOT / "models/iris/request.json"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["species"]


def up(live: Live, *before: str, **streams: Any) -> "subprocess.Popen[str]":
    # Tests may run in the background, where Ctrl-C is ignored by all that they start.
    heeding = ("env", "--default-signal=INT")
    return subprocess.Popen(
        [*before, *heeding, str(ROOT / "scripts/up"), "--stack", live.stack],
        env={**os.environ, **live.engine.environment},
        text=True,
        **streams,
    )


def await_that(condition: Callable[[], object]) -> None:
    until(condition, "it does not come true", SECONDS)


def is_locked(live: Live) -> bool:
    return any(live.home.stacks.glob(f".pulumi/locks/organization/*/{live.stack}/*.json"))


def test_ctrl_c_while_nodes_boot_ends_up_soon_and_in_good_order(dev: Live, tmp_path: Path) -> None:
    terminal, inner = os.openpty()
    said = tmp_path / "said"
    try:
        # The terminal is the script's, as a person's is: Ctrl-C reaches all that it runs.
        with (
            said.open("w") as errors,
            subprocess.Popen(["cat"], stdin=terminal, stdout=subprocess.DEVNULL) as reader,
            up(dev, "setsid", "--ctty", stdin=inner, stdout=inner, stderr=errors) as script,
        ):
            await_that(lambda: any(node["phase"] == "booting" for node in dev.nodes))
            os.write(terminal, b"\x03")
            code = script.wait(SECONDS)
            reader.kill()
    finally:
        os.close(terminal)
        os.close(inner)

    assert code == 130, said.read_text()
    assert said.read_text().endswith(f"{INTERRUPTED}\n")
    assert not is_locked(dev)


def test_of_two_ups_one_is_told_and_the_other_finishes_what_was_interrupted(dev: Live) -> None:
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with up(dev, **streams) as first:
        await_that(lambda: is_locked(dev) or first.poll() is not None)
        with up(dev, **streams) as second:
            _, refused = second.communicate(timeout=SECONDS)
        printed, said = first.communicate(timeout=SECONDS)

    assert second.returncode == 1
    assert re.search(
        r"error: stack 'dev' is in use\n  where: .*\n"
        r"  why:   pulumi \(process \d+\) is at work on it\n  fix:   wait for it, or stop it: ",
        refused,
    ), refused
    assert first.returncode == 0, said
    assert '"species": "virginica"' in printed + said
    assert {node["phase"] for node in dev.nodes} == {"ready"}
    assert len(dev.nodes) == 4


def test_two_sandboxes_have_the_same_addresses_and_do_not_meet(dev: Live, elsewhere: Live) -> None:
    mine, others = ({node["address"] for node in live.nodes} for live in (dev, elsewhere))

    assert mine & others
    assert dev.outputs()["loadBalancerAddress"] != elsewhere.outputs()["loadBalancerAddress"]
    assert score(dev) == score(elsewhere) == "virginica"


def test_virtual_machines_boot_as_nodes_do_in_scale_sets(elsewhere: Live) -> None:
    machines = elsewhere.resources("azure-native:compute:VirtualMachine")

    assert sorted(node["id"] for node in elsewhere.nodes) == sorted(
        found["id"].casefold() for found in machines
    )
    for name in elsewhere.names():
        running = elsewhere.on(name, "systemctl", "is-system-running")
        assert running.stdout == "running\n"


def test_two_stacks_of_one_sandbox_serve_and_go_one_by_one(dev: Live) -> None:
    twin = Live("dev", dev.engine)
    twin.stack = "twin"
    twin.up(SMALL)
    publish(twin)

    assert score(dev) == score(twin) == "virginica"
    assert len(dev.nodes) == 6
    succeeded(twin.engine.destroy("twin"))
    assert len(dev.nodes) == 4
    assert score(dev) == "virginica"


def test_reset_after_a_killed_daemon_leaves_nothing_and_no_other_sandbox_notices(
    dev: Live, elsewhere: Live
) -> None:
    home, groups = dev.home, traces.groups(dev.home)
    daemon = psutil.Process(json.loads(home.running.read_text())["pid"])
    daemon.kill()
    daemon.wait(10)

    assert sandbox(dev.engine.environment, "reset", "--yes") == "The sandbox is empty.\n"

    assert traces.left(home, groups) == []
    assert sorted(found.name for found in home.root.iterdir()) == [
        "daemon.lock", "directory.key", "directory.pem", "passphrase", "pulumi", "sessions.key",
    ]  # fmt: skip
    assert score(elsewhere) == "virginica"


def test_stop_ends_the_nodes_of_a_sandbox_that_was_thrown_away(elsewhere: Live) -> None:
    home, groups = elsewhere.home, traces.groups(elsewhere.home)
    daemon = psutil.Process(json.loads(home.running.read_text())["pid"])
    daemon.kill()
    daemon.wait(10)
    subprocess.run(["rm", "-r", str(home.root)], check=True)

    done = run_sandbox(elsewhere.engine.environment, "stop")

    assert done.stdout == "The sandbox stopped.\n", done.stderr
    assert traces.left(Home(home.root), groups) == []
