"""scripts/prices on a state that somebody exported: what it uses, with nobody asked."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support import old_world
from tests.support.engine import ROOT

pytestmark = pytest.mark.engine


def prices(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts/prices"), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        # No name is found and no host reached, whatever the machine could.
        env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:1"},
    )


def test_it_lists_what_an_exported_state_uses(tmp_path: Path) -> None:
    kept = old_world.unseal(old_world.path_of("azure-production").read_bytes())
    state = tmp_path / "state.json"
    state.write_text(json.dumps(kept["state"]))
    table = ROOT / "operations" / "cost" / "prices.csv"
    before = table.read_bytes()
    done = prices("--list", "--state", str(state))

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("azure  disk P4 LRS (westeurope), per month: ")
    assert len(lines) == 10
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--cloud", "gcp"], "--cloud is one of azure, aws"),
        (["--cloud"], "--cloud needs a value"),
        (["--stack", "dev", "--state", "x"], "--state is in place of --stack"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(arguments: list[str], reason: str) -> None:
    done = prices(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert reason in done.stderr
