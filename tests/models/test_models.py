"""Every sample model: its folder is right, and in R it does what its files say."""

import json
import re
import shutil
from pathlib import Path

import pytest

from model_folders import reading
from tests.support.r import ROOT, require_r, rscript

FOLDERS = sorted(path.parent for path in (ROOT / "models").glob("*/service.json"))
HERE = Path(__file__).parent
WORKER = ROOT / "server" / "worker" / "service.R"


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request, tmp_path):
    """A copy of the folder of a sample model, which R may write to."""
    return Path(shutil.copytree(request.param, tmp_path / request.param.name))


def test_there_are_samples():
    assert [folder.name for folder in FOLDERS] == ["iris"]


def test_the_folder_can_be_published(folder):
    read = reading.read(folder)

    assert read.service.name == folder.name
    assert len(read.model) < 100_000, "a model that is kept in the repository stays small"


def test_the_readme_names_every_part_and_commands_that_exist(folder):
    text = (folder / "README.md").read_text()

    assert [part for part in reading.PARTS if part not in text and part != "README.md"] == []
    commands = set(re.findall(r"scripts/[a-z]+", text))
    assert {"scripts/train", "scripts/publish", "scripts/score"} <= commands
    assert [command for command in commands if not (ROOT / command).exists()] == []


@pytest.mark.root
def test_training_again_gives_the_same_bytes(folder):
    require_r()
    kept = (folder / "model.rds").read_bytes()
    (folder / "model.rds").unlink()

    done = rscript(folder, "train.R")

    assert done.returncode == 0, done.stderr
    assert (folder / "model.rds").read_bytes() == kept


@pytest.mark.root
def test_the_sample_request_is_answered_as_the_folder_says(folder):
    require_r()
    shutil.copy(WORKER, folder)
    shutil.copy(HERE / "answer.R", folder)

    done = rscript(folder, "answer.R")

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["errorMessage"] == ""
    assert answer["success"] is True
    assert answer["outputParameters"] == json.loads((folder / "answer.json").read_text())


@pytest.mark.root
def test_the_model_is_a_function_that_holds_numbers_and_needs_no_package(folder):
    require_r()
    shutil.copy(HERE / "inspect.R", folder)
    read = reading.read(folder)

    done = rscript(folder, "inspect.R", *map(str, read.request.values()))

    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["function", "TRUE"],
        ["parent", "is", "base", "TRUE"],
        ["holds", "numbers", "TRUE"],
        ["answers", "TRUE"],
        ["loaded"],
        ["attached"],
        ["arguments", *(each.name for each in read.service.inputs)],
    ]
