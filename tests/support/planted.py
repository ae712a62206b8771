"""An environment of made-up tiers in virtual time: what callers would see, without a clock.

Each tier has some servers, which each work on one request at a time, first come, first served. All
that happens is worked off in the order of its time, so that the same numbers give the same answers
on any machine.
"""

import heapq
import itertools
import random
from dataclasses import dataclass, field, replace

from operations.capacity.samples import CATALOGUE, PING, Busy, Sample, figures, gathered

PROBE_SECONDS = 0.2


@dataclass(frozen=True)
class Tier:
    """Servers, and the mean seconds that one works for a request."""

    servers: int
    seconds: float


@dataclass
class Planted:
    """Tiers in the order in which a request comes to them."""

    web: Tier = Tier(8, 0.001)
    database: Tier | None = None
    compute: Tier = Tier(64, 0.010)
    lookups: bool = False
    """Whether callers ask for what is in the database."""

    seconds: float = 10.0
    chance: random.Random = field(default_factory=lambda: random.Random(9))
    random_work: bool = False
    behind: Tier = Tier(8, 0.002)
    """The database that look-ups ask, where requests for scores do not wait for it."""

    def stage(self, threads):
        """What so many callers see who ask again at once."""
        run = _Run(self)
        for _ in range(threads):
            run.arrive(0.0, "caller", again=True)
        run.arrive(0.0, PING, again=True)
        run.arrive(0.0, CATALOGUE, again=True)
        run.work_off()
        busy = {
            role: Busy(cpu=min(run.worked[role] / (tier.servers * self.seconds), 1.0), nodes=1)
            for role, tier in (("web", self.web), ("compute", self.compute))
        }
        samples = [Sample(seconds=each) for each in run.took["caller"]]
        probes = {name: run.took[name] for name in (PING, CATALOGUE)}
        return replace(gathered(threads, samples, probes, seconds=self.seconds), busy=busy)

    def answers(self, rate):
        """What callers see who come at random, *rate* of them a second."""
        run = _Run(self)
        when = 0.0
        while when < self.seconds:
            when += self.chance.expovariate(rate)
            run.arrive(when, "caller", again=False)
        run.work_off()
        return figures(run.took["caller"])

    def way(self, who):
        """The tiers that a request passes."""
        data = self.database or self.behind
        if who == PING:
            return [("web", self.web)]
        if who == CATALOGUE or self.lookups:
            return [("web", self.web), ("database", data)]
        behind = [("database", data)] if self.database else []
        return [("web", self.web), *behind, ("compute", self.compute)]


class _Run:
    def __init__(self, planted):
        self.planted, self.events, self.order = planted, [], itertools.count()
        self.free = {}
        self.worked = {"web": 0.0, "database": 0.0, "compute": 0.0}
        self.took = {"caller": [], PING: [], CATALOGUE: []}

    def arrive(self, when, who, *, again):
        self._push(when, who, when, 0, again)

    def _push(self, when, who, began, place, again):
        heapq.heappush(self.events, (when, next(self.order), who, began, place, again))

    def work_off(self):
        while self.events:
            when, _, who, began, place, again = heapq.heappop(self.events)
            way = self.planted.way(who)
            if place < len(way):
                self._push(self._served(when, *way[place]), who, began, place + 1, again)
                continue
            if not again or when <= self.planted.seconds:
                self.took[who].append(when - began)
            if again and when < self.planted.seconds:
                pause = 0.0 if who == "caller" else PROBE_SECONDS
                self.arrive(when + pause, who, again=True)

    def _served(self, when, name, tier):
        free = self.free.setdefault(name, [0.0] * tier.servers)
        begins = max(when, heapq.heappop(free))
        work = tier.seconds
        if self.planted.random_work:
            work = self.planted.chance.expovariate(1 / tier.seconds)
        self.worked[name] += work
        heapq.heappush(free, begins + work)
        return begins + work
