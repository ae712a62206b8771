"""Environments of R Server and ML Server under the real engine, on the control plane alone."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from operations.upgrade.noting import REMEMBERED
from sandbox.control.aws.images import IMAGES, ami
from sandbox.control.azure.images import gallery_id
from tests.support.deployed import Deployed
from tests.support.engine import SAME, on_sandbox
from tests.support.environments import AWS, AZURE, SERVER, of_family

pytestmark = pytest.mark.engine

MACHINE = {"dev": "azure-native:compute:VirtualMachine", "dev-aws": "aws:ec2/instance:Instance"}
UBUNTU = next(image for image in IMAGES if image.name == "ubuntu-16.04")
IMAGE = {"dev": gallery_id(UBUNTU.name), "dev-aws": ami(UBUNTU, "eu-central-1")}


def family(stack: str) -> dict[str, Any]:
    return {
        "runtime": {
            "product": "rserver",
            "version": "9.1.0",
            "operatingSystem": "ubuntu-16.04",
            "imageId": IMAGE[stack],
            "server": SERVER,
        },
        "web.nodes": "fixed",
        "compute": {"nodes": "fixed", "count": 2, "zones": [1, 2]},
    }


def digests(dev: Deployed, role: str) -> set[str]:
    """What the machines of *role* have as user data, as the engine remembers it."""
    found = set()
    for urn, resource in dev.engine.resources(dev.stack).items():
        if f"{MACHINE[dev.stack]}::{dev.stack}-{role}-nodes" in urn:
            inputs = resource["inputs"]
            content = inputs.get("userDataBase64") or inputs["osProfile"]["customData"]
            found.add(hashlib.sha256(base64.b64decode(content)).hexdigest()[:16])
    return found


@pytest.fixture
def both(tmp_path: Path) -> Iterator[dict[str, Deployed]]:
    with on_sandbox(tmp_path) as engine:
        yield {stack: Deployed(stack, engine) for stack in MACHINE}


@pytest.mark.parametrize("stack", MACHINE)
def test_fixed_machines_keep_what_they_are_and_outputs_say_when_it_is_old(
    both: dict[str, Deployed], stack: str
) -> None:
    dev, settings = both[stack], family(stack)
    dev.up(settings)
    assert dev.up(settings).changes == []
    content = dev.engine.outputs(stack)["groups"]["web"]["content"]
    assert content["machines"] == [content["rendered"]] * 2

    # A version of the product changes by scripts/upgrade alone.
    newer = {**settings, "runtime.server.logLevel": "Information"}
    result = dev.up(newer)
    assert {step.op for step in result.steps if step.type == MACHINE[stack]} <= SAME
    assert "made from other settings than these" in result.display
    changed = dev.engine.outputs(stack)["groups"]["web"]["content"]
    assert changed["machines"] == content["machines"]
    assert changed["rendered"] != content["rendered"]

    # What is replaced for another reason is made from what the settings say now.
    larger = {**newer, "web.disk.size": 64}
    replaced = {
        step.name.rpartition("-")[0]
        for step in dev.up(larger).steps
        if step.type == MACHINE[stack] and step.op == "create-replacement"
    }
    assert replaced == {f"{stack}-web-nodes"}
    found = dev.engine.outputs(stack)["groups"]
    assert found["web"]["content"]["machines"] == [changed["rendered"]] * 2
    assert digests(dev, "web") == {changed["rendered"]}
    assert digests(dev, "compute") == set(found["compute"]["content"]["machines"])
    assert found["compute"]["content"]["machines"] != [found["compute"]["content"]["rendered"]] * 2

    # scripts/upgrade ends with this: what runs is what the settings say.
    renewed = dev.engine.pulumi(
        "up", "--yes", "--skip-preview", "--stack", stack, "--target-replace", REMEMBERED,
        "--config-file", str(dev.engine.folder / f"project/stacks/Pulumi.{stack}.yaml"),
    )  # fmt: skip
    assert "made from other settings" not in renewed.stdout + renewed.stderr
    for group in dev.engine.outputs(stack)["groups"].values():
        assert group["content"]["machines"] == [group["content"]["rendered"]] * 2


WINDOWS = next(image for image in IMAGES if image.name == "windows-server-2016")
IMAGE_OF_WINDOWS = {
    "dev": gallery_id(WINDOWS.name),
    "dev-aws": ami(WINDOWS, "eu-central-1"),
}


@pytest.mark.parametrize("stack", MACHINE)
def test_the_clouds_take_windows_machines_and_leave_them_as_they_are(
    both: dict[str, Deployed], stack: str
) -> None:
    runtime = of_family(AZURE if stack == "dev" else AWS, "9.4.7", WINDOWS.name)["runtime"]
    settings = {
        "runtime": {**runtime, "imageId": IMAGE_OF_WINDOWS[stack]},
        "database": {"engine": "sqlserver"},
        "web": {"nodes": "fixed", "count": 2},
        "compute": {"autoscale": {"minimum": 2, "maximum": 4}},
    }
    dev = both[stack]
    dev.up(settings)
    assert dev.up(settings).changes == []

    # A scale set's machines would be replaced, and two versions serve at once.
    other = {**settings, "runtime": {**settings["runtime"], "version": "9.3.0"}}
    refused = dev.engine.up(stack, dev.configure(other))
    assert refused.exit_code != 0
    words = "has mlserver 9.4.7, and machines that come and go cannot be brought to mlserver 9.3.0"
    assert words in refused.display, refused.display
    assert dev.up(settings).changes == []


def of_set(dev: Deployed, name: str) -> dict[str, str]:
    """Ids of the machines and the server of a set of nodes, by URN."""
    kinds = (MACHINE[dev.stack], "dbforpostgresql:Server::", "rds/instance:Instance::")
    return {
        urn: resource["id"]
        for urn, resource in dev.engine.resources(dev.stack).items()
        if any(kind in urn for kind in kinds) and f"::{name}" in urn
    }


@pytest.mark.parametrize("stack", MACHINE)
def test_a_new_version_takes_over_from_the_old_one_and_no_node_is_replaced(
    both: dict[str, Deployed], stack: str
) -> None:
    dev, before = both[stack], family(stack)
    dev.up(before)
    old = of_set(dev, f"{stack}-")
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    new = {**before["runtime"], "product": "mlserver", "version": "9.4.7", "generation": 1}
    steps = {
        serving: {
            **before,
            "runtime": new,
            "predecessor": {**before["runtime"], "restored": moment, "serving": serving},
        }
        for serving in ("old", "both", "new")
    }
    dev.up(steps["old"])
    assert dev.up(steps["old"]).changes == []
    made = {urn: one for urn, one in of_set(dev, f"{stack}-g1-").items() if urn not in old}
    assert len(made) == len(old)
    for step in (steps["both"], steps["new"], steps["both"], steps["old"], steps["new"]):
        dev.up(step)
        assert of_set(dev, f"{stack}-") == old | made
    assert dev.engine.outputs(stack)["groups"] == dev.engine.outputs(stack)["newSet"]["groups"]

    # The old set goes, and nothing of the new one changes with it.
    dev.up({**before, "runtime": new})
    assert of_set(dev, f"{stack}-") == made
    assert dev.up({**before, "runtime": new}).changes == []
