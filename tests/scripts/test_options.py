"""Every script says how to use it and refuses what it doesn't know, before it does anything."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = [
    *("setup", "lock", "up", "preview", "destroy", "check", "fix", "publish", "score", "train"),
    *(
        "export",
        "scan",
        "docs",
        "check-model",
        "to-enterprise",
        "upgrade",
        "ports",
        "capacity",
        "compare",
        "unlock",
        "comment",
        "prices",
        "stacks",
    ),
]


def run(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts" / name), *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("name", [*OURS, "diagnose", "drift", "test"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_the_usage_and_works_from_anywhere(name: str, option: str, tmp_path: Path) -> None:
    done = run(name, option, cwd=tmp_path)

    assert done.returncode == 0
    assert f"usage: scripts/{name}" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("name", OURS)
def test_an_unknown_option_is_refused_with_the_usage(name: str, tmp_path: Path) -> None:
    done = run(name, "--sideways", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: unknown option: --sideways\n\n{run(name, '-h', cwd=ROOT).stdout}"


@pytest.mark.parametrize(
    "arguments", [["--sideways"], ["--stack"], ["--format=xml"], ["-s", "a/b"]]
)
def test_drift_keeps_2_for_drift(arguments: list[str], tmp_path: Path) -> None:
    done = run("drift", *arguments, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"\n\n{run('drift', '-h', cwd=ROOT).stdout}")


@pytest.mark.parametrize("name", ["up", "preview", "destroy"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stack"], "--stack needs a value"),
        (["--stack", "--yes"], "--stack needs a value"),
        (["--stack", "../../etc"], "not a stack's name: ../../etc"),
        (["--stack="], "not a stack's name: "),
    ],
)
def test_a_stack_needs_a_name(
    name: str, arguments: list[str], message: str, tmp_path: Path
) -> None:
    done = run(name, *arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}\n\n")


@pytest.mark.parametrize("name", ["up", "preview", "destroy"])
def test_a_stack_needs_a_file(name: str, tmp_path: Path) -> None:
    done = run(name, "--stack", "nowhere", cwd=tmp_path)

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[:3] == [
        "error: no stack 'nowhere'",
        f"  where: {ROOT}/stacks/Pulumi.nowhere.yaml",
        "  why:   there is no such file",
    ]
    assert lines[3].startswith("  fix:   take one of: ")


def test_only_destroy_may_unprotect(tmp_path: Path) -> None:
    assert run("up", "--unprotect", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("name", ["destroy", "preview"])
@pytest.mark.parametrize("option", ["--sample", "--no-sample", "--no-wait"])
def test_only_up_has_a_sample(name: str, option: str, tmp_path: Path) -> None:
    assert run(name, option, cwd=tmp_path).returncode == 2


def test_setup_knows_three_ways_to_the_engine(tmp_path: Path) -> None:
    done = run("setup", "--engine", "magic", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("error: --engine is one of path, download, build\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "bicep"], "--format is one of arm, terraform"),
        (["--cloud"], "--cloud goes with --deployed"),
        (["--stack", "../x"], "not a stack's name: ../x"),
    ],
)
def test_an_export_needs_to_know_what_and_how(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    done = run("export", *arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}\n\n")


def test_what_is_not_deployed_cannot_be_exported(tmp_path: Path) -> None:
    nowhere = {**os.environ, "OPERATIONALIZATION_SANDBOX_HOME": str(tmp_path)}
    done = subprocess.run(
        [str(ROOT / "scripts/export"), "--deployed"],
        env=nowhere,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: stack 'dev' is not on the sandbox\n")
