"""Groups of fixed nodes under the real engine: one machine a node, changed one at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployed import Deployed
from tests.support.engine import SAME, on_sandbox

pytestmark = pytest.mark.engine

MACHINE = "azure-native:compute:VirtualMachine"
FIXED = {
    "web.nodes": "fixed",
    "compute": {"nodes": "fixed", "size": "Standard_D2s_v5", "count": 3},
}


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Deployed]:
    with on_sandbox(tmp_path) as engine:
        yield Deployed("dev", engine)


def test_new_content_comes_node_by_node_at_the_same_addresses(dev: Deployed) -> None:
    dev.up(FIXED)
    assert dev.up(FIXED).changes == []
    before = dev.engine.outputs("dev")["groups"]["compute"]["addresses"]

    result = dev.up({**FIXED, "compute.disk.size": 64})
    steps = [s for s in result.steps if s.type == MACHINE and s.op not in SAME | {"replace"}]

    assert [(s.op, s.name) for s in steps] == [
        (op, f"dev-compute-nodes-{number}")
        for number in (1, 2, 3)
        for op in ("delete-replaced", "create-replacement")
    ]
    assert dev.engine.outputs("dev")["groups"]["compute"]["addresses"] == before
