"""Worlds that tests of AWS's kinds begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.account import Aws, account


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    """An empty account, from eu-central-1."""
    made = account(tmp_path)
    yield made
    made.store.close()
