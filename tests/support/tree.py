"""A working copy with the real scripts and engine, a small program and a stand-in sandbox.

The sandbox is a backend and no provider, and the program one component: what is tested with it is
the scripts.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.engine import ROOT, require_engine

PROGRAM = """
import os
import pulumi

config = pulumi.Config("operationalization")
if gate := os.environ.get("TEST_GATE"):
    open(gate, "w").close()  # tells the test that the program runs, once someone reads
    open(gate).read()  # and waits for good
protect = pulumi.ResourceOptions(protect=config.get_bool("protection"))
kept = pulumi.ComponentResource("demo:index:Database", "database", None, protect)
kept.register_outputs({})
pulumi.export("size", config.require("size"))
"""
SANDBOX = """#!/usr/bin/env bash
echo "$1" >>"$SANDBOX_CALLS"
[[ $1 != wait ]] || exit 3 # there are no nodes
[[ $1 == env ]] || exit 0
mkdir -p "$OPERATIONALIZATION_SANDBOX_HOME/stacks"
echo made-up >"$OPERATIONALIZATION_SANDBOX_HOME/passphrase"
cat <<END
export PULUMI_BACKEND_URL=file://$OPERATIONALIZATION_SANDBOX_HOME/stacks
export PULUMI_HOME=$OPERATIONALIZATION_SANDBOX_HOME/pulumi
export PULUMI_CONFIG_PASSPHRASE_FILE=$OPERATIONALIZATION_SANDBOX_HOME/passphrase
export PATH=$PWD/.cache/engine/bin:$PATH
END
"""
POLICIES = """
from pulumi_policy import PolicyPack, ResourceValidationPolicy

nothing = ResourceValidationPolicy("nothing", "Refuses nothing.", lambda args, report: None)
PolicyPack("nothing", [nothing])
"""


@dataclass
class Tree:
    """The working copy, and the folder of its sandbox."""

    root: Path
    sandbox: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its scripts."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
        own = {
            "OPERATIONALIZATION_SANDBOX_HOME": str(self.sandbox),
            "SANDBOX_CALLS": str(self.root / "calls"),
        }
        return {**kept, **own}

    @property
    def state(self) -> Path:
        """Pulumi's state of `dev`."""
        return self.sandbox / "stacks/.pulumi/stacks/operationalization/dev.json"

    def run(
        self, name: str, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One of its scripts; *variables* have the last word."""
        return subprocess.run(
            [str(self.root / "scripts" / name), *arguments],
            cwd=self.root,
            env=self.environment | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def stack(self, name: str, text: str) -> Path:
        """Write a stack file."""
        path = self.root / f"stacks/Pulumi.{name}.yaml"
        path.write_text(text)
        return path

    @property
    def locks(self) -> Path:
        """The folder of the file backend's locks of `dev`."""
        return self.sandbox / "stacks/.pulumi/locks/organization/operationalization/dev"

    def lock(self, process: int, host: str = "here") -> Path:
        """A lock of the file backend, as the process would have left it."""
        path = self.locks / "l.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        made = {"pid": process, "username": "me", "hostname": host}
        path.write_text(json.dumps({**made, "timestamp": "2026-11-30T20:00:00.123456789Z"}))
        return path


def plant(tmp_path: Path) -> Tree:
    """A tree in *tmp_path* with a stack `dev`; its sandbox beside it is not there yet."""
    require_engine()
    root = tmp_path / "tree"
    shutil.copytree(ROOT / "scripts/lib", root / "scripts/lib")
    for name in ("up", "preview", "destroy", "unlock", "drift"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts" / name)
    for name, text in (("setup", "#!/bin/sh\n"), ("sandbox", SANDBOX)):
        (root / "scripts" / name).write_text(text)
        (root / "scripts" / name).chmod(0o755)
    for name in (".venv", ".cache/engine", "operations", "model_folders"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to((ROOT / name).resolve())
    # Nobody reads settings here: no stack is protected, and the policy pack refuses nothing.
    (root / "scripts/lib/protection.py").write_text("")
    (root / "policies").mkdir()
    shutil.copy(ROOT / "policies/PulumiPolicy.yaml", root / "policies")
    (root / "policies/__main__.py").write_text(POLICIES)
    shutil.copy(ROOT / "Pulumi.yaml", root)
    (root / "__main__.py").write_text(PROGRAM)
    (root / "stacks").mkdir()
    made = Tree(root, tmp_path / "sandbox")
    made.stack("dev", "config:\n  operationalization:size: small\n")
    return made
