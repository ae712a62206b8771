"""Event loops for programs under Pulumi's mocks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class InPlaceExecutor(ThreadPoolExecutor):
    """Runs each call at once in the caller's thread.

    The SDK hands every registration to the default executor; under mocks a thread adds nothing
    but another event loop that nobody closes.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop whose default executor runs calls in place; the caller closes it."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(InPlaceExecutor(max_workers=1))
    return loop
