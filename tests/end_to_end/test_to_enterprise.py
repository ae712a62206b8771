"""From a one-box to an enterprise, with nodes that run: the same models answer the same afterwards.

The script itself is tried in tests/scripts; here are its two halves with a deployment between them.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings.bases import FOLDER, examine_over
from components.settings.upward import enterprise
from operations import moving
from operations.client import Client
from operations.patience import until
from operations.stack import Environment
from tests.support.deployed import succeeded
from tests.support.engine import ROOT
from tests.support.live import Live, live
from tests.support.stacks import ENVIRONMENT, STACKS

pytestmark = [pytest.mark.engine, pytest.mark.root]

IRIS = ROOT / "models/iris"


def client(running: Live) -> Client:
    """A client that is signed in as the administrator."""
    outputs = running.outputs()
    return Client(
        Environment(
            stack=running.stack,
            endpoint=outputs["endpoint"],
            addresses=tuple(outputs["loadBalancerAddresses"]),
            authority=outputs["certificateAuthority"],
            password=outputs["adminPassword"],
        )
    )


def scored(running: Live) -> Any:
    done = running.script("score", "iris", str(IRIS / "request.json"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def grown(stack: str) -> dict[str, Any]:
    """The configuration that scripts/to-enterprise would write for *stack*."""
    config = yaml.safe_load(enterprise(STACKS / f"Pulumi.{stack}.yaml"))["config"]
    base = config.pop("operationalization:base")
    _, problems, layers = examine_over(base, config[ENVIRONMENT], FOLDER, stack)
    assert problems == []
    return {**config, ENVIRONMENT: layers.value}


@pytest.mark.timeout(900)
def test_what_a_one_box_has_published_answers_the_same_on_an_enterprise(tmp_path: Path) -> None:
    with live("dev-onebox", tmp_path / "live") as running:
        assert running.script("publish", str(IRIS)).returncode == 0
        with client(running) as before:
            moving.save(before, tmp_path / "saved")
            (published,) = moving.published(before)
        assert scored(running) == json.loads((IRIS / "answer.json").read_text())
        box = running.outputs()

        succeeded(running.engine.up(running.stack, grown(running.stack)))

        outputs = running.outputs()
        assert set(outputs["groups"]) == {"web", "compute"}
        assert outputs["database"]["engine"] == "postgresql"
        assert outputs["loadBalancerAddress"] != box["loadBalancerAddress"]
        assert not until(lambda: running.names("one-box"), lambda names: not names, 60.0)
        with client(running) as after:
            after.await_serving(120.0)
            assert moving.published(after) == [], "a new database begins empty"

        done = running.script("to-enterprise", "--restore", str(tmp_path / "saved"))

        assert done.returncode == 0, done.stderr
        assert done.stderr == "iris 1.0 is published, and its model's sum is the same\n"
        with client(running) as after:
            assert [each.sha256 for each in moving.published(after)] == [published.sha256]
        assert scored(running) == json.loads((IRIS / "answer.json").read_text())
