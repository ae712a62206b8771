"""scripts/review and scripts/expire refuse what makes no sense before they do anything."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("review", "not the number of a pull request: "),
        ("review --pull 0", "not the number of a pull request: 0"),
        ("review --pull 7;id", "not the number of a pull request: 7;id"),
        ("review --pull 7 --hours 0", "--hours is 1 to 720"),
        ("review --pull 7 --hours 721", "--hours is 1 to 720"),
        ("review --pull 7 --hours 010", "--hours is 1 to 720"),
        ("review --pull 7 --like ../x", "not a stack's name: ../x"),
        ("expire --at 2026-12-31T18:00:00Z", "--at goes with --dry-run: nothing is taken down"),
        ("expire --at", "--at needs a value"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(words, reason, tmp_path):
    name, *arguments = words.split()
    done = subprocess.run(
        [str(ROOT / "scripts" / name), *arguments],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {reason}")
