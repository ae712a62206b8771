"""An evaluation: stage after stage, as the strategy has it, within bounds."""

from collections.abc import Callable
from dataclasses import dataclass

from operations.capacity.samples import Stage
from operations.capacity.strategies import INTERRUPTED, Strategy
from operations.errors import OperationError

Measure = Callable[[int], Stage]
"""Measures with so many parallel requests."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All stages, and why there are no more."""

    stages: tuple[Stage, ...]
    ended: str

    @property
    def interrupted(self) -> bool:
        """Whether somebody ended it."""
        return self.ended == INTERRUPTED


def evaluate(
    strategy: Strategy,
    measure: Measure,
    spent: Callable[[], str],
    note: Callable[[Stage], None],
) -> Measured:
    """Measure until the strategy has enough, or a bound is *spent*: the word for which one.

    Ctrl-C between two stages ends it like one within a stage.
    """
    stages: list[Stage] = []
    try:
        while not (why := strategy.ended(stages)):
            if bound := spent():
                why = bound
                break
            threads = strategy.threads(len(stages))
            if threads is None:
                why = "there is nothing more to measure"
                break
            stage = measure(threads)
            stages.append(stage)
            note(stage)
    except KeyboardInterrupt:
        why = INTERRUPTED
    except OperationError as error:
        # What was measured until then is worth its report all the same.
        why = f"{error.what}: {error.why}"
    return Measured(stages=tuple(stages), ended=why)
