"""What scripts/review and scripts/expire refuse, and what expire does where a backend fails.

tests/end_to_end/test_review.py has them at work.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from operations.review.expiry import TAG
from tests.support.states import azure, text

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


PULUMI = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$STATES/calls"
case " $* " in
  *" stack ls "*) cat "$STATES/list" ;;
  *" stack export "*)
    [[ $* =~ --stack\\ ([^ ]+) ]]
    state=$STATES/${BASH_REMATCH[1]}
    cat "$state" || exit 1
    [[ ! -e $state.next ]] || mv "$state.next" "$state"
    ;;
  *" destroy --stack review-2 "*) exit 1 ;;
esac
"""
"""A backend in which a stack's state is a file: it has the next one as soon as it was read."""


def expire(folder, *options):
    (folder / "pulumi").write_text(PULUMI)
    (folder / "pulumi").chmod(0o755)
    names = [each.name for each in folder.glob("review-*") if not each.suffix]
    (folder / "list").write_text(json.dumps([{"name": name} for name in sorted(names)]))
    done = subprocess.run(
        [str(ROOT / "scripts/expire"), "--cloud", *options],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "STATES": str(folder),
            "OPERATIONALIZATION_REVIEWS": str(folder / "reviews"),
            "OPERATIONALIZATION_NO_NODES": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    calls = (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []
    gone = [call.split()[2] for call in calls if call.startswith("destroy ")]
    return done, gone


def state(folder, stack, expires):
    tagged = azure("network:Thing", "t", "x/t", tags={TAG: expires})
    (folder / stack).write_text(text(tagged))


def test_a_stack_that_cannot_be_looked_at_or_taken_down_keeps_no_other_one(tmp_path):
    (tmp_path / "review-1").mkdir()  # whose state cannot be had
    for stack in ("review-2", "review-3", "review-4", "review-6"):
        state(tmp_path, stack, "2020-01-01T00:00:00Z")
    (tmp_path / "review-5").write_text("{}")
    state(tmp_path, "review-4.next", "2999-01-01T00:00:00Z")
    (tmp_path / "review-6.next").write_text("{}")

    done, gone = expire(tmp_path, "--yes")

    assert done.returncode == 1
    assert gone == ["review-2", "review-3"]
    said = done.stderr.splitlines()
    assert {
        "stack 'review-1' could not be looked at: why is above; left alone",
        "stack 'review-2' could not be taken down: why is above",
        "stack 'review-3' is gone",
        "stack 'review-4' was given more time meanwhile: it stays",
        "review-5: the state cannot be read; left alone",
        "stack 'review-6' could not be looked at again: it stays",
    } <= set(said)


def test_a_time_that_is_none_is_not_taken_for_nothing_expired(tmp_path):
    done, gone = expire(tmp_path, "--dry-run", "--at", "tomorrow")

    assert (done.returncode, gone) == (1, [])
    assert "error: not a time" in done.stderr
    assert "nothing has expired" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        "review --pull 7",
        "expire",
        "unlock",
        "upgrade --stack dev",
        "to-enterprise --stack dev",
        "traffic",
    ],
)
def test_the_stacks_of_a_project_elsewhere_are_not_taken_for_this_ones(words, tmp_path):
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/Pulumi.dev.yaml").write_text("config: {}\n")
    name, *arguments = words.split()
    done = subprocess.run(
        [str(ROOT / "scripts" / name), *arguments],
        env={**os.environ, "OPERATIONALIZATION_PROJECT": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: scripts/{name} is for the stacks of this repository")
