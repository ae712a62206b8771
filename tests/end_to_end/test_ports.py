"""Ports of environments that run change, and change back, with all that the environments have.

Nodes that stay are changed on Azure, nodes that are replaced on AWS. A one-box of the family has
its turn in test_family_upgrade.py, where one runs anyway.
"""

import os
import re
import signal
from pathlib import Path

import pytest
import yaml

from operations.ports.record import Journal
from tests.support.deployed import ENVIRONMENT, stack_config
from tests.support.engine import ROOT, on_sandbox
from tests.support.environments import changed
from tests.support.family import Case
from tests.support.live import SPEED, require_nodes
from tests.support.upgrading import STACK, Upgraded, environment

pytestmark = [pytest.mark.engine, pytest.mark.root]

IRIS = ROOT / "models" / "iris"


def port(made: Upgraded) -> str:
    return str(made.outputs()["endpoint"]).rpartition(":")[2]


@pytest.mark.timeout(1200)
def test_ports_of_nodes_that_stay_change_in_order_and_come_back(tmp_path: Path) -> None:
    with environment(tmp_path, Case(cloud="azure", version="9.1.0", web=1)) as made:
        before = made.file.read_text()
        with made.start("ports", "--web", "9443", "--compute", "9450", "--yes") as process:
            assert process.stdout is not None
            said, line = "", ""
            while not re.match(r"  \d+/\d+ nodes that keep what they were made from", line):
                line = process.stdout.readline()
                assert line, said
                said += line
            os.killpg(process.pid, signal.SIGKILL)
        made.forget()
        record = Journal(made.home / "upgrades", STACK).read()
        assert record is not None
        assert record.under_way

        said = made.script("ports", "--resume", "--yes")
        assert "nobody answers on 12800 any more" in said
        assert port(made) == "9443"
        assert made.scored() == {"answer": 242.5}
        assert "ports: { web: 9443, compute: 9450 }" in made.file.read_text()

        made.script("ports", "--take-back", "--yes")
        assert port(made) == "12800"
        assert made.scored() == {"answer": 242.5}
        assert made.file.read_text() == before


@pytest.mark.timeout(900)
def test_nodes_of_plumber_with_other_ports_take_over(tmp_path: Path) -> None:
    require_nodes()
    (tmp_path / "stacks").mkdir()
    with on_sandbox(tmp_path, options=("--speed", SPEED)) as engine:
        made = Upgraded(tmp_path, engine.environment)
        few = {"web.count": 1, "compute.count": 1, "compute.autoscale": None}
        settings = changed(stack_config("dev-aws")[ENVIRONMENT], few)
        document = {"config": {ENVIRONMENT: settings}}
        made.file.write_text(yaml.safe_dump(document, sort_keys=False))
        made.script("up", "--no-sample")
        made.script("publish", str(IRIS))
        old = set(made.nodes("web") + made.nodes("compute"))

        said = made.script("ports", "--web", "443", "--compute", "9450", "--yes")

        assert "nobody answers on 12800 any more" in said
        assert "is well, with 1 compute nodes or more on 9450" in said
        assert port(made) == "443"
        assert "virginica" in made.script("score", "iris", str(IRIS / "request.json"))
        assert not old & set(made.nodes("web") + made.nodes("compute"))
        said = made.script("up", "--no-sample")
        assert re.search(r"^Resources:\s+\d+ unchanged$", said, re.MULTILINE), said
