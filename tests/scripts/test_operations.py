"""scripts/publish, scripts/score and scripts/train as a person runs them.

The environment is the real API over HTTPS in this process. What the stack says of it comes from a
stand-in for the user's own Pulumi, and once from the real one.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.home import Home
from tests.operations.conftest import conninfo as conninfo
from tests.operations.conftest import iris as iris
from tests.operations.conftest import web as web
from tests.server.conftest import database as database
from tests.server.conftest import migrated as migrated
from tests.server.conftest import server as server
from tests.support.engine import Engine, require_engine
from tests.support.r import ROOT, require_r
from tests.support.web import said

MODEL = str(ROOT / "models" / "iris")
REQUEST = f"{MODEL}/request.json"
OUTPUTS = {"species": "virginica"}
PROGRAM = """
import json
import pulumi

for name, value in json.loads(pulumi.Config("demo").require("outputs")).items():
    pulumi.export(name, pulumi.Output.secret(value) if name == "adminPassword" else value)
"""


class Shell:
    """A shell whose Pulumi knows the stack `dev`."""

    def __init__(self, folder, web):
        self.web = web
        self.variables = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
        self.variables["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        (folder / "outputs.json").write_text(json.dumps(outputs_of(web)))
        program = folder / "pulumi"
        program.write_text(f"#!/bin/sh\nexec cat {folder}/outputs.json\n")
        program.chmod(0o755)

    def run(self, name, *arguments):
        done = subprocess.run(
            [str(ROOT / "scripts" / name), *arguments],
            cwd="/",
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


def outputs_of(web):
    known = web.environment
    return {
        "endpoint": known.endpoint,
        "certificateAuthority": known.authority,
        "adminPassword": known.password,
    }


@pytest.fixture
def shell(tmp_path, web):
    folder = tmp_path / "bin"
    folder.mkdir()
    return Shell(folder, web)


def test_publish_says_what_became_of_it_and_score_prints_the_outputs_alone(shell, web):
    web.answers[:] = [(200, said(OUTPUTS, console="a flower"))]

    assert shell.run("publish", MODEL, "--cloud") == (
        0,
        "",
        f"iris 1.0 is published at {web.environment.endpoint}\n",
    )
    assert shell.run("publish", "--cloud", MODEL)[2].startswith("iris 1.0 is published already at")
    code, output, words = shell.run("score", "iris", REQUEST, "--cloud")

    assert (code, json.loads(output), words) == (0, OUTPUTS, "a flower\n")
    assert json.loads(web.compute[-1].body) == json.loads(Path(REQUEST).read_text())


def test_a_refused_publication_ends_with_1_and_says_why(shell, iris):
    assert shell.run("publish", MODEL, "--cloud")[0] == 0
    iris.write("model.rds", b"X\nother")

    code, output, words = shell.run("publish", str(iris.path), "--cloud")
    assert (code, output) == (1, "")
    assert words.startswith("error: iris 1.0 is published with another content\n  where: https://")

    code, _, words = shell.run("publish", str(iris.path), "--cloud", "--update")
    assert (code, words.split(" at ")[0]) == (0, "iris 1.0 is updated")


def test_nothing_is_sent_when_something_is_wrong_with_the_folder_or_the_request(shell, web, iris):
    (iris.path / "model.rds").unlink()
    bad = iris.path / "bad.json"
    bad.write_text("[]")

    publication = shell.run("publish", str(iris.path), "--cloud")
    score = shell.run("score", "iris", str(bad), "--cloud")

    assert publication[0] == score[0] == 1
    assert "model.rds: is not there\n    fix: make it with scripts/train" in publication[2]
    assert "why:   is not a JSON object" in score[2]
    assert web.heard == []


def test_a_model_that_failed_ends_with_1_and_prints_no_outputs(shell, web):
    shell.run("publish", MODEL, "--cloud")
    web.answers[:] = [(200, said({}, error="missing inputs: Petal.Width"))]

    code, output, words = shell.run("score", "iris", REQUEST, "--cloud", "--version", "1.0")

    assert (code, output) == (1, "")
    assert words.startswith("error: iris 1.0 failed\n")
    assert "  why:   R says: missing inputs: Petal.Width\n" in words


def test_the_password_is_in_no_argument_and_no_variable_of_a_process(shell, web):
    shell.run("publish", MODEL, "--cloud")
    seen = []
    web.watch = lambda heard: seen.extend(what_others_see() if "/api/" in heard.path else [])

    assert shell.run("score", "iris", REQUEST, "--cloud")[0] == 0
    assert seen
    assert not any(web.environment.password.encode() in each for each in seen)


def what_others_see():
    """The arguments and variables of every process that scores."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes()
            if b"operations" in arguments and b"score" in arguments:
                yield arguments + (process / "environ").read_bytes()
        except OSError:
            continue  # it ended meanwhile


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["publish"], "give one model folder"),
        (["publish", "a", "b"], "give one model folder"),
        (["publish", "a", "--version", "1"], "unknown option: --version"),
        (["publish", "a", "--stack"], "--stack needs a value"),
        (["publish", "a", "--stack=../b"], "not a stack's name: ../b"),
        (["score", "iris"], "give the service's name and a file with its inputs"),
        (["score", "iris", "a.json", "--update"], "unknown option: --update"),
        (["score", "iris", "a.json", "--version"], "--version needs a value"),
        (["score", "iris", "a.json", "--timeout", "soon"], "not a number of seconds: soon"),
        (["train"], "give one model folder"),
        (["train", "a", "--stack", "dev"], "unknown option: --stack"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused_with_the_usage(shell, arguments, reason):
    code, output, words = shell.run(*arguments)

    assert (code, output) == (2, "")
    assert words == f"error: {reason}\n\n{shell.run(arguments[0], '--help')[1]}"


@pytest.mark.parametrize("name", ["publish", "score", "train"])
def test_help_is_the_usage(shell, name):
    assert f"usage: scripts/{name} " in shell.run(name, "--help")[1]


def test_a_stack_that_is_not_on_the_sandbox_is_refused(shell, tmp_path):
    shell.variables["OPERATIONALIZATION_SANDBOX_HOME"] = str(tmp_path / "empty")

    code, _, words = shell.run("score", "iris", REQUEST, "--stack", "other")

    assert code == 1
    assert words.startswith("error: stack 'other' is not on the sandbox\n")


@pytest.mark.engine
def test_the_stack_on_the_sandbox_is_the_one_that_is_meant(shell, web, tmp_path):
    require_engine()
    home = Home(tmp_path / "sandbox")
    home.prepare()
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM)
    (program / "Pulumi.yaml").write_text(
        "name: operationalization\nstackConfigDir: stacks\n"
        f"runtime: {{name: python, options: {{virtualenv: {ROOT}/.venv}}}}\n"
    )
    engine = Engine(tmp_path / "state", program, home.environment({}))
    made = engine.up("trial", {"demo:outputs": json.dumps(outputs_of(web))})
    assert made.exit_code == 0, made.display
    shell.variables["OPERATIONALIZATION_SANDBOX_HOME"] = str(home.root)
    web.answers[:] = [(200, said(OUTPUTS))]

    assert shell.run("publish", MODEL, "--stack", "trial")[0] == 0
    code, output, words = shell.run("score", "iris", REQUEST, "--stack=trial")

    assert (code, json.loads(output), words) == (0, OUTPUTS, "")


