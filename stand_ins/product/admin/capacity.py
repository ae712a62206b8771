"""Capacity evaluation (facts.md 14.3): more and more requests at once, until a limit."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from stand_ins.product.admin.client import Client

NAME, VERSION = "capacity-evaluation", "1.0"
DEFAULT = {
    "code": "y <- x + 1",
    "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
    "outputParameterDefinitions": [{"name": "y", "type": "numeric"}],
}


@dataclass(frozen=True)
class Steps:
    """How many requests at once."""

    first: int
    last: int
    increment: int


@dataclass(frozen=True)
class Chosen:
    """The service under test; without a name, one that is made for it."""

    name: str
    version: str
    inputs: Any


def run(client: Client, steps: Steps, limit: float | None, chosen: Chosen) -> None:
    """Print a line for each step; end when a request takes longer than *limit* milliseconds."""
    if chosen.name:
        _run(client, steps, limit, chosen)
        return
    client.call("POST", f"/services/{NAME}/{VERSION}", DEFAULT)
    try:
        _run(client, steps, limit, Chosen(NAME, VERSION, {"x": 1}))
    finally:
        client.call("DELETE", f"/services/{NAME}/{VERSION}")


def _run(client: Client, steps: Steps, limit: float | None, chosen: Chosen) -> None:
    path = f"/api/{chosen.name}/{chosen.version}"

    def ask(_number: int) -> float:
        begun = time.monotonic()
        client.call("POST", path, chosen.inputs)
        return 1000 * (time.monotonic() - begun)

    for threads in range(steps.first, steps.last + 1, max(1, steps.increment)):
        with ThreadPoolExecutor(threads) as pool:
            taken = list(pool.map(ask, range(threads)))
        average = sum(taken) / len(taken)
        sys.stdout.write(
            f"Average latency of web node requests with {threads} threads was {average:.0f}ms\n"
        )
        if limit is not None and max(taken) > limit:
            return
