"""What a person sees of a group that does not come to work: the real engine, a scripted fabric."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from sandbox.control.fabric import NotReadyError, Watch
from tests.support.engine import ROOT, Engine, require_engine
from tests.support.provider import Client, serving

pytestmark = pytest.mark.engine

NODES = "azure-native:managedidentity:UserAssignedIdentity"
"""Stands for a group of nodes: its name is automatic, so it is replaced create-before-delete."""
PROGRAM = """
import pulumi
from pulumi_azure_native import managedidentity, resources

config = pulumi.Config("demo")
group = resources.ResourceGroup("group", location="westeurope")
managedidentity.UserAssignedIdentity(
    "nodes",
    resource_group_name=group.name,
    tags={"content": config.require("content")},
    opts=pulumi.ResourceOptions(replace_on_changes=["tags"]),
)
"""
LOG = """nodes_0 did not become ready in 600 seconds; the end of its log:
  step 3/7: packages
  E: Unable to fetch some archives"""
PATIENCE = 60.0


class Scripted:
    """A fabric where content that starts with "bad" fails, and "slow" waits to be cancelled."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.waiting = Event()
        self.realized: list[str] = []

    def realize(self, target: str, watch: Watch) -> None:
        assert self.client is not None
        found = self.client.store.read().get(target)
        tags = found.record.inputs.get("tags") if found else None
        content = str(tags.get("content")) if isinstance(tags, dict) else ""
        if content:
            self.realized.append(content)
        if content.startswith("slow"):
            watch.report("nodes_0: step 2/7, packages")
            self.waiting.set()
            assert watch.cancelled.wait(PATIENCE)
            raise NotReadyError("interrupted: nodes_0 was at step 2/7")
        if content.startswith("warned"):
            watch.warn("nothing answers there")
        if content.startswith("bad"):
            raise NotReadyError(LOG)

    def retire(self, target: str, watch: Watch) -> None:
        """Nothing runs."""


@pytest.fixture
def fabric() -> Scripted:
    return Scripted()


@pytest.fixture(params=["false", "true"], ids=["state-at-each-step", "state-at-the-end"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, fabric: Scripted) -> Iterator[Engine]:
    """Other tests let the engine write its state at the end: it is the state that users have."""
    require_engine()
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM)
    (program / "Pulumi.yaml").write_text(
        "name: demo\nstackConfigDir: stacks\noptions: {refresh: always}\n"
        f"runtime: {{name: python, options: {{virtualenv: {ROOT}/.venv}}}}\n"
    )
    with serving("azure-native", tmp_path, fabric=fabric) as client:
        fabric.client = client
        variables = {
            "PULUMI_DEBUG_PROVIDERS": f"azure-native:{client.port}",
            "PULUMI_SKIP_CHECKPOINTS": request.param,
        }
        yield Engine(tmp_path / "state", program, variables)


def with_content(content: str) -> dict[str, str]:
    return {"demo:content": content}


def groups(engine: Engine) -> list[tuple[bool, tuple[str, ...]]]:
    """The groups of the state: whether it is to be deleted, and why it does not work."""
    exported = json.loads(engine.pulumi("stack", "export", "--stack", "one").stdout)
    found = [each for each in exported["deployment"]["resources"] if each["type"] == NODES]
    return [(each.get("delete", False), tuple(each.get("initErrors", ()))) for each in found]


def existing(fabric: Scripted) -> list[object]:
    """The contents of the groups that the sandbox has."""
    assert fabric.client is not None
    found = fabric.client.store.read().of(NODES)
    return sorted(str(each.inputs["tags"]) for each in found)


def test_a_group_that_does_not_work_leaves_the_old_one_until_a_good_one_comes(
    engine: Engine, fabric: Scripted
) -> None:
    assert engine.up("one", with_content("good")).exit_code == 0

    failed = engine.up("one", with_content("bad"))
    assert failed.exit_code != 0
    assert failed.changes == [("create-replacement", NODES, "nodes")]
    for line in LOG.splitlines():
        assert line.strip() in failed.display
    assert groups(engine) == [(False, (LOG,)), (True, ())]
    assert len(existing(fabric)) == 2

    again = engine.up("one")
    assert again.exit_code != 0
    assert again.changes == [("update", NODES, "nodes")]
    assert "nodes_0 did not become ready" in again.display
    assert fabric.realized == ["good", "bad", "bad"]

    good = engine.up("one", with_content("warned"))
    assert good.exit_code == 0, good.display
    assert "warning: nothing answers there" in good.display
    assert groups(engine) == [(False, ())]
    assert existing(fabric) == ["{'content': 'warned'}"]

    assert engine.up("one").changes == []
    assert engine.destroy("one").exit_code == 0
    assert fabric.client is not None
    assert list(fabric.client.store.read().all()) == []


def test_ctrl_c_ends_soon_and_the_state_keeps_what_exists(engine: Engine, fabric: Scripted) -> None:
    engine.up("one", with_content("good"))
    file = engine.folder / "project/stacks/Pulumi.one.yaml"
    chosen = ["--stack", "one", "--config-file", str(file)]
    engine.pulumi("config", "set", "demo:content", "slow", *chosen)
    arguments = ["up", "--yes", "--skip-preview", *chosen]
    process = subprocess.Popen(
        ["pulumi", "--non-interactive", *arguments],
        cwd=engine.program,
        env=engine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert fabric.waiting.wait(PATIENCE)
        os.kill(process.pid, signal.SIGINT)
        display, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()

    assert process.returncode != 0
    assert "nodes_0: step 2/7, packages" in display
    assert groups(engine) == [(False, ("interrupted: nodes_0 was at step 2/7",)), (True, ())]
    assert engine.up("one", with_content("good again")).exit_code == 0
    assert groups(engine) == [(False, ())]
    assert existing(fabric) == ["{'content': 'good again'}"]
