"""Where nodes can't boot: the control plane works as ever, and says what is off and why."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.home import Home
from tests.support import traces
from tests.support.deployed import Deployed
from tests.support.engine import ROOT, Engine, exports, require_engine, run_sandbox, sandbox

pytestmark = [pytest.mark.engine, pytest.mark.root]

# Somebody who is not root, and yet may read this folder wherever it is.
NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[dict[str, str]]:
    require_engine()
    variables = {"OPERATIONALIZATION_SANDBOX_HOME": str(tmp_path / "sandbox")}
    yield variables
    sandbox(variables, "stop")


def test_without_root_all_works_but_nodes(home: dict[str, str], tmp_path: Path) -> None:
    started = subprocess.run(
        [*NOBODY, str(ROOT / "scripts/sandbox"), "start"],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        check=True,
    )
    dev = Deployed("dev", Engine(tmp_path, variables={**home, **exports(sandbox(home, "env"))}))

    dev.up()

    reason = "root is needed, and this runs as a user"
    assert f"Nodes don't boot: {reason}.\n" in started.stdout
    status = json.loads(sandbox(home, "status", "--json"))
    assert status["nodesOff"] == [reason]
    assert status["nodes"] == []
    assert len(dev.resources("azure-native:compute:VirtualMachineScaleSet")) == 2
    assert dev.up().changes == []
    assert run_sandbox(home, "wait").returncode == 3
    left = traces.left(Home(Path(home["OPERATIONALIZATION_SANDBOX_HOME"])), set())
    assert len(left) == 1, "the daemon alone"


def test_a_tool_that_is_missing_is_named_with_its_package(
    home: dict[str, str], tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for tool in Path(folder).iterdir() if Path(folder).is_dir() else ():
            if tool.name != "nft" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)

    started = sandbox({**home, "PATH": str(tools)}, "start")

    assert "Nodes don't boot: Debian's tools are missing: apt-get install nftables.\n" in started
    shown = sandbox(home, "status")
    assert "don't boot: Debian's tools are missing: apt-get install nftables" in shown
