"""Environments of pull requests: they come, another machine finds them, they go with their time.

With --cloud, on a backend and in a cloud that are the sandbox's: the commands of a pipeline.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.engine import ROOT, Engine, on_sandbox, sandbox

pytestmark = pytest.mark.engine


class Pipeline:
    """Jobs, each with a folder of its own for what is not kept."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder, self.jobs = engine, folder, 0

    def run(self, script: str, *arguments: str) -> tuple[int, str]:
        self.jobs += 1
        own = {"OPERATIONALIZATION_REVIEWS": str(self.folder / f"job-{self.jobs}")}
        done = subprocess.run(
            [str(ROOT / "scripts" / script), *arguments],
            env={**os.environ, **self.engine.environment, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def stacks(self) -> str:
        return self.engine.pulumi("stack", "ls", "--all").stdout

    def protect(self, stack: str, *, yes: bool) -> None:
        """Protect a resource in a stack's state, or end that."""
        found = json.loads(self.engine.pulumi("stack", "export", "--stack", stack).stdout)
        found["deployment"]["resources"][-1]["protect"] = yes
        self._import(stack, json.dumps(found))

    def turn_back_the_clock_of(self, stack: str) -> None:
        """Let a stack's time have been over for years, in its state."""
        found = self.engine.pulumi("stack", "export", "--stack", stack).stdout
        old = re.sub(r'(environment-expires[\\": ]+)20', r"\g<1>19", found)
        assert old != found
        self._import(stack, old)

    def _import(self, stack: str, text: str) -> None:
        state = self.folder / "state.json"
        state.write_text(text)
        self.engine.pulumi("stack", "import", "--stack", stack, "--file", str(state))


def test_an_environment_of_a_pull_request_comes_and_goes_with_its_time(tmp_path: Path) -> None:
    with on_sandbox(tmp_path) as engine:
        jobs = Pipeline(engine, tmp_path)
        engine.stack_file("lasting", {})

        code, said = jobs.run("review", "--pull", "7", "--like", "dev-onebox-aws", "--cloud")
        assert code == 0, said
        assert "stack 'review-7' is up until 20" in said
        assert said.startswith("https://"), "standard output has the endpoint alone"

        # One that fails half-way costs as well, and has its time.
        refuse = ["fault", "fail", "aws:ec2/natGateway:NatGateway"]
        sandbox(engine.environment, *refuse)
        code, said = jobs.run("review", "--pull", "8", "--like", "dev-onebox-aws", "--cloud")
        assert code != 0, said
        sandbox(engine.environment, "fault", "clear")

        # A push: another machine, with nothing of the first, gives it more time.
        code, said = jobs.run(
            "review", "--pull", "7", "--like", "dev-onebox-aws", "--hours", "1", "--cloud"
        )
        assert code == 0, said

        code, said = jobs.run("expire", "--cloud", "--yes")
        assert (code, "review-7: lives until 20" in said) == (0, True), said
        assert "review-7" in jobs.stacks()

        jobs.turn_back_the_clock_of("review-7")
        jobs.turn_back_the_clock_of("review-8")
        code, said = jobs.run("expire", "--cloud")
        assert (code, "why:   nobody is there to ask" in said) == (1, True), said
        assert "review-7" in jobs.stacks()

        jobs.protect("review-7", yes=True)
        code, said = jobs.run("expire", "--cloud", "--yes")
        assert (code, "protected: it stays, as nobody is there to ask" in said) == (1, True), said
        assert ("review-7" in jobs.stacks(), "review-8" in jobs.stacks()) == (True, False)

        jobs.protect("review-7", yes=False)
        code, said = jobs.run("expire", "--cloud", "--yes")
        assert code == 0, said
        assert "lasting: has no expiry; left alone (0 resources)" in said
        assert ("review-7" in jobs.stacks(), "lasting" in jobs.stacks()) == (False, True)
        assert sandbox(engine.environment, "resources", "--json").strip() == "[]"

        code, said = jobs.run("review", "--pull", "7", "--down", "--cloud")
        assert (code, "nothing to take down" in said) == (0, True), said
    assert not (ROOT / "stacks/Pulumi.review-7.yaml").exists()
