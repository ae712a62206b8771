"""Whatever runs on nodes while one looks, however short it lives: arguments and environments."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PAUSE = 0.002
"""Seconds between two looks: a process that starts, asks the network and ends takes longer."""


class Watch:
    """What was seen: a process's arguments and its environment, each as the kernel shows them."""

    def __init__(self, prefix: str) -> None:
        self.seen: set[bytes] = set()
        self._places = {
            os.stat(place).st_ino  # noqa: PTH116 - a namespace's number, not a path's
            for place in Path("/run/netns").glob(f"{prefix}-machine-*")
        }
        self._known: dict[str, bool] = {}

    def look(self) -> None:
        """Look once at every process of the nodes."""
        there = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - often
        self._known = {name: self._known[name] for name in there if name in self._known}
        for name in there:
            with suppress(OSError):  # it has ended
                if name not in self._known:
                    self._known[name] = os.stat(f"/proc/{name}/ns/net").st_ino in self._places  # noqa: PTH116
                if self._known[name]:
                    for part in ("cmdline", "environ"):
                        with open(f"/proc/{name}/{part}", "rb") as file:  # noqa: PTH123
                            self.seen.add(file.read())


@contextmanager
def watching(prefix: str) -> Iterator[Watch]:
    """Watch the nodes of the sandbox whose names begin with *prefix* until the context ends."""
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
