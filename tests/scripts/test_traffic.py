"""scripts/traffic as a person runs it, with a stand-in for the user's own Pulumi."""

import json
import os
import subprocess

import pytest

from tests.operations.test_traffic import BLUE, CANARY, GREEN, TEXT, URN, state
from tests.support.r import ROOT

PULUMI = """#!/bin/sh
folder={folder}
case "$*" in
  *"stack export"*) exec cat $folder/state.json ;;
  *"stack output"*) exec cat $folder/outputs.json ;;
esac
printf '%s\\n' "$*" >>$folder/calls
if [ -e $folder/refuses ]; then echo "error: the cloud says no" >&2; exit 1; fi
mv $folder/next.json $folder/state.json
"""


class Shell:
    """A shell whose Pulumi knows the stack `dev-endpoint`, and sets what a test says."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "stacks").mkdir()
        self.file = folder / "stacks/Pulumi.dev-endpoint.yaml"
        self.file.write_text(TEXT)
        self.now(BLUE)
        (folder / "outputs.json").write_text(json.dumps({}))
        program = folder / "pulumi"
        program.write_text(PULUMI.format(folder=folder))
        program.chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
        self.variables = {
            **kept,
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "OPERATIONALIZATION_STACKS": str(folder / "stacks"),
            "OPERATIONALIZATION_TRAFFIC": str(folder / "memory"),
        }

    def now(self, split, **changes):
        (self.folder / "state.json").write_text(state(split, **changes))

    def then(self, split):
        """What Pulumi's next update leads to."""
        (self.folder / "next.json").write_text(state(split))

    def calls(self):
        found = self.folder / "calls"
        return found.read_text().splitlines() if found.exists() else []

    def run(self, *arguments):
        done = subprocess.run(
            [str(ROOT / "scripts/traffic"), "--cloud", *arguments],
            cwd="/",
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


def test_without_a_split_it_is_shown(shell):
    assert shell.run() == (
        0,
        "as deployed:       blue 100\nin the stack file: blue 100\n",
        "",
    )
    assert shell.calls() == []


def test_mirrored_traffic_is_set_and_taken_back(shell):
    mirrored = type(BLUE)(traffic={"blue": 100}, mirror={"green": 20})
    shell.then(mirrored)
    code, _, words = shell.run("--mirror", "green=20", "--yes")
    assert code == 0, words
    assert "the traffic is now: blue 100; mirrored to green 20" in words
    assert "mirror: { green: 20 }" in shell.file.read_text()
    [call] = shell.calls()
    policies = f"--policy-pack {ROOT / 'policies'}"
    assert call.endswith(f"up --stack dev-endpoint --target {URN} {policies} --yes")

    shell.then(BLUE)
    code, _, words = shell.run("--rollback", "--yes")
    assert code == 0, words
    # No rule that something else has broken meanwhile keeps anybody from going back.
    assert shell.calls()[-1].endswith(f"--target {URN} --yes")
    assert "back to the split before the last move" in words
    assert "mirror: {}" in shell.file.read_text()


def test_what_pulumi_refuses_leaves_the_stack_file(shell):
    (shell.folder / "refuses").touch()
    code, _, words = shell.run("--mirror", "green=20", "--yes")

    assert code == 1
    assert "error: the cloud says no" in words
    assert f"{shell.file} is as it was before" in words
    assert "error: the traffic was not moved" in words
    assert shell.file.read_text() == TEXT
    assert "--rollback sets" not in shell.run()[1]


def test_nobody_is_asked_where_nobody_is(shell):
    code, _, words = shell.run("--mirror", "green=20")

    assert code == 1
    assert "error: nobody is there to say yes" in words
    assert (shell.calls(), shell.file.read_text()) == ([], TEXT)


def test_what_azure_would_refuse_is_refused_before_anything_is_changed(shell):
    code, _, words = shell.run("blue=90", "--yes")

    assert code == 1
    assert "why:   the traffic adds up to 90, not to 100" in words
    assert (shell.calls(), shell.file.read_text()) == ([], TEXT)


def test_a_broken_deployment_keeps_nobody_from_going_back(shell):
    shell.now(CANARY, broken=("green",))
    shell.file.write_text(shell.file.read_text().replace("{ blue: 100 }", "{ green: 100 }"))
    shell.then(CANARY)
    code, _, words = shell.run("green=100", "--yes")
    assert code == 1
    assert "green is not ready" in words

    code, _, words = shell.run("--rollback", "--yes")
    assert code == 0, words
    assert "the split in the stack file never came to pass" in words
    assert "traffic: { blue: 90, green: 10 } # who gets what" in shell.file.read_text()
    assert "says so again; the traffic is that already" in words
    assert shell.calls() == []


def test_what_is_so_already_is_nothing_to_do(shell):
    code, _, words = shell.run("blue=100", "--yes")

    assert (code, shell.calls()) == (0, [])
    assert "that is how it is: nothing to do" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rollback", "blue=100"), "--rollback knows the split itself: give none"),
        (("--faster",), "unknown option: --faster"),
        (("--stack", "nobody"), "no stack 'nobody'"),
        (("--mirror",), "--mirror needs a value"),
    ],
)
def test_a_command_that_makes_no_sense(shell, arguments, words):
    code, _, said = shell.run(*arguments)

    assert code != 0
    assert f"error: {words}" in said


def test_a_deployment_without_a_folder_is_not_tried(shell):
    shell.then(GREEN)
    (shell.folder / "outputs.json").write_text(
        json.dumps(
            {
                "topology": "managed-endpoint",
                "endpoint": "https://iris.westeurope.inference.ml.azure.com/score",
                "endpointName": "iris",
                "endpointId": "/subscriptions/s",
                "authentication": "key",
                "key": "s3cret",
                "deployments": {"green": {"model": "unheard-of", "version": "1"}},
            }
        )
    )
    code, _, words = shell.run("green=100", "--yes")

    assert code == 0, words
    assert "is deployment green's model: it is not tried" in words
    assert "s3cret" not in words
