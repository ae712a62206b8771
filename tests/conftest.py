"""What every test stands on."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.support.engine import Engine, on_sandbox
from tests.support.loops import new_loop

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


class _Scheduling(LoadFileScheduling):
    """One file stays with one worker, so that what a module deploys once is deployed once."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(APART) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    """Distribute tests over the workers."""
    return _Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no worker is alone with them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("engine") is None)
