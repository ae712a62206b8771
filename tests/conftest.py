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


APART = ("tests/end_to_end/test_stacks.py", "tests/end_to_end/test_upgrade.py")
"""Modules whose tests share nothing and take long: each test goes to whichever worker is free."""


ALONE = ("tests/end_to_end/test_faults.py", "tests/end_to_end/test_scan.py")
"""Modules of one test that takes very long."""


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
        """A test of the engine takes some ten seconds, one that has a worker for itself more."""
        engine = 90.0 if scope in ALONE else 30.0 if scope.startswith(APART) else 8.0
        engines, roots = marked(scope, "engine"), marked(scope, "root")
        return engine * engines + 2.0 * roots + 0.05 * len(scopes[scope])

    order = in_order(list(scopes), lambda scope: marked(scope, "engine", "root") > 0, seconds)
    items[:] = [item for scope in order for item in scopes[scope]]