@pytest.mark.root
def test_training_writes_the_model_and_says_whether_it_changed(shell, iris):
    require_r()
    again = shell.run("train", str(iris.path))
    (iris.path / "model.rds").unlink()
    anew = shell.run("train", str(iris.path))

    assert again == (0, "", "model.rds is trained, and the same as before\n")
    assert anew == (0, "", "model.rds is trained: 1492 bytes\n")


@pytest.mark.root
def test_training_can_write_to_its_folder_alone_and_has_no_network(shell, iris):
    require_r()
    iris.write(
        "train.R",
        'stopifnot(!suppressWarnings(file.create("/etc/made", "/usr/made")))\n'
        'stopifnot(identical(dir("/sys/class/net"), character()))\n'
        'stopifnot(length(readLines("/proc/net/route")) <= 1L)\n'
        'stopifnot(inherits(try(url("http://198.18.0.1", "r")), "try-error"))\n'
        "saveRDS(function(x) x, 'model.rds')\n",
    )

    code, _, words = shell.run("train", str(iris.path))

    assert code == 0, words


@pytest.mark.root
def test_a_training_that_fails_says_where_and_leaves_no_mount(shell, iris):
    require_r()
    iris.write("train.R", 'stop("no data")')

    code, output, words = shell.run("train", str(iris.path))

    assert (code, output) == (1, "")
    assert "Error: no data" in words
    assert f"error: the model was not trained\n  where: {iris.path}/train.R\n" in words
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    assert not {"/mnt", "/mnt/mnt", str(iris.path)} & set(mounts)


def test_without_a_script_there_is_nothing_to_train(shell, iris):
    shutil.rmtree(iris.path)
    iris.path.mkdir()

    assert shell.run("train", str(iris.path))[2].startswith("error: there is nothing to train\n")
