"""scripts/capacity on stack `dev` with nodes that run: a bottleneck is planted in each tier and
found, and what is recommended for a stated load is deployed and meets it.

What is planted waits, and computes nothing: what it limits is then the same on a slow machine. Only
a web node's work is computing, so that it gets less of a processor.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox.fabric.hosts.control_groups import hierarchies
from tests.end_to_end.test_diagnose import AS_OWNER
from tests.support import stacks
from tests.support.browsing import drawn
from tests.support.deployed import succeeded
from tests.support.engine import AT_THE_END
from tests.support.live import ROOT, Live, live

pytestmark = [pytest.mark.engine, pytest.mark.root, pytest.mark.timeout(900)]

IRIS = ROOT / "models" / "iris"
SLOW = ROOT / "tests" / "support" / "models" / "slow"
SECONDS = "4"
"""Of one stage."""
WAIT = 0.2
"""Seconds that the planted model and the planted view wait."""
VIEW = (
    "CREATE VIEW operationalization.listed_service AS "
    f"SELECT quick.* FROM operationalization.quick_service AS quick, pg_sleep({WAIT})"
)
SLOWER = (
    "ALTER VIEW operationalization.listed_service RENAME TO quick_service",
    VIEW,
    "GRANT SELECT ON operationalization.listed_service TO operationalization_api",
)
FEW = ["--load", "24", "--latency", "1500"]
"""Scores: four R processes that are taken for 200 ms give 20 a second."""
LOOK_UPS = ["--lookups", "--load", "55", "--latency", "1500"]
"""Ten connections that are taken for 200 ms give 50 a second."""


class Measured:
    """The environment, and scripts/capacity as somebody runs it with stack files of his own."""

    def __init__(self, dev: Live, folder: Path) -> None:
        self.dev, self.folder = dev, folder
        self.stacks, self.reports = folder / "stacks", folder / "reports"
        shutil.copytree(ROOT / "stacks", self.stacks)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run scripts/capacity, where nobody is to answer a question."""
        theirs = {k: v for k, v in self.dev.engine.environment.items() if k not in AT_THE_END}
        return subprocess.run(
            [str(ROOT / "scripts/capacity"), *arguments, "--stack", self.dev.stack],
            env={**os.environ, **theirs, "OPERATIONALIZATION_STACKS": str(self.stacks)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def report(self, model: Path, threads: range, *options: str) -> dict[str, Any]:
        """What an evaluation found, with so many callers."""
        bounds = [f"--min-threads={threads.start}", f"--max-threads={threads.stop}"]
        bounds += [f"--increment={threads.step}", "--strategy=thread", "--seconds", SECONDS]
        done = self.run(
            model.name,
            str(model / "request.json"),
            *(*bounds, *options, "--json", "--report", str(self.reports)),
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def apply(self, patch: str) -> None:
        """Change the stack file as the report says."""
        subprocess.run(["git", "apply", "-p1"], cwd=self.folder, input=patch, text=True, check=True)

    def deploy(self) -> None:
        """Deploy what the stack file says now."""
        config = stacks.config(self.dev.stack, self.stacks)
        succeeded(self.dev.engine.up(self.dev.stack, config))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    folder = tmp_path_factory.mktemp("capacity")
    with live("dev", folder / "sandbox") as dev:
        for model in (IRIS, SLOW):
            done = dev.script("publish", str(model))
            assert done.returncode == 0, done.stderr
        yield Measured(dev, folder)


@pytest.fixture(scope="module")
def waiting_model(measured: Measured) -> dict[str, Any]:
    """What is found where R processes wait; the stack file is then changed as it says."""
    found = measured.report(SLOW, range(8, 16, 8), *FEW)
    measured.apply(found["recommendation"]["patch"])
    return found


@pytest.fixture(scope="module")
def slow_database(measured: Measured, waiting_model: dict[str, Any]) -> dict[str, Any]:
    """The same where the database is slow, as it is from here on."""
    del waiting_model  # its change of the stack file comes first
    web = measured.dev.names("web")[0]
    measured.dev.on(web, "python3", "-c", AS_OWNER, *SLOWER)
    found = measured.report(IRIS, range(15, 30, 15), *LOOK_UPS)
    measured.apply(found["recommendation"]["patch"])
    return found


@contextmanager
def starved(dev: Live, role: str, share: float) -> Iterator[None]:
    """Give the machines of *role* so little of a processor, for a while."""
    wanted = {f"--uuid={each['incarnation']}" for each in dev.nodes if f"-{role}-" in each["name"]}
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    groups = {
        word.removeprefix("--machine=")
        for command in commands
        if wanted & set(command)
        for word in command
        if word.startswith("--machine=")
    }
    assert len(groups) == len(wanted)
    (tree,) = [each for each in hierarchies() if "cpu" in each.controllers]
    name = "cpu.max" if tree.unified else "cpu.cfs_quota_us"
    files = {tree.root / group / name: (tree.root / group / name).read_text() for group in groups}
    try:
        for file in files:
            file.write_text(f"{round(share * 100_000)}")
        yield
    finally:
        for file, before in files.items():
            file.write_text(before)


def changes(report: dict[str, Any]) -> dict[str, int]:
    """The recommended settings."""
    return {each["setting"]: each["value"] for each in report["recommendation"]["changes"]}


def most(report: dict[str, Any]) -> float:
    """The most answers a second that came within the limit."""
    limit = report["target"]["latency"]
    return max(
        (each["throughput"] for each in report["stages"] if each["answers"]["p95"] <= limit),
        default=0.0,
    )


def test_web_nodes_with_too_little_of_a_processor_are_found(measured: Measured) -> None:
    with starved(measured.dev, "web", 0.03):
        found = measured.report(IRIS, range(20, 60, 20), "--load", "900", "--latency", "2000")

    assert found["saturation"]["tier"] == "web", found
    assert changes(found)["web.count"] > 2
    assert found["notes"] == []


def test_r_processes_that_are_taken_are_found(waiting_model: dict[str, Any]) -> None:
    found = waiting_model

    assert (found["saturation"]["reached"], found["saturation"]["tier"]) == (True, "compute")
    assert most(found) < found["target"]["rate"]
    # They wait and compute nothing: more of them fit on a node.
    assert changes(found)["compute.workersPerNode"] > 2
    assert found["stages"][-1]["waits"]["Create Shell"] > WAIT
    assert found["notes"] == []


def test_a_slow_database_is_told_from_its_api_service(slow_database: dict[str, Any]) -> None:
    found = slow_database

    assert (found["saturation"]["reached"], found["saturation"]["tier"]) == (True, "database")
    assert most(found) < found["target"]["rate"]
    assert changes(found)["database.connectionsPerWebNode"] > 5
    assert found["stages"][-1]["api"] < 0.5


def test_what_is_recommended_meets_the_load_once_it_is_deployed(
    measured: Measured, waiting_model: dict[str, Any], slow_database: dict[str, Any]
) -> None:
    assert changes(waiting_model)
    assert changes(slow_database)

    measured.deploy()

    scores = measured.report(SLOW, range(12, 12, 1), *FEW)
    look_ups = measured.report(IRIS, range(30, 30, 1), *LOOK_UPS)
    assert most(scores) >= scores["target"]["rate"], scores
    assert most(look_ups) >= look_ups["target"]["rate"], look_ups


def test_the_report_of_a_real_run_is_drawn_by_a_browser(
    measured: Measured, waiting_model: dict[str, Any]
) -> None:
    began = waiting_model["began"]
    (page,) = [
        file.with_suffix(".html")
        for file in measured.reports.glob("*.json")
        if json.loads(file.read_text())["began"] == began
    ]

    document = drawn(page, "capacity-dev", 1000, 3000)

    assert "What limits it: compute" in document
    assert document.count("<figure") == 5


def test_a_protected_stack_is_not_loaded_where_nobody_says_yes(measured: Measured) -> None:
    file = measured.stacks / "Pulumi.dev.yaml"
    before = file.read_text()
    file.write_text(
        before.replace("    cloud: azure\n", "    cloud: azure\n    protection: true\n")
    )

    done = measured.run(IRIS.name, str(IRIS / "request.json"))
    file.write_text(before)

    assert done.returncode == 1
    assert "error: nobody is there to say yes" in done.stderr
