"""The shell text of the workflows themselves, run as a runner would: all but the sign-in.

The account is the sandbox's, and so is the backend; GitHub is in this process.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployed import Deployed
from tests.support.engine import ROOT, on_sandbox
from tests.support.pipelines import step
from tests.support.platforms import REPOSITORY, TOKEN, platforms

pytestmark = pytest.mark.engine

STACK = "dev-endpoint"
SET_UP = "#!/bin/sh\n# What it makes is linked into this checkout.\n"


class Checkout:
    """A clone of the project with two commits, as actions/checkout leaves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if not name.startswith("tests/") and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
        (folder / "scripts/setup").write_text(SET_UP)
        (folder / ".cache").mkdir()
        (folder / ".cache/engine").symlink_to(ROOT / ".cache/engine")
        (folder / ".venv").symlink_to((ROOT / ".venv").resolve())
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("what main has")

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def change(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        assert file.read_text().count(old) == 1
        file.write_text(file.read_text().replace(old, new))
        self.commit(f"change {name}")


class Runner:
    """Runs steps of GitHub's workflows in a checkout."""

    def __init__(self, checkout: Checkout, variables: dict[str, str], folder: Path) -> None:
        self.checkout, self.folder = checkout, folder
        self.variables = {
            **os.environ,
            **variables,
            "OPERATIONALIZATION_NO_NODES": "1",
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "RUNNER_TEMP": str(folder),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "5",
        }

    def run(self, file: str, job: str, name: str, **given: str) -> tuple[int, str]:
        """Run a step with values for its variables, and return how it ended and what it said."""
        found = step(file, job, name)
        assert set(given) <= {*found.env, "GITHUB_API_URL"}, found.env
        (self.folder / "output").write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found.run],
            cwd=self.checkout.folder,
            env={**self.variables, **given},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def read(self, name: str) -> str:
        return (self.checkout.folder / name).read_text()


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[tuple[Runner, Deployed]]:
    with on_sandbox(tmp_path) as engine:
        (tmp_path / "checkout").mkdir()
        checkout = Checkout(tmp_path / "checkout")
        made = Runner(checkout, engine.environment, tmp_path)
        # What a team does once: the key of the stack's secrets is in its file, and committed.
        engine.pulumi("stack", "init", STACK, cwd=checkout.folder)
        checkout.commit("the stack is there")
        yield made, Deployed(STACK, engine)


def test_a_change_is_previewed_planned_deployed_and_watched(
    runner: tuple[Runner, Deployed],
) -> None:
    jobs, deployed = runner
    jobs.checkout.change(f"stacks/Pulumi.{STACK}.yaml", "owner: data-science", "owner: research")

    # preview.yml: which stacks, and the report that anybody gets.
    assert jobs.run("preview.yml", "stacks", "list", CLOUD=STACK)[0] == 0
    assert jobs.outputs() == {"sandbox": "[]", "cloud": f'["{STACK}"]'}
    assert (jobs.folder / "stacks.json").read_text() == f'["{STACK}"]\n'
    assert jobs.run("preview.yml", "stacks", "list", CLOUD="")[0] == 0
    assert jobs.outputs() == {"sandbox": f'["{STACK}"]', "cloud": "[]"}

    # Without any account: what the runner has is this checkout.
    account = {name for name in jobs.variables if name.startswith("PULUMI_")}
    without = {name: jobs.variables.pop(name) for name in account}
    home = jobs.variables["OPERATIONALIZATION_SANDBOX_HOME"]
    jobs.variables["OPERATIONALIZATION_SANDBOX_HOME"] = str(jobs.folder / "runner")
    code, said = jobs.run("preview.yml", "sandbox", "Preview", STACK=STACK)
    report = jobs.read("report.md")
    assert code == 0, said + report
    assert report.startswith(f"<!-- operationalization-preview: {STACK} -->\n"), said
    assert "research" in report
    assert (jobs.folder / "summary").read_text() == report
    jobs.variables |= {**without, "OPERATIONALIZATION_SANDBOX_HOME": home}

    # deploy.yml: the plan, then what is in it.
    assert jobs.run("deploy.yml", "stacks", "list", CLOUD=STACK, BEFORE="HEAD^1")[0] == 0
    assert jobs.outputs() == {"cloud": f'["{STACK}"]'}
    assert jobs.run("deploy.yml", "stacks", "list", CLOUD=STACK, BEFORE="0" * 40)[0] == 0
    assert jobs.outputs() == {"cloud": f'["{STACK}"]'}
    code, said = jobs.run("deploy.yml", "plan", "Plan", STACK=STACK)
    assert code == 0, said + jobs.read("report.md")
    assert jobs.read("report.md").startswith(f"<!-- operationalization-preview: {STACK} -->\n")
    code, said = jobs.run("deploy.yml", "up", "Deploy", STACK=STACK)
    assert code == 0, said
    code, said = jobs.run("deploy.yml", "up", "Deploy", STACK=STACK)
    assert (code, "the plan is not for what would be deployed now" in said) == (1, True), said

    # preview.yml, over what is deployed now.
    code, said = jobs.run("preview.yml", "cloud", "Preview", STACK=STACK)
    assert (code, "nothing changes" in jobs.read("report.md")) == (0, True), said

    # drift.yml: none, then some, and one issue about it.
    with platforms() as github:
        say = {"STACK": STACK, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url}
        code, said = jobs.run("drift.yml", "drift", "Look", STACK=STACK)
        assert (code, jobs.outputs()) == (0, {"status": "0"}), said
        (deployment,) = deployed.resources("azure-native:machinelearningservices:OnlineDeployment")
        deployed.tamper(deployment["id"], "sku.capacity", "3")
        code, said = jobs.run("drift.yml", "drift", "Look", STACK=STACK)
        assert (code, jobs.outputs()) == (0, {"status": "2"}), said
        code, said = jobs.run("drift.yml", "drift", "Say so", DRIFT="2", **say)
        assert code == 0, said
        (issue,) = github.issues
        assert issue["title"] == f"Stack {STACK} is not as declared"
        assert "capacity" in issue["body"]
        code, said = jobs.run("drift.yml", "drift", "Say so", DRIFT="0", **say)
        assert (code, issue["state"]) == (0, "closed"), said
