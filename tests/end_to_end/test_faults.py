"""An update that is killed while the cloud has made something and has not said so."""

import os
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support.engine import ROOT, require_engine, sandbox
from tests.support.waiting import until

pytestmark = pytest.mark.engine

GROUP = "azure-native:resources:ResourceGroup"


def test_what_a_killed_update_made_comes_into_the_state_with_the_next_one(tmp_path: Path) -> None:
    require_engine()
    home = {"OPERATIONALIZATION_SANDBOX_HOME": str(tmp_path / "sandbox")}
    sandbox(home, "start", "--no-nodes")
    try:
        sandbox(home, "fault", "lose", "--silent", GROUP)
        killed = subprocess.Popen(
            [str(ROOT / "scripts/up"), "--no-sample"],
            env={**os.environ, **home},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: sandbox(home, "orphans"), "the group is made")
        finally:
            family = psutil.Process(killed.pid).children(recursive=True)
            for each in [*family, killed]:
                each.kill()
            killed.wait()
            until(lambda: not any(works(each) for each in family), "what it had started goes on")
        group = sandbox(home, "orphans").split()[1]

        again = script(home, "up", "--no-sample")

        assert (
            "stack 'dev' was killed while it created:\n  dev-foundation-group: it exists" in again
        )
        assert sandbox(home, "orphans") == ""
        assert sandbox(home, "orphans", "--pending", "--stack", "dev") == ""
        assert f"{GROUP}  {group}\n" in sandbox(home, "resources")
        assert sandbox(home, "resources").count(f"{GROUP}  ") == 1
        assert "is gone from the sandbox" in script(home, "destroy", "--yes")
        assert sandbox(home, "resources") == ""
    finally:
        sandbox(home, "stop")


def works(process: psutil.Process) -> bool:
    """Whether a process that was killed is still on its way out."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def script(home: dict[str, str], name: str, *arguments: str) -> str:
    """What a script of the project says to the person."""
    done = subprocess.run(
        [str(ROOT / "scripts" / name), *arguments],
        env={**os.environ, **home},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr
