"""Callers who each ask again as soon as they were answered: a closed loop, bounded in every way.

With a closed loop there are never more requests under way than callers, so that an environment that
is at its end is not pushed beyond it. What it hides, the requests that would have come while a
caller waited, is why the recommendation speaks of arrivals and not of callers (Little's law).
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from operations.capacity.samples import Sample, Stage, gathered

BEAT_SECONDS = 0.25
"""How often somebody who watches hears how far a stage is."""

PROBE_PAUSE = 0.2
"""Seconds between two probes of one kind: they must not be the load."""

LEAVE_SECONDS = 5.0
"""How long callers may take to come back from their last request when somebody ends it all."""


UNANSWERED = "no answer in time"


class Asker(Protocol):
    """One caller, with a connection of its own."""

    def ask(self) -> Sample:
        """Ask once. Never raises for what an environment does or does not say."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


@dataclass
class Budget:
    """How many requests there may be in all."""

    requests: int
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self) -> bool:
        """Take one of them; False when none is left."""
        with self._lock:
            if self.requests <= 0:
                return False
            self.requests -= 1
            return True


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """What time it is."""

    passing: Callable[[], float] = time.monotonic
    working: Callable[[], float] = time.process_time
    """Processor time of this program, all threads together."""

    wall: Callable[[], float] = time.time


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One stage's bounds, and who hears of it."""

    threads: int
    seconds: float
    patience: float = LEAVE_SECONDS
    """How long the last requests may take after that: callers have a limit of their own."""

    beat: Callable[[float, int], None] = lambda _seconds, _ended: None
    """Called with the seconds that have passed and the requests that have ended."""


class _Crowd:
    """Who still asks, and what they have heard."""

    def __init__(self, callers: int) -> None:
        self.over = threading.Event()
        self.gone = threading.Event()
        self._left, self._lock = callers, threading.Lock()
        self.samples: list[list[Sample]] = [[] for _ in range(callers)]

    @property
    def left(self) -> int:
        """How many have not come back."""
        return self._left

    @property
    def ended(self) -> int:
        """How many requests have ended."""
        return sum(map(len, self.samples))

    def leave(self) -> None:
        """One caller has come back."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.gone.set()


def run(
    stretch: Stretch,
    budget: Budget,
    caller: Callable[[], Asker],
    probes: Mapping[str, Callable[[], Asker]],
    clocks: Clocks,
) -> Stage:
    """Ask with many callers at once, and return what was measured.

    Ctrl-C ends it: what was measured until then is returned, as a stage that was cut.
    """
    crowd = _Crowd(stretch.threads)
    probed: dict[str, list[float]] = {name: [] for name in probes}
    # Daemons: a caller whose last answer does not come must not keep a person from his prompt.
    threads = [
        *(_thread(_probing, probe, crowd.over, probed[name]) for name, probe in probes.items()),
        *(_thread(_asking, caller, budget, crowd, kept) for kept in crowd.samples),
    ]
    wall, began, worked = clocks.wall(), clocks.passing(), clocks.working()
    cut = False
    try:
        for thread in threads:
            thread.start()
        while not crowd.gone.is_set() and (left := stretch.seconds + began - clocks.passing()) > 0:
            crowd.gone.wait(min(left, BEAT_SECONDS))
            stretch.beat(clocks.passing() - began, crowd.ended)
    except KeyboardInterrupt:
        cut = True
    worked, measured = clocks.working() - worked, clocks.passing() - began
    crowd.over.set()
    try:
        crowd.gone.wait(LEAVE_SECONDS if cut else stretch.patience)
    except KeyboardInterrupt:
        cut = True
    samples = [sample for kept in crowd.samples for sample in list(kept)]
    if not cut:
        samples += [Sample(seconds=stretch.patience, error=UNANSWERED)] * crowd.left
    return gathered(
        stretch.threads,
        samples,
        {name: list(values) for name, values in probed.items()},
        # Requests that were under way at the end belong to the stage, and so does their time.
        seconds=clocks.passing() - began,
        client=worked / measured if measured > 0 else 0.0,
        began=wall,
        cut=cut,
    )


def _thread(target: Callable[..., None], *arguments: object) -> threading.Thread:
    return threading.Thread(target=target, args=arguments, daemon=True)


def _asking(caller: Callable[[], Asker], budget: Budget, crowd: _Crowd, kept: list[Sample]) -> None:
    try:
        asker = caller()
        try:
            while not crowd.over.is_set() and budget.take():
                kept.append(asker.ask())
        finally:
            asker.close()
    finally:
        crowd.leave()


def _probing(probe: Callable[[], Asker], over: threading.Event, kept: list[float]) -> None:
    asker = probe()
    try:
        while not over.is_set():
            sample = asker.ask()
            if not sample.error:
                kept.append(sample.seconds)
            over.wait(PROBE_PAUSE)
    finally:
        asker.close()
