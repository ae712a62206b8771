"""What was measured: single answers, and a stage of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PERCENTILES = (50, 75, 90, 95, 99)
PING = "web node alone"
"""A probe that a web node answers by itself (`/ping`)."""
CATALOGUE = "API and database"
"""A probe that a web node answers out of the database (`/services/NAME/VERSION`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One request that ended."""

    seconds: float
    error: str = ""
    """Why it was not answered as it must be; empty for a good answer."""

    parts: Mapping[str, float] = field(default_factory=dict)
    """Seconds in parts of the environment, where it says them (`timing.py`)."""


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the nearest rank of *ordered*: a value that was measured, and no other.

    So many percent of the values are no larger than it. Raises ValueError for no values.
    """
    if not ordered:
        raise ValueError("a percentile of nothing")
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Seconds, many of them, as a few numbers."""

    count: int
    mean: float
    percentiles: Mapping[int, float]
    largest: float

    @property
    def median(self) -> float:
        """Half are no larger."""
        return self.percentiles[50]

    @property
    def p95(self) -> float:
        """What callers are promised."""
        return self.percentiles[95]


def figures(seconds: Sequence[float]) -> Figures | None:
    """Return *seconds* in a few numbers; None for none."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return Figures(
        count=len(ordered),
        mean=math.fsum(ordered) / len(ordered),
        percentiles={each: percentile(ordered, each) for each in PERCENTILES},
        largest=ordered[-1],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Busy:
    """What machines of one tier said of a stage; the busiest one counts."""

    cpu: float
    """Share of its processors' time, 0 to 1."""

    nodes: int
    """How many machines said something."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What was measured with one number of parallel requests."""

    threads: int
    seconds: float
    """How long it took."""

    answers: Figures | None
    """Good answers; None when there was none."""

    errors: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, Figures] = field(default_factory=dict)
    probes: Mapping[str, Figures] = field(default_factory=dict)
    client: float = 0.0
    """How much of one processor this program took: Python computes on one at a time."""

    began: float = 0.0
    """By this machine's clock (`time.time`), to find the same time on nodes."""

    busy: Mapping[str, Busy] = field(default_factory=dict)
    """By role, as far as nodes could be looked at."""

    api: float | None = None
    """How much of one processor the API service of the busiest web node took; None: not seen."""

    waits: Mapping[str, float] = field(default_factory=dict)
    """Mean seconds in parts of the environment by its nodes' logs."""

    cut: bool = False
    """Whether somebody ended it before its time."""

    @property
    def good(self) -> int:
        """How many good answers came."""
        return self.answers.count if self.answers else 0

    @property
    def means(self) -> dict[str, float]:
        """Mean seconds in each part: by the answers, else by the nodes' logs."""
        return {**self.waits, **{name: each.mean for name, each in self.parts.items()}}

    @property
    def failed(self) -> int:
        """How many requests were not answered as they must be."""
        return sum(self.errors.values())

    @property
    def throughput(self) -> float:
        """Good answers a second."""
        return self.good / self.seconds if self.seconds > 0 else 0.0

    @property
    def share_failed(self) -> float:
        """How many of the requests failed, 0 to 1."""
        ended = self.good + self.failed
        return self.failed / ended if ended else 0.0


def gathered(
    threads: int,
    samples: Sequence[Sample],
    probes: Mapping[str, Sequence[float]],
    *,
    seconds: float,
    client: float = 0.0,
    began: float = 0.0,
    cut: bool = False,
) -> Stage:
    """Return a stage of *samples*. An answer that was wrong has no time that says anything."""
    good = [sample for sample in samples if not sample.error]
    errors: dict[str, int] = {}
    for sample in samples:
        if sample.error:
            errors[sample.error] = errors.get(sample.error, 0) + 1
    names = {name for sample in good for name in sample.parts}
    parts = {
        name: figures([each.parts[name] for each in good if name in each.parts]) for name in names
    }
    probed = {name: figures(values) for name, values in probes.items()}
    return Stage(
        threads=threads,
        seconds=seconds,
        answers=figures([sample.seconds for sample in good]),
        errors=errors,
        parts={name: found for name, found in sorted(parts.items()) if found},
        probes={name: found for name, found in probed.items() if found},
        client=client,
        began=began,
        cut=cut,
    )
