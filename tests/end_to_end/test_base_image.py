"""Nodes that boot the bare image, as a cloud has it, and install what they need by themselves."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.fabric.images import Images
from tests.support.engine import ROOT, on_sandbox
from tests.support.live import Live, require_nodes

pytestmark = [pytest.mark.engine, pytest.mark.root]

SMALL = {"web.count": 1, "compute": {"count": 1, "size": "Standard_D2s_v5"}}


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    require_nodes()
    with on_sandbox(tmp_path_factory.mktemp("base"), options=("--image", "base")) as engine:
        running = Live("dev", engine)
        running.up(SMALL)
        yield running


@pytest.mark.parametrize(("role", "program"), [("web", "haproxy"), ("compute", "Rscript")])
def test_a_node_installs_through_the_nat_gateway_what_the_image_lacks(
    dev: Live, role: str, program: str
) -> None:
    (bare,) = Images(ROOT / ".cache/images").layers("base")
    (node,) = dev.names(role)

    assert not [place for place in ("usr/bin", "usr/sbin") if Path(bare, place, program).exists()]
    installed = dev.on(node, "cat", "/var/log/apt/history.log").stdout
    assert "--no-install-recommends" in installed
    assert dev.on(node, "which", program).returncode == 0
    assert dev.on(node, "systemctl", "is-system-running").stdout == "running\n"


def test_a_model_is_published_and_scored_there(dev: Live) -> None:
    published = dev.script("publish", str(ROOT / "models/iris"))
    scored = dev.script("score", "iris", str(ROOT / "models/iris/request.json"))

    assert published.returncode == 0, published.stderr
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["species"] == "virginica"
