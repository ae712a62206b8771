"""The ports of an R Server environment that runs change, and change back, with all that it has."""

import os
import re
import signal
from pathlib import Path

import pytest

from operations.ports.record import Journal
from tests.support.family import Case
from tests.support.upgrading import STACK, Upgraded, environment

pytestmark = [pytest.mark.engine, pytest.mark.root]


def port(made: Upgraded) -> str:
    return str(made.outputs()["endpoint"]).rpartition(":")[2]


@pytest.mark.timeout(1800)
def test_ports_of_fixed_nodes_change_in_order_and_come_back(tmp_path: Path) -> None:
    with environment(tmp_path, Case(cloud="azure", version="9.1.0")) as made:
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
        made.script("up", "--no-sample")
        assert made.scored() == {"answer": 242.5}

        made.script("ports", "--take-back", "--yes")
        assert port(made) == "12800"
        assert made.scored() == {"answer": 242.5}
        assert made.file.read_text() == before


@pytest.mark.timeout(900)
def test_a_one_box_serves_on_another_port(tmp_path: Path) -> None:
    with environment(tmp_path, Case(cloud="aws", version="9.1.0", topology="one-box")) as made:
        made.script("ports", "--web", "9443", "--yes")
        assert port(made) == "9443"
        assert made.scored() == {"answer": 242.5}
