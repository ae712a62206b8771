"""An R Server environment that runs comes to newer versions in place, and keeps what it has."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from operations.upgrade.environment import Published
from operations.upgrade.journal import Journal
from tests.support import r_repository
from tests.support.family import Case
from tests.support.upgrading import (
    SERVICE,
    SETTINGS,
    STACK,
    Upgraded,
    environment,
    upgrade,
)

pytestmark = [pytest.mark.engine, pytest.mark.root]

OWN = "MaxNumberOfThreadsPerBatchExecution"
"""A setting that no stack file has; a person has set it on the nodes."""

SET_IT = f"""
import json, sys
path = sys.argv[1]
text = open(path, encoding="utf-8-sig").read()
found = json.loads(text)
found["{OWN}"] = 42
open(path, "w", encoding="utf-8").write(json.dumps(found, indent=2))
"""


def killed_at(made: Upgraded, step: str, product: str, version: str) -> None:
    """Begin an upgrade, and kill it when it begins *step*."""
    with made.start("upgrade", *upgrade(made, product, version)) as process:
        assert process.stdout is not None
        said, line = "", ""
        while not re.match(rf"  \d+/\d+ {step}", line):
            line = process.stdout.readline()
            assert line, said
            said += line
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.timeout(1800)
def test_9_0_1_comes_to_9_1_0_and_to_9_4_7_with_its_services_and_settings(tmp_path: Path) -> None:
    with environment(tmp_path, Case(cloud="azure", version="9.0.1")) as made:
        web, compute = made.nodes("web"), made.nodes("compute")
        for node in web:
            made.on(node, "bash", "-c", f"python3 -c '{SET_IT}' {SETTINGS}")

        # A run that is killed when the cut-over has begun, and gone on with.
        killed_at(made, rf"{web[0]} gets rserver 9\.1\.0", "rserver", "9.1.0")
        record = Journal(made.home / "upgrades", STACK).read()
        assert record is not None
        assert record.state == "forward"
        assert "9.0.1" in made.file.read_text()

        said = made.script("upgrade", "--resume", "--yes")

        assert [made.version(node) for node in web + compute] == ["rserver 9.1.0"] * 3
        assert f"stack '{STACK}' has rserver 9.1.0" in said
        assert "lost" not in said
        assert made.scored() == {"answer": 242.5}
        assert [made.settings(node)[OWN] for node in web] == [42, 42]
        assert re.search(r"version: 9\.1\.0\n", made.file.read_text())

        made.script("up", "--no-sample")
        assert [made.version(node) for node in web + compute] == ["rserver 9.1.0"] * 3

        # On to ML Server, and back: the database is as it was at the cut-over.
        made.script("upgrade", *upgrade(made, "mlserver", "9.4.7"))
        assert [made.version(node) for node in web + compute] == ["mlserver 9.4.7"] * 3
        assert made.scored() == {"answer": 242.5}
        assert [made.settings(node)[OWN] for node in web] == [42, 42]
        assert made.asked("POST", "/services/late/1.0", SERVICE).status == 201

        made.script("upgrade", "--take-back", "--yes")
        assert [made.version(node) for node in web + compute] == ["rserver 9.1.0"] * 3
        assert made.scored() == {"answer": 242.5}
        assert Published(made.environment()).published() == ("cars 1.0",)
        assert [made.settings(node)[OWN] for node in web] == [42, 42]
        assert "product: rserver" in made.file.read_text()


@pytest.mark.timeout(900)
def test_a_one_box_on_aws_takes_its_sqlite_file_along_there_and_back(tmp_path: Path) -> None:
    case = Case(cloud="aws", version="9.1.0", topology="one-box", packages=True)
    with environment(tmp_path, case) as made:
        (box,) = made.nodes("one-box")
        assert packages_of(made, box) == "rserver 9.1.0"
        said = made.script("upgrade", *upgrade(made, "mlserver", "9.4.7"))

        assert made.version(box) == "mlserver 9.4.7"
        assert "lost" not in said
        assert made.scored() == {"answer": 242.5}
        assert packages_of(made, box) == "mlserver 9.4.7"
        # A boot fetches nothing: the files of the new version are there.
        found = json.loads(made.on(box, "cat", "/etc/operationalization/node.json"))
        there = made.on(box, "cat", "/var/lib/operationalization/bundle").strip()
        assert found["bundle"]["sha256"] == there
        assert there in found["bundle"]["uri"]

        made.script("upgrade", "--take-back", "--yes")
        assert made.version(box) == "rserver 9.1.0"
        assert made.scored() == {"answer": 242.5}
        assert packages_of(made, box) == "rserver 9.1.0"

        # One that stays gets other ports as it gets other settings: docs/ports.md.
        made.script("ports", "--web", "9443", "--yes")
        assert made.outputs()["endpoint"].endswith(":9443")
        assert made.scored() == {"answer": 242.5}


def packages_of(made: Upgraded, node: str) -> str:
    """Which version's library has had the R packages installed last; they must load."""
    assert made.on(node, "Rscript", "-e", f"cat({r_repository.CALL})") == "2"
    mark = made.on(node, "cat", "/var/lib/operationalization/r-packages")
    return " ".join(mark.split()[:2])
