"""What goes wrong around an environment that runs, and what is left of it: nothing lost, nothing
left over, a clear word."""

import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import traces
from tests.support.engine import ROOT, on_sandbox, run_sandbox, sandbox
from tests.support.live import Live, require_nodes
from tests.support.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.root]

SMALL: dict[str, Any] = {
    "web.count": 1,
    "compute": {"count": 1, "size": "Standard_D2s_v5"},
}
"""One node of each kind: what happens to a node does not depend on how many there are."""
PATIENT, HASTY = ("--speed", "4"), ("--speed", "40")
"""A host that starts again may take minutes; one that stays away is replaced after seconds."""
SECONDS = 240.0
SPARE = 32 << 20
"""Bytes that are not taken at once: the file system needs some for the file itself."""


@pytest.fixture(scope="module")
def untouched() -> dict[str, list[str]]:
    """The machine before the sandbox."""
    return traces.machine()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose `sandbox` is a disk of its own, which a test may fill."""
    made = tmp_path_factory.mktemp("housekeeping")
    disk, place = made / "disk", made / "sandbox"
    place.mkdir(mode=0o700)
    with disk.open("w") as file:
        file.truncate(3 << 30)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(disk)], check=True)
    loop = ["mount", "-o", "loop", str(disk), str(place)]
    if subprocess.run(loop, capture_output=True, check=False).returncode:
        memory = ["mount", "-t", "tmpfs", "-o", "size=3g,mode=0700", "tmpfs", str(place)]
        subprocess.run(memory, check=True)
    try:
        yield made
    finally:
        subprocess.run(["umount", str(place)], check=True)
        disk.unlink()


@pytest.fixture(scope="module")
def dev(folder: Path, untouched: dict[str, list[str]]) -> Iterator[Live]:
    require_nodes()
    with on_sandbox(folder, options=PATIENT) as engine:
        running = Live("dev", engine)
        running.up(SMALL)
        published = running.script("publish", str(ROOT / "models/iris"))
        assert published.returncode == 0, published.stderr
        yield running


def score(dev: Live) -> Any:
    """The species that the published model says."""
    done = dev.script("score", "iris", str(ROOT / "models/iris/request.json"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["species"]


def kill(dev: Live) -> None:
    """kill -9 of the daemon."""
    daemon = psutil.Process(json.loads(dev.home.running.read_text())["pid"])
    daemon.kill()
    daemon.wait(10)


def start(dev: Live, *options: str) -> None:
    """Start the sandbox, and point the engine at it."""
    sandbox(dev.engine.environment, "start", *options)
    exports = sandbox(dev.engine.environment, "env")
    ports = next(line for line in exports.splitlines() if "PULUMI_DEBUG_PROVIDERS" in line)
    dev.engine.environment["PULUMI_DEBUG_PROVIDERS"] = ports.partition("=")[2]


def node(dev: Live, role: str) -> dict[str, Any]:
    (found,) = [each for each in dev.nodes if f"-{role}" in each["name"]]
    return found


def names(dev: Live, role: str) -> list[str]:
    """Of the nodes of *role*: none for a moment, between one that goes and its successor."""
    return [each["name"] for each in dev.nodes if f"-{role}" in each["name"]]


def await_that(condition: Callable[[], object]) -> None:
    until(condition, "it does not come true", SECONDS)


@contextmanager
def filled(dev: Live, *, but: int = 0) -> Iterator[None]:
    """The sandbox's disk is full, *but* for some bytes."""
    filler = dev.home.root / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            free = shutil.disk_usage(dev.home.root).free
            os.posix_fallocate(file.fileno(), 0, free - (but or SPARE))
            file.seek(0, os.SEEK_END)
            for size in () if but else (1 << 16, 1 << 9):
                while took(file, size):
                    pass
        yield
    finally:
        filler.unlink()


def took(file: io.FileIO, size: int) -> bool:
    """Whether there was room for so many bytes more."""
    try:
        return file.write(bytes(size)) == size
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return False
        raise


def is_ready(found: dict[str, Any]) -> bool:
    return found["phase"] == "ready" and found["healthy"] is not False


def test_nodes_serve_without_the_daemon_and_the_next_one_adopts_them(dev: Live) -> None:
    running, names = traces.guests(dev.home), [each["name"] for each in dev.nodes]

    kill(dev)
    status = run_sandbox(dev.engine.environment, "status").stdout

    assert score(dev) == "virginica"
    assert "does not run; scripts/sandbox start" in status
    assert "run on without it; scripts/sandbox stop ends them too" in status
    start(dev, *PATIENT)
    assert traces.guests(dev.home) == running
    assert [each["name"] for each in dev.nodes] == names
    assert all(is_ready(each) for each in dev.nodes)
    assert dev.up(SMALL).changes == []
    assert score(dev) == "virginica"


