"""The documents' two strategies: how many parallel requests come next (facts.md 14.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from operations.capacity.samples import Stage

LATENCY_MS = 250
FIRST, STEP, LAST = 10, 10, 50
"""The product's own defaults."""

LAST_BY_LATENCY = 200
"""The product has no such bound; a load that nothing bounds is none to offer."""

MOST_THREADS = 500
INTERRUPTED = "somebody ended it"
MOST_FAILED = 0.05
"""Where more than this share of the requests fail, more of them tell nothing."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """From how many to how many, in which steps, and when it is enough."""

    minimum: int = FIRST
    maximum: int = LAST
    increment: int = STEP
    limit: float | None = None
    """Seconds that 95 of 100 answers may take: `latency`. None: up to `maximum`, `thread`."""

    @property
    def name(self) -> str:
        """What the documents call it."""
        return "thread" if self.limit is None else "latency"

    def ended(self, stages: Sequence[Stage]) -> str:
        """Return why there is no further stage; nothing while there is one."""
        if not stages:
            return ""
        last = stages[-1]
        if last.cut:
            return INTERRUPTED
        if last.share_failed > MOST_FAILED:
            return f"{last.share_failed:.0%} of the requests failed"
        if self.limit is not None and last.answers and last.answers.p95 > self.limit:
            return f"95 of 100 answers took more than {self.limit * 1000:.0f} ms"
        if self.threads(len(stages)) is None:
            return f"{last.threads} parallel requests were the most that were allowed"
        return ""

    def threads(self, index: int) -> int | None:
        """Return the number of parallel requests of one stage.

        The first one is a single caller: how long an answer takes that waits for nobody is what
        everything else is compared with. (The product measures its overhead first.)
        """
        if index == 0:
            return 1
        wanted = self.minimum + (index - 1) * self.increment
        if self.minimum == 1:
            wanted += self.increment  # one was there already
        return wanted if wanted <= self.maximum else None
