"""Measures an environment's stages, within the bounds that a person gave."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from operations.capacity import load
from operations.capacity.asking import Caller, Question
from operations.capacity.samples import Stage
from operations.capacity.watching import Watch
from operations.stack import Environment

WARM_SECONDS, WARM_REQUESTS, WARM_SHARE = 2.0, 500, 10
"""A warm-up is so long, and has so many requests at most, and no more than every tenth of all."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much a load may be, all in all."""

    stage: float
    """Seconds of one stage."""

    requests: int
    seconds: float
    """From the first stage's begin to the last one's; a stage that has begun is finished."""

    timeout: float
    """Seconds that one answer may take."""


class Measuring:
    """One environment, asked with a token that all callers share."""

    def __init__(
        self,
        environment: Environment,
        question: Question,
        probes: Mapping[str, Question],
        token: Callable[[], str],
        bounds: Bounds,
        watch: Watch | None = None,
        clocks: load.Clocks | None = None,
    ) -> None:
        self._environment, self._question, self._probes = environment, question, probes
        self._token, self._bounds, self._watch = token, bounds, watch
        self._clocks = clocks or load.Clocks()
        self._budget = load.Budget(bounds.requests)
        self._ends = self._clocks.passing() + bounds.seconds

    def spent(self) -> str:
        """Return which bound is reached; nothing while none is."""
        if self._budget.requests <= 0:
            return f"{self._bounds.requests} requests were the most that were allowed"
        if self._clocks.passing() >= self._ends:
            return f"{self._bounds.seconds / 60:.0f} minutes were the most that were allowed"
        return ""

    def warm_up(self, threads: int) -> None:
        """Ask for a moment, and forget what was heard: R processes load a model when first asked.

        Raises OperationError when there is no token for it.
        """
        caller = partial(self._caller, self._question, self._token())
        stretch = load.Stretch(
            threads=threads,
            seconds=min(WARM_SECONDS, self._bounds.stage),
            patience=self._bounds.timeout + load.LEAVE_SECONDS,
        )
        most = min(WARM_REQUESTS, self._budget.requests // WARM_SHARE)
        spare = load.Budget(most)
        if load.run(stretch, spare, caller, {}, self._clocks).cut:
            raise KeyboardInterrupt
        self._budget.requests -= most - spare.requests

    def _caller(self, question: Question, token: str) -> Caller:
        passing = self._clocks.passing
        return Caller(self._environment, question, token, self._bounds.timeout, passing)

    def stage(self, threads: int) -> Stage:
        """Measure one stage. Raises OperationError when there is no token for it."""
        token, bounds = self._token(), self._bounds

        if self._watch:
            self._watch.begin(bounds.stage)
        stretch = load.Stretch(
            threads=threads,
            seconds=bounds.stage,
            patience=bounds.timeout + load.LEAVE_SECONDS,
            beat=partial(beat, threads) if sys.stderr.isatty() else lambda _seconds, _ended: None,
        )
        probes = {name: partial(self._caller, each, token) for name, each in self._probes.items()}
        caller = partial(self._caller, self._question, token)
        found = load.run(stretch, self._budget, caller, probes, self._clocks)
        return self._watch.told(found) if self._watch else found


def beat(threads: int, seconds: float, ended: int) -> None:
    """Say how far a stage is, on the one line that progress has."""
    sys.stderr.write(f"\r\033[K  with {threads} threads: {ended} requests in {seconds:.0f} s")
    sys.stderr.flush()
