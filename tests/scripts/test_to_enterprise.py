"""scripts/to-enterprise as a person runs it, on a copy of the project whose stacks are its own.

The environment is the real API over HTTPS in this process; what the stack says of it comes from a
stand-in for the user's own Pulumi, as in `test_operations`.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from components.settings import EnterpriseEnvironment, parse_file
from model_folders import reading
from operations.client import Client
from operations.publish import publish
from tests.operations.conftest import conninfo as conninfo
from tests.operations.conftest import iris as iris
from tests.operations.conftest import web as web
from tests.server.conftest import database as database
from tests.server.conftest import migrated as migrated
from tests.server.conftest import server as server

ROOT = Path(__file__).resolve().parents[2]
SHARED = ("components", "operations", "model_folders", ".venv", "Pulumi.yaml")
LOST = "lost with the next update of stack 'dev-onebox'"


class Project:
    """A copy of the project, and a shell whose Pulumi knows one environment."""

    def __init__(self, folder, web):
        self.folder = folder
        for name in SHARED:
            (folder / name).symlink_to(ROOT / name)
        for name in ("scripts", "stacks"):
            shutil.copytree(ROOT / name, folder / name)
        known = web.environment
        outputs = {
            "endpoint": known.endpoint,
            "certificateAuthority": known.authority,
            "adminPassword": known.password,
        }
        (folder / "bin").mkdir()
        (folder / "outputs.json").write_text(json.dumps(outputs))
        program = folder / "bin" / "pulumi"
        program.write_text(f"#!/bin/sh\nexec cat {folder}/outputs.json\n")
        program.chmod(0o755)
        self.variables = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
        self.variables["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def run(self, *arguments):
        done = subprocess.run(
            [str(self.folder / "scripts" / "to-enterprise"), *arguments],
            cwd="/",
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout == ""
        return done.returncode, done.stderr

    def stack(self, name="dev-onebox"):
        return self.folder / "stacks" / f"Pulumi.{name}.yaml"

    def files(self):
        return sorted(path.name for path in self.stack().parent.glob("Pulumi.*"))


@pytest.fixture
def project(tmp_path, web):
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, web)


@pytest.fixture
def published(web, iris):
    with Client(web.environment) as client:
        publish(client, reading.read(iris.path))


BOX = ("--stack", "dev-onebox", "--cloud")


def test_it_shows_saves_and_writes_and_says_what_is_left(project, published):
    code, words = project.run(*BOX, "--yes")

    assert code == 0, words
    saved = project.folder / "saved" / "dev-onebox"
    assert "-    machine: { size: Standard_B2s_v2 }\n+    machine: null\n" in words
    assert words.index("the change of the stack file:") < words.index(LOST)
    assert words.index(LOST) < words.index("  iris 1.0") < words.index("1 published services are")
    assert words.endswith(
        "stacks/Pulumi.dev-onebox.yaml is that of an enterprise environment now. What is left to "
        "do:\n  scripts/up --stack dev-onebox --no-sample\n"
        f"  scripts/to-enterprise --stack dev-onebox --restore {saved}\n"
    )
    assert isinstance(parse_file(project.stack()), EnterpriseEnvironment)
    assert saved.stat().st_mode & 0o777 == 0o700

    code, words = project.run(*BOX, "--restore", str(saved))
    assert (code, words) == (0, "iris 1.0 is there already\n")


def test_without_a_terminal_it_needs_a_yes(project, published):
    before = project.stack().read_text()

    code, words = project.run(*BOX)

    assert code == 1
    assert "nobody is there to ask" in words
    assert "the change of the stack file" not in words
    assert project.stack().read_text() == before
    assert not (project.folder / "saved").exists()


def test_beside_it_nothing_is_lost(project, published):
    before, files = project.stack().read_text(), project.files()

    code, words = project.run(*BOX, "--yes", "--as", "grown")

    assert code == 0, words
    assert LOST not in words
    assert "stack 'dev-onebox' stays as it is." in words
    assert "scripts/up --stack grown --no-sample" in words
    assert project.stack().read_text() == before
    assert isinstance(parse_file(project.stack("grown")), EnterpriseEnvironment)
    assert project.files() == sorted([*files, "Pulumi.grown.yaml"])


def test_nothing_is_overwritten(project, published):
    (project.folder / "saved" / "dev-onebox").mkdir(parents=True)
    before, files = project.stack().read_text(), project.files()

    code, words = project.run(*BOX, "--yes")
    assert code == 1
    assert "the folder for the services is there already" in words

    code, words = project.run(*BOX, "--yes", "--as", "dev", "--no-services")
    assert code == 1
    assert "stack 'dev' is there already" in words

    assert project.stack().read_text() == before
    assert project.files() == files


def test_what_is_published_must_be_known_or_given_up(project):
    (project.folder / "outputs.json").write_text("{}")
    before, files = project.stack().read_text(), project.files()

    code, words = project.run(*BOX, "--yes")
    assert code == 1
    assert "what is published is not known" in words
    assert "add --no-services if what is published may go" in words
    assert project.stack().read_text() == before
    assert project.files() == files, "no half of a file is left"

    code, words = project.run(*BOX, "--yes", "--no-services")
    assert code == 0, words
    assert LOST in words
    assert "--restore" not in words
    assert isinstance(parse_file(project.stack()), EnterpriseEnvironment)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--yes"], 2, "give the stack of a one-box"),
        (["--stack", "nowhere", "--yes"], 1, "no stack 'nowhere'"),
        (["--stack", "dev", "--yes"], 1, "topology: must be one-box, to become an enterprise"),
        (["--stack", "dev-endpoint", "--yes"], 1, "topology: must be one-box"),
        ([*BOX, "--as", "../x"], 2, "not a stack's name: ../x"),
        ([*BOX, "--restore", "x", "--as", "y"], 2, "--restore goes with --stack and --cloud only"),
        ([*BOX, "--save", "x", "--no-services"], 2, "contradict each other"),
        ([*BOX, "--restore", "/nowhere"], 1, "services.json cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused(project, arguments, code, message):
    before, files = project.stack().read_text(), project.files()

    found, words = project.run(*arguments)

    assert (found, message in words) == (code, True), words
    assert project.stack().read_text() == before
    assert project.files() == files
