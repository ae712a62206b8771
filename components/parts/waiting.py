"""Makes the end of the program take time in proportion to its resources, not to their square.

When the program has declared everything, Pulumi's SDK waits until no output is open. It waits for
the first of them to complete, again and again, and each time puts a callback on every open one and
takes it off: with 900 resources that is a minute of a preview (SDK 3.272, `wait_for_rpcs`). To wait
until all are complete, or one has failed, comes to the same: outputs that were made in the meantime
are found by the next turn either way.
"""

import asyncio
from types import ModuleType
from typing import Any

from pulumi.runtime import stack


class _Asyncio(ModuleType):
    """asyncio as the SDK's module sees it."""

    FIRST_COMPLETED = asyncio.FIRST_EXCEPTION

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


def wait_for_all_at_once() -> None:
    """Let the SDK wait for all open outputs at once. Call it before anything is declared."""
    vars(stack)["asyncio"] = _Asyncio("asyncio")
