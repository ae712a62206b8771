"""Waits politely for what an environment has promised."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0


def until(attempt: Callable[[], T], done: Callable[[T], bool], seconds: float) -> T:
    """Return the first result of *attempt* that is *done*, or the last after *seconds*.

    The pauses grow, so that many who wait do not hold up what they wait for.
    """
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        result = attempt()
        left = deadline - time.monotonic()
        if done(result) or left <= 0:
            return result
        time.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE)