def test_a_host_that_dies_starts_again_with_its_name_and_its_disk(dev: Live) -> None:
    before = node(dev, "compute")
    dev.on(before["name"], "touch", "/srv/kept")

    os.kill(traces.guests(dev.home)[before["name"]], signal.SIGKILL)
    await_that(lambda: node(dev, "compute")["restarts"] == 1)
    await_that(lambda: is_ready(node(dev, "compute")))

    after = node(dev, "compute")
    assert (after["name"], after["address"]) == (before["name"], before["address"])
    assert dev.on(after["name"], "ls", "/srv/kept").returncode == 0
    assert score(dev) == "virginica"


def test_a_disk_that_gets_full_stops_what_is_new_and_nothing_else(dev: Live) -> None:
    more = {**SMALL, "compute": {**SMALL["compute"], "count": 2}}

    with filled(dev, but=200 << 20):
        refused = dev.engine.up("dev", dev.configure(more))
        status = sandbox(dev.engine.environment, "status")
        assert score(dev) == "virginica"
    assert refused.exit_code != 0
    for words in (refused.display, status):
        assert re.search(r"host compute0\S+ can't start: \S+ has only \d+ MB free", words), words
        assert "make room on that disk" in words
    await_that(lambda: len(dev.nodes) == 3 and all(map(is_ready, dev.nodes)))

    dev.up(SMALL)
    await_that(lambda: len(dev.nodes) == 2)
    assert dev.up(SMALL).changes == []
    assert score(dev) == "virginica"


def test_stop_leaves_only_files_and_start_goes_on_with_them(
    dev: Live, untouched: dict[str, list[str]]
) -> None:
    groups, names = traces.groups(dev.home), [each["name"] for each in dev.nodes]

    assert sandbox(dev.engine.environment, "stop") == "The sandbox stopped.\n"

    assert traces.left(dev.home, groups) == []
    assert traces.machine() == untouched
    assert {each["phase"] for each in dev.nodes} == {"off"}
    with filled(dev):
        refused = run_sandbox(dev.engine.environment, "start", *PATIENT)
        assert refused.returncode == 1
        assert f"{dev.home.state} can't be used: " in refused.stderr
        assert "make room on that disk" in refused.stderr
    start(dev, *PATIENT)
    sandbox(dev.engine.environment, "wait")
    assert [each["name"] for each in dev.nodes] == names
    assert score(dev) == "virginica"


def test_stop_cleans_up_after_a_daemon_that_was_killed(
    dev: Live, untouched: dict[str, list[str]]
) -> None:
    groups = traces.groups(dev.home)
    kill(dev)

    assert sandbox(dev.engine.environment, "stop") == "The sandbox stopped.\n"

    assert traces.left(dev.home, groups) == []
    assert traces.machine() == untouched
    assert sandbox(dev.engine.environment, "stop") == "The sandbox was not running.\n"
    start(dev, *PATIENT)
    sandbox(dev.engine.environment, "wait")
    assert score(dev) == "virginica"


def test_a_host_that_is_off_and_one_that_is_unwell_are_replaced(dev: Live) -> None:
    kill(dev)
    start(dev, *HASTY)
    web, compute = node(dev, "web"), node(dev, "compute")

    dev.on(web["name"], "systemctl", "poweroff", check=False)
    dev.on(compute["name"], "systemctl", "stop", "operationalization-proxy.service")
    await_that(lambda: node(dev, "web")["phase"] == "stopped")
    assert node(dev, "web")["reason"] == "it powered itself off"
    await_that(lambda: node(dev, "compute")["healthy"] is False)

    for before in (web, compute):
        role = "web" if before is web else "compute"
        await_that(lambda role=role, before=before: names(dev, role) not in ([], [before["name"]]))
        await_that(lambda role=role: is_ready(node(dev, role)))
        assert node(dev, role)["incarnation"] != before["incarnation"]
    assert score(dev) == "virginica"


def test_destroy_leaves_nothing_but_the_daemon(dev: Live, untouched: dict[str, list[str]]) -> None:
    groups = traces.groups(dev.home)

    result = dev.engine.destroy("dev")

    assert result.exit_code == 0, result.display
    assert dev.nodes == []
    assert [line for line in traces.left(dev.home, groups) if "sandbox start" not in line] == []
    assert traces.machine() == untouched
    assert [*dev.home.hosts.iterdir(), *dev.home.databases.iterdir()] == []
