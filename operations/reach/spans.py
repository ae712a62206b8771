"""Sets of whole numbers as spans: addresses and ports are numbers, and rules name spans."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spans:
    """A set of numbers: spans that neither touch nor overlap, in order, both ends within."""

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, *spans: tuple[int, int]) -> Self:
        """Return the set of all numbers in *spans*, which may overlap."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted(spans):
            if low > high:
                continue
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    @classmethod
    def union(cls, parts: Iterable["Spans"]) -> Self:
        """Return what is in any of *parts*."""
        return cls.of(*(span for part in parts for span in part.spans))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __or__(self, other: "Spans") -> "Spans":
        return Spans.of(*self.spans, *other.spans)

    def __and__(self, other: "Spans") -> "Spans":
        found: list[tuple[int, int]] = []
        ours, theirs = iter(self.spans), iter(other.spans)
        mine, its = next(ours, None), next(theirs, None)
        while mine and its:
            low, high = max(mine[0], its[0]), min(mine[1], its[1])
            if low <= high:
                found.append((low, high))
            if mine[1] < its[1]:
                mine = next(ours, None)
            else:
                its = next(theirs, None)
        return Spans(tuple(found))

    def __sub__(self, other: "Spans") -> "Spans":
        found: list[tuple[int, int]] = []
        for low, high in self.spans:
            start = low
            for cut_low, cut_high in other.spans:
                if cut_high < start:
                    continue
                if cut_low > high:
                    break
                if cut_low > start:
                    found.append((start, cut_low - 1))
                start = cut_high + 1
            if start <= high:
                found.append((start, high))
        return Spans(tuple(found))

    def covers(self, other: "Spans") -> bool:
        """Return whether all of *other* is in it."""
        return not other - self

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return sum(high - low + 1 for low, high in self.spans)


NONE = Spans()
