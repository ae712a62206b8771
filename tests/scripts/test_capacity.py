"""scripts/capacity as a person runs it, with a stand-in for the user's own Pulumi."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.planted_service import planted_service

ROOT = Path(__file__).resolve().parents[2]
REQUEST = str(ROOT / "models/iris/request.json")
SCORE = "POST /api/iris/1.0"


@pytest.fixture
def planted():
    with planted_service() as service:
        yield service


class Shell:
    """A shell whose Pulumi knows one stack."""

    def __init__(self, folder, planted):
        self.report = folder / "report"
        self.variables = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
        self.variables["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        outputs = {"endpoint": planted.endpoint, "certificateAuthority": "-", "adminPassword": "p"}
        (folder / "outputs.json").write_text(json.dumps(outputs))
        program = folder / "pulumi"
        program.write_text(f"#!/bin/sh\nexec cat {folder}/outputs.json\n")
        program.chmod(0o755)

    def start(self, *arguments):
        return subprocess.Popen(
            [str(ROOT / "scripts/capacity"), "--cloud", "--report", self.report, *arguments],
            cwd="/",
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments):
        process = self.start(*arguments)
        output, words = process.communicate(timeout=60)
        return process.returncode, output, words


@pytest.fixture
def shell(tmp_path, planted):
    folder = tmp_path / "bin"
    folder.mkdir()
    return Shell(folder, planted)


def test_an_evaluation_is_reported_and_asks_no_more_than_it_may(shell, planted):
    code, output, words = shell.run(
        *("iris", REQUEST, "--requests", "40", "--seconds", "1", "--load=500", "--json")
    )

    found = json.loads(output)
    assert (code, found["asked"], found["stack"]) == (0, "iris 1.0", "dev")
    assert sum(each["good"] for each in found["stages"]) == 40 - 4  # every tenth is to warm up
    assert planted.heard[SCORE] == 41  # and the one that had to be good
    assert found["ended"] == "40 requests were the most that were allowed"
    assert found["target"] == {"rate": 500.0, "latency": 0.25}
    assert "  with 1 thread was " in words
    [page] = shell.report.glob("dev-*.html")
    assert "Capacity of iris 1.0 on dev" in page.read_text()
    assert json.loads(page.with_suffix(".json").read_text()) == found


def test_a_protected_stack_is_asked_about_and_nothing_is_sent_before(shell, planted):
    code, output, words = shell.run("iris", REQUEST, "--stack", "azure-production")

    assert (code, output) == (1, "")
    assert words.startswith("error: nobody is there to say yes\n")
    assert planted.heard[SCORE] == 0


def test_ctrl_c_ends_it_with_what_was_measured(shell, planted):
    planted.busy_after = 600  # the warm-up has 500 at most
    process = shell.start("iris", REQUEST, "--seconds", "50", "--json")
    assert planted.busy.wait(50)

    process.send_signal(signal.SIGINT)
    output, words = process.communicate(timeout=60)

    found = json.loads(output)
    assert (process.returncode, found["interrupted"]) == (130, True)
    assert found["stages"][0]["good"] > 0
    assert "(ended before its time)" in words


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["iris"], "error: give the service's name and a file with its inputs"),
        (["iris", REQUEST, "--max-threads", "501"], "must be 1 to 500, got '501'"),
        (["iris", REQUEST, "--load=nan"], "must be requests a second, got 'nan'"),
        (["iris", REQUEST, "--max-threads=5"], "--max-threads 5 is less than --min-threads 10"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(shell, planted, arguments, why):
    code, output, words = shell.run(*arguments)

    assert (code != 0, output) == (True, "")
    assert why in words
    assert planted.heard[SCORE] == 0
