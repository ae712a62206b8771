"""In which order tests run, when several workers share them.

A test whose nodes boot waits half of its time, and all nodes of one moment share the machine's
processors; others compute. So that there is always both to do, those that boot are spread among the
others. Of both the shortest come last: then no worker is alone with a long one at the end.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

LAST = 0.15
"""Part of all other work that is left when the last one that boots begins."""


def in_order(
    found: Sequence[T], boots: Callable[[T], bool], seconds: Callable[[T], float]
) -> list[T]:
    """Those that boot evenly among the others, of both the longest first.

    *seconds* is what one takes, roughly: only how they compare matters.
    """
    booting = sorted((each for each in found if boots(each)), key=lambda each: -seconds(each))
    others = sorted((each for each in found if not boots(each)), key=lambda each: -seconds(each))
    share = sum(map(seconds, others)) * (1 - LAST) / max(len(booting), 1)
    ordered: list[T] = []
    done = 0.0
    for index, each in enumerate(booting):
        ordered.append(each)
        while others and done < (index + 1) * share:
            done += seconds(others[0])
            ordered.append(others.pop(0))
    return ordered + others
