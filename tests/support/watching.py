"""Whatever runs on nodes while one looks, however short it lives: arguments and environments."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PAUSE = 0.01
"""Seconds between two looks: a process that starts, asks the network and ends takes longer."""


class Watch:
    """What was seen: a process's arguments and its environment, each as the kernel shows them."""

    def __init__(self, prefix: str) -> None:
        self.seen: set[bytes] = set()
        self._prefix = prefix
        self._known: dict[str, bool] = {}

    def look(self) -> None:
        """Look once at every process of the nodes and the databases."""
        places = self._places()
        there = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - often
        self._known = {name: self._known[name] for name in there if name in self._known}
        for name in there:
            with suppress(OSError):  # it has ended
                if name not in self._known:
                    self._known[name] = _number(f"/proc/{name}/ns/net") in places
                if self._known[name]:
                    for part in ("cmdline", "environ"):
                        with open(f"/proc/{name}/{part}", "rb") as file:  # noqa: PTH123 - often
                            self.seen.add(file.read())

    def _places(self) -> set[int]:
        found = set()
        for kind in ("machine", "database"):
            for place in Path("/run/netns").glob(f"{self._prefix}-{kind}-*"):
                with suppress(OSError):  # it has gone
                    found.add(_number(str(place)))
        return found


def _number(namespace: str) -> int:
    return os.stat(namespace).st_ino  # noqa: PTH116 - often


@contextmanager
def watching(prefix: str) -> Iterator[Watch]:
    """Watch the nodes of the sandbox whose names begin with *prefix* until the context ends.

    They need not be there yet.
    """
    watch, over = Watch(prefix), threading.Event()

    def go_on() -> None:
        while not over.wait(PAUSE):
            watch.look()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
