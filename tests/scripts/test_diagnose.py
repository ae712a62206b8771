"""scripts/diagnose as a person runs it, against programs of the clouds that answer from recordings.

The way in is the real API over HTTPS in this process; the nodes of the recorded stack `dev` are
this machine, which is none: what the probe says of it is part of the test.
"""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.operations.conftest import conninfo as conninfo
from tests.operations.conftest import web as web
from tests.server.conftest import database as database
from tests.server.conftest import migrated as migrated
from tests.server.conftest import server as server
from tests.support import old_world
from tests.support.engine import ROOT

PULUMI = """#!/bin/sh
case $2 in
  output) exec cat {folder}/outputs.json ;;
  export) exec cat {folder}/state.json ;;
esac
exit 1
"""
AZ = """#!/usr/bin/env bash
case "$1 $2" in
  "vmss list-instances")
    while (($#)); do [[ $1 != --name ]] || name=$2; shift; done
    exec cat {folder}/"${{name%-nodes*}}".json ;;
  "vmss nic") echo '[]' ;;
  "vmss run-command")
    while (($#)); do [[ $1 != --scripts ]] || script=${{2#@}}; shift; done
    sh "$script" >{folder}/$$
    python3 -c 'import json, sys
print(json.dumps({{"value": [{{"message": open(sys.argv[1]).read()[-4096:]}}]}}))' {folder}/$$ ;;
  *) exit 1 ;;
esac
"""


@pytest.fixture
def shell(tmp_path: Path, web: Any) -> dict[str, str]:
    """Variables of a shell whose Pulumi and Azure CLI know the stack `dev`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    kept = old_world.unseal(old_world.path_of("dev").read_bytes())["state"]
    resources = kept["deployment"]["resources"]
    (stack,) = [each for each in resources if each["type"] == "pulumi:pulumi:Stack"]
    known = web.environment
    outputs = {
        **stack["outputs"],
        "endpoint": known.endpoint,
        "loadBalancerAddresses": ["127.0.0.1"],
        "certificateAuthority": known.authority,
        "adminPassword": known.password,
    }
    (folder / "outputs.json").write_text(json.dumps(outputs))
    (folder / "state.json").write_text(json.dumps({"version": 3, "deployment": kept["deployment"]}))
    for role, states in (("web", ("running", "running")), ("compute", ("running", "deallocated"))):
        (arm,) = outputs["groups"][role]["ids"]
        machines = [
            {
                "id": f"{arm}/virtualMachines/{index}",
                "name": f"{role}_{index}",
                "instanceView": {"statuses": [{"code": f"PowerState/{state}"}]},
            }
            for index, state in enumerate(states)
        ]
        (folder / f"dev-{role}.json").write_text(json.dumps(machines))
    for name, text in (("pulumi", PULUMI), ("az", AZ)):
        program = folder / name
        program.write_text(text.format(folder=folder))
        program.chmod(0o755)
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
    variables["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return variables


def diagnose(shell: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "scripts/diagnose"), "--cloud", *options],
        cwd="/",
        env=shell,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_node_is_asked_and_what_is_wrong_is_said_in_json(shell: dict[str, str]) -> None:
    began = time.monotonic()
    done = diagnose(shell, "--format", "json")

    assert time.monotonic() - began < 30
    assert (done.returncode, done.stderr) == (2, "")
    found = json.loads(done.stdout)
    assert (found["stack"], found["healthy"]) == ("dev", False)
    assert [each["name"] for each in found["nodes"]] == ["web_0", "web_1", "compute_0", "compute_1"]
    told = {(each["id"], each["place"]): each for each in found["findings"]}
    assert told["node-down", "compute node compute_1"]["what"] == "it is deallocated"
    for name in ("web node web_0", "web node web_1", "compute node compute_0"):
        reason = told["probe-incomplete", name]["what"]
        assert reason.startswith("node: /etc/operationalization/node.json cannot be read")
    assert [step["step"] for step in found["trace"]] == ["log in", "raw status", "list services"]


def test_a_person_reads_what_where_and_what_to_do(shell: dict[str, str]) -> None:
    done = diagnose({**shell, "COLUMNS": "160"})

    assert (done.returncode, done.stderr) == (2, "")
    assert "stack 'dev' is not well: " in done.stdout
    for words in (
        "the cloud says that a node does not run",
        "docs/diagnose.md#node-down",
        "trace:",
    ):
        assert words in done.stdout


def test_a_managed_endpoint_that_was_not_deployed_to_its_end_cannot_be_told_of(
    shell: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "outputs.json").write_text('{"topology": "managed-endpoint"}')
    done = diagnose(shell)

    assert done.returncode == 1
    assert "the endpoint was not deployed to its end" in done.stderr


def test_nobody_can_tell_without_pulumi(shell: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "bin" / "pulumi"
    program.write_text("#!/bin/sh\necho 'error: no stack named dev' >&2\nexit 1\n")
    done = diagnose(shell)

    assert (done.returncode, done.stdout) == (1, "")
    assert "\n  why:   no stack named dev\n" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sideways"], "unknown option: --sideways"),
        (["--stack"], "--stack needs a value"),
        (["--format=xml"], "--format is one of terminal, json"),
        (["-s", "a/b"], "not a stack's name: a/b"),
    ],
)
def test_a_line_that_makes_no_sense_ends_with_one(
    shell: dict[str, str], options: list[str], words: str
) -> None:
    done = diagnose(shell, *options)

    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {words}")
