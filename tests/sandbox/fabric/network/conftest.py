"""A sandbox's networks for each test that asks, gone afterwards whatever happened."""

from collections.abc import Iterator

import pytest

from tests.sandbox.fabric.network.town import Town, ip


@pytest.fixture
def town(tmp_path) -> Iterator[Town]:
    made = Town(tmp_path)
    try:
        yield made
    finally:
        made.another().clear()
        # The root namespace is as it was: nothing there has the sandbox's name or addresses.
        seen = ip("netns") + ip("link") + ip("addr") + ip("route", "show", "table", "all")
        assert made.prefix not in seen
        assert str(made.pool[1]) not in seen
