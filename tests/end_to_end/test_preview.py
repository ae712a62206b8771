"""Previews of changes that must not slip through: each is in the first lines of its report.

Four changes as a pull request would make them, three on Azure and one on AWS: to the stack file,
or, where settings refuse such a thing outright, to the program.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.changed_program import copy_with
from tests.support.deployed import Deployed
from tests.support.engine import ROOT, Engine, require_engine
from tests.support.recorded_preview import TO_THE_INTERNET
from tests.support.waiting import until

pytestmark = pytest.mark.engine


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change, and what the first lines must say of it."""

    says: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    program: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    refused_by: str = ""
    """The policy that refuses it; none where it is for people to judge."""
    stack: str = "dev"
    secret: str = ""
    """An administrator's password that is set with it; no report has it."""


SMALL, LARGE = "Standard_D2s_v5, 2 to 4 nodes", "Standard_D2s_v5, 2 to 8 nodes"

CHANGES = {
    "12805 is opened to the internet": Change(
        program=TO_THE_INTERNET,
        says=(
            "OPEN TO THE INTERNET: the internet (0.0.0.0/0) may reach compute nodes on TCP 12805",
        ),
        refused_by="network-compute-port-web-only",
    ),
    "the database is replaced": Change(
        settings={"database.name": "elsewhere"},
        says=("DATA LOSS: the database dev-database-database is replaced by an empty one",),
    ),
    "the compute maximum is doubled": Change(
        settings={"compute.autoscale.maximum": 8},
        says=(f"MUCH LARGER: dev-compute-nodes: {SMALL} becomes {LARGE}, 2 times as many",),
        secret="Planted-Secret-1",
    ),
    "the database is encrypted no more": Change(
        stack="dev-aws",
        program={"components/aws/rds.py": ("storage_encrypted=True", "storage_encrypted=False")},
        says=(
            "DATA LOSS: the database server dev-aws-database-server is replaced by an empty one",
            "ENCRYPTION OFF: dev-aws-database-server: storageEncrypted is true and will be false",
        ),
        refused_by="encryption-database",
    ),
}


@pytest.fixture(scope="module")
def deployed(engine: Engine) -> dict[str, Deployed]:
    """The two environments that are changed, on one sandbox."""
    found = {name: Deployed(name, engine) for name in ("dev", "dev-aws")}
    for each in found.values():
        each.up()
    return found


@pytest.mark.parametrize("name", CHANGES)
def test_the_first_lines_say_it(name: str, deployed: dict[str, Deployed], tmp_path: Path) -> None:
    change = CHANGES[name]
    program = copy_with(tmp_path / "program", change.program) if change.program else ROOT

    done = preview(deployed[change.stack], program, dict(change.settings), change.secret)

    made = json.loads(done.stdout)
    first = [f"{each['label']}: {each['text']}" for each in made["headline"]]
    for words in change.says:
        assert any(line.startswith(words) for line in first[:6]), first
    refused = {each["policy"] for each in made["policy"]["refused"]}
    assert (change.refused_by in refused) if change.refused_by else not refused
    assert done.returncode == (2 if refused else 0)
    assert made["policy"]["passed"] > 0
    if change.secret:
        assert change.secret not in done.stdout + done.stderr
        assert "(secret), another one" in done.stdout


def options(deployed: Deployed, settings: dict[str, Any]) -> list[str]:
    """What the engine is told: the stack's file with these settings, and the policies."""
    file = deployed.engine.stack_file(deployed.stack, deployed.configure(settings))
    return ["--config-file", str(file), "--policy-pack", str(ROOT / "policies")]


def preview(
    deployed: Deployed, program: Path, settings: dict[str, Any], secret: str = ""
) -> subprocess.CompletedProcess[str]:
    """The report on the deployed environment with other settings, or of another program."""
    command = [sys.executable, "-m", "operations.preview", "--stack", deployed.stack]
    theirs = options(deployed, settings)
    if secret:
        set_it = ["config", "set", "--secret", "adminPassword", secret, *theirs[:2]]
        deployed.engine.pulumi(*set_it, "--stack", deployed.stack)
    ours = ["--program", str(program), "--format", "json"]
    return subprocess.run(
        [*command, *ours, "--", *theirs],
        cwd=ROOT,
        env=deployed.engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_change_is_compared_with_another_revision_without_any_cloud(tmp_path: Path) -> None:
    require_revision()
    stacks = tmp_path / "stacks"
    stacks.mkdir()
    (stacks / "bases").symlink_to(ROOT / "stacks/bases")
    text = (ROOT / "stacks/Pulumi.dev.yaml").read_text()
    size = "compute: { size: Standard_D2s_v5 }"
    assert size in text
    larger = "compute: { size: Standard_D2s_v5, autoscale: { maximum: 8 } }"
    (stacks / "Pulumi.dev.yaml").write_text(text.replace(size, larger))

    report = tmp_path / "report.md"
    arguments = ["--against", "HEAD", "--format", "markdown", "--output", str(report)]
    done = scripts_preview(*arguments, OPERATIONALIZATION_STACKS=str(stacks))

    assert done.returncode == 0, done.stderr
    written = report.read_text()
    assert written.startswith("<!-- operationalization-preview: dev -->\n")
    assert f"`{SMALL}` becomes `{LARGE}`" in written
    assert "what HEAD (" in written


def test_ctrl_c_leaves_nothing_behind() -> None:
    require_revision()
    before = worlds()
    running = subprocess.Popen(
        [str(ROOT / "scripts/preview"), "--against", "HEAD"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: worlds() - before, "its sandbox does not run", 60)

    os.killpg(running.pid, signal.SIGINT)

    assert running.wait(60) != 0
    until(lambda: not worlds() - before, "its sandbox is still there", 30)
    left = [each for each in psutil.process_iter(["pid"]) if _of(each, running.pid)]
    assert left == []


def worlds() -> set[Path]:
    """Sandboxes of comparisons that run."""
    found = [*(ROOT / ".cache").glob("world.*/base"), *(ROOT / ".cache").glob("world.*/preview")]
    return {each for each in found if (each / "daemon.json").exists()}


def _of(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def scripts_preview(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts/preview"), *arguments],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def require_revision() -> None:
    require_engine()
    asked = ["git", "-C", str(ROOT), "rev-parse", "--verify", "HEAD"]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("this folder is no git repository: there is no other revision")
