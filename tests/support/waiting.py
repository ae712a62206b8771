"""Waiting for what happens beside a test."""

import time
from collections.abc import Callable

PAUSE = 0.2
"""Seconds between looks."""


def until(condition: Callable[[], object], otherwise: str, seconds: float = 150.0) -> None:
    """Return once *condition* holds; *otherwise* says what was awaited for so long."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{otherwise}, also not after {seconds:.0f} seconds")
        time.sleep(PAUSE)
