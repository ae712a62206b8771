"""scripts/new: a project with the components in it, or nothing at all."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import ROOT, on_sandbox
from tests.support.new_project import NAMES, Project, Workshop

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("new")
    # With a Python of its own: the workshop's makes no environments.
    subprocess.run([ROOT / "scripts/wheel"], check=True, capture_output=True)
    with on_sandbox(folder / "engine") as engine:
        yield Workshop(folder, engine)


def new(workshop: Workshop, *arguments: str) -> subprocess.CompletedProcess[str]:
    return workshop.command(str(ROOT / "scripts/new"), *arguments)


def test_a_project_has_all_that_it_needs_by_its_hash(workshop: Workshop) -> None:
    folder = workshop.folder / "scoring"
    done = new(workshop, "aws-one-box", str(folder), "--yes", "--answer", "machine.size=m6i.large")

    assert done.returncode == 0, done.stderr
    project = Project(folder, workshop)
    assert "name: scoring\n" in (folder / "Pulumi.yaml").read_text()
    assert str(workshop.folder) not in (folder / "Pulumi.yaml").read_text()
    assert "machine.size: m6i.large" in (folder / "stacks/Pulumi.dev.yaml").read_text()
    assert workshop.asked_of_pip[-1].endswith("install -r requirements.txt")
    # What is there already, by version, is fetched by nobody; the wheel is held to its hash.
    pip = [str(ROOT / ".venv/bin/python"), "-m", "pip", "install", "--dry-run", "--no-index"]
    strict = [*pip, "--require-hashes", "-r", "requirements.txt"]
    taken = workshop.command(*strict, cwd=folder)
    assert "Would install operationalization-1.0+" in taken.stdout, taken.stdout + taken.stderr
    [wheel] = (folder / "wheels").iterdir()
    wheel.write_bytes(wheel.read_bytes() + b"x")
    assert "DO NOT MATCH THE HASHES" in workshop.command(*strict, cwd=folder).stderr
    renewed = workshop.command(str(ROOT / "scripts/wheel"), "--into", str(folder))
    assert renewed.returncode == 0, renewed.stderr
    assert workshop.command(*strict, cwd=folder).returncode == 0
    # The scripts of this repository work on it.
    plan = str(workshop.folder / "plan.json")
    for name, said, *words in (
        ("preview", "the plan is saved", "--save-plan", plan),
        ("up", "is up on the sandbox", "--plan", plan),
        ("drift", "are as they were deployed"),
        ("destroy", "gone"),
    ):
        worked = workshop.command(str(ROOT / "scripts" / name), *words, cwd=project.folder)
        assert worked.returncode == 0, worked.stderr
        assert said in worked.stdout + worked.stderr


def test_what_failed_half_way_is_in_nobodys_way(workshop: Workshop) -> None:
    folder = workshop.folder / "unlucky"
    python = workshop.folder / "python"
    good = python.read_text()
    python.write_text("#!/bin/sh\necho no network >&2; exit 1\n")
    try:
        failed = new(workshop, "azure-one-box", str(folder), "--yes")
    finally:
        python.write_text(good)
    assert failed.returncode != 0
    assert "no network" in failed.stderr
    assert not folder.exists()
    again = new(workshop, "azure-one-box", str(folder), "--yes")
    assert again.returncode == 0, again.stderr


def test_words_that_make_no_sense_are_refused(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    for arguments, said in [
        (["azure-onebox", "x"], "take one of: aws-autoscale-load-and-schedule"),
        (["../templates/azure-one-box", "x"], "there is none of that name"),
        (["azure-one-box", str(tmp_path)], "the folder is not empty"),
        (["azure-one-box"], "name a template and a folder"),
        (["azure-one-box", "x", "--name", "a b"], "not a project's name: a b"),
        (["azure-one-box", "x", "--answer", "location"], "--answer needs NAME=VALUE"),
    ]:
        done = new(workshop, *arguments)
        assert done.returncode != 0
        assert said in done.stderr
        assert not (workshop.folder / "x").exists()
    assert (tmp_path / "mine").read_text() == "x"


def test_the_list_says_what_each_is(workshop: Workshop) -> None:
    lines = new(workshop, "--list").stdout.splitlines()
    assert sorted(line.split()[0] for line in lines) == NAMES
    assert all("  R " in line for line in lines)
