"""Today's program over environments that an earlier commit deployed: it replaces nothing.

tests/support/old_world.py says what is kept of them, and when that may be renewed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import old_world, stacks
from tests.support.deployed import Deployed, succeeded
from tests.support.engine import Result, on_sandbox

REPLACING = frozenset({"replace", "create-replacement", "delete-replaced", "delete"})

CONTENT = {
    "azure-native:compute:VirtualMachineScaleSet": ("virtualMachineProfile",),
    "aws:autoscaling/group:Group": ("launchTemplate",),
    "aws:autoscaling/policy:Policy": ("autoscalingGroupName",),
    "aws:autoscaling/schedule:Schedule": ("autoscalingGroupName",),
    "azure-native:compute:VirtualMachine": ("osProfile",),
    "azure-native:compute:VirtualMachineExtension": ("vmName",),
    "aws:ec2/instance:Instance": ("userDataBase64",),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": ("targetId",),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("key", "contentBase64"),
    "azure-native:containerregistry:TaskRun": ("taskRunName",),
    "azure-native:machinelearningservices:EnvironmentVersion": ("version",),
    "azure-native:machinelearningservices:ModelVersion": ("version",),
}
"""What a change of the nodes' own files replaces, and may: a new group beside the old one, another
machine at the place of one, new files in the store, another image beside the old one (design.md
section 3, "Change order")."""


@contextmanager
def upgraded(stack: str, folder: Path) -> Iterator[Deployed]:
    """The old environment of *stack*, for today's program to find."""
    kept = old_world.restore(stack, folder)
    with on_sandbox(folder) as engine:
        yield old_world.take_over(kept, engine)


def replaced(result: Result) -> list[tuple[str, str]]:
    """(type, name) of what went or was made anew, but for nodes with other content."""
    steps = [step for step in result.steps if step.op in REPLACING]
    content = {
        step.urn
        for step in steps
        if step.type in CONTENT
        and step.replacing
        and all(path.startswith(CONTENT[step.type]) for path in step.replacing)
    }
    return sorted({(step.type, step.name) for step in steps if step.urn not in content})


@pytest.mark.engine
@pytest.mark.parametrize("stack", stacks.NAMES)
def test_an_upgrade_replaces_nothing(stack: str, tmp_path: Path) -> None:
    if os.environ.get("UPDATE_GOLDEN") and not old_world.path_of(stack).exists():
        old_world.record(stack, tmp_path / "new")
    assert old_world.path_of(stack).exists(), (
        "see tests/support/old_world.py: it needs a golden state"
    )

    with upgraded(stack, tmp_path / "old") as deployed:
        result = deployed.up()

    assert replaced(result) == []


@pytest.mark.engine
def test_a_replacement_would_be_seen(tmp_path: Path) -> None:
    with upgraded("dev", tmp_path) as deployed:
        result = succeeded(
            deployed.engine.preview("dev", deployed.configure({"database.name": "elsewhere"}))
        )

    assert ("azure-native:dbforpostgresql:Database", "dev-database-database") in replaced(result)


@pytest.mark.parametrize("stack", stacks.NAMES)
def test_a_golden_state_is_small_and_tells_no_secret(stack: str) -> None:
    content = old_world.path_of(stack).read_bytes()
    kept: dict[str, Any] = old_world.unseal(content)

    assert len(content) < 256 * 1024
    assert kept["stack"] == stack
    assert old_world.seal(kept) == content
    assert b"PRIVATE KEY" not in content
