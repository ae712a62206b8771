"""What every test stands on."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.support.engine import Engine, on_sandbox
from tests.support.loops import new_loop
from tests.support.ordering import in_order

# Tests that several modules import (tests/support/access.py) explain themselves too.
pytest.register_assert_rewrite("tests.support.access")


@pytest.fixture(autouse=True)
def event_loop_of_its_own() -> Iterator[None]:
    """An open loop for tests that make outputs outside `deploy`; SDK 3.272 would leak one."""
    loop = new_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The real engine on a sandbox daemon that this module's tests share; mark them `engine`."""
    with on_sandbox(tmp_path_factory.mktemp("engine")) as running:
        yield running


APART = (
    "tests/end_to_end/test_stacks.py",
    "tests/end_to_end/test_upgrade.py",
    "tests/end_to_end/test_family_upgrade.py",
    "tests/end_to_end/test_ports.py",
)
"""Modules whose tests share nothing and take long: each test goes to whichever worker is free."""

SECONDS = {
    "tests/end_to_end/test_r_server_family.py": 480,
    "tests/end_to_end/test_family_upgrade.py::test_9_0_1": 440,
    "tests/end_to_end/test_family_beside.py": 360,
    "tests/end_to_end/test_diagnose.py": 300,
    "tests/end_to_end/test_ports.py::test_ports": 270,
    "tests/end_to_end/test_family_upgrade.py::test_a_one_box": 130,
    "tests/end_to_end/test_ports.py::test_nodes": 115,
    "tests/end_to_end/test_capacity.py": 180,
    "tests/end_to_end/test_to_enterprise.py": 156,
    "tests/end_to_end/test_changes.py": 150,
    "tests/end_to_end/test_one_box.py": 120,
    "tests/end_to_end/test_secrets.py": 120,
    "tests/end_to_end/test_housekeeping.py": 120,
    "tests/end_to_end/test_endpoint_traffic.py": 120,
    "tests/end_to_end/test_changes_aws.py": 90,
    "tests/end_to_end/test_secrets_aws.py": 90,
    "tests/end_to_end/test_at_once.py": 90,
    "tests/end_to_end/test_scan.py": 80,
    "tests/end_to_end/test_faults.py": 80,
    "tests/end_to_end/test_base_image.py": 80,
    "tests/end_to_end/test_stacks.py": 25,
}
"""About what the slowest take, by how their names begin; others are guessed from their marks."""

OF_TIMEOUT = 0.25
"""Part of its own timeout that a test takes, roughly: whoever sets one knows that it is slow."""


class _Scheduling(LoadFileScheduling):
    """One file stays with one worker, so that what a module deploys once is deployed once."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope_of(nodeid)


def _scope_of(nodeid: str) -> str:
    return nodeid if nodeid.startswith(APART) else nodeid.partition("::")[0]


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not in what has been imported: it takes a third of the time of
    tests that declare environments, whose objects are many and go by themselves.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    """Distribute tests over the workers."""
    return _Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread what waits for nodes among what computes (tests/support/ordering.py)."""
    scopes: dict[str, list[pytest.Item]] = {}
    for item in items:
        scopes.setdefault(_scope_of(item.nodeid), []).append(item)

    def marked(scope: str, *marks: str) -> int:
        names = [{mark.name for mark in item.iter_markers()} for item in scopes[scope]]
        return sum(found.issuperset(marks) for found in names)

    def seconds(scope: str) -> float:
        """As measured, or else: a test of the engine takes some ten seconds, others less."""
        if known := [taken for name, taken in SECONDS.items() if scope.startswith(name)]:
            return known[0]
        engines, roots = marked(scope, "engine"), marked(scope, "root")
        own = [mark.args[0] for item in scopes[scope] for mark in item.iter_markers("timeout")]
        guessed = 8.0 * engines + 2.0 * roots + 0.05 * len(scopes[scope])
        return max(guessed, OF_TIMEOUT * max(own, default=0))

    order = in_order(list(scopes), lambda scope: marked(scope, "engine", "root") > 0, seconds)
    items[:] = [item for scope in order for item in scopes[scope]]
