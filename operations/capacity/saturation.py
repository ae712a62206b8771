"""Where an environment is at its end, and which part of it.

A closed loop of N callers gets N / R answers a second, R being the time of one (Little's law).
While nothing is at its end, R stays and twice the callers get twice the answers; where more callers
get hardly more answers, they wait, and what they wait for is what has grown since nobody waited.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from operations.capacity.samples import CATALOGUE, PING, Figures, Stage
from operations.capacity.timing import API, PARTS

GAIN = 0.25
"""Less than this part of what more callers should have brought, and the end is reached."""

FAILED = 0.01
"""A stage with more failures than this is beyond the end."""

CLIENT_FULL = 0.85
"""Of one processor: then this program is what is at its end."""

NODE_FULL = 0.85
API_FULL = 0.85
"""Of one processor: the API service is one process, which computes on one at a time."""

MOST_OF_IT = 0.5
"""The share of the growth that makes one tier the answer."""

SPEAKABLE = 0.01
"""A share below which a tier is not worth a line."""

NOTICEABLE = 0.005
"""Seconds of growth below which nothing has grown."""

ONE_BOX = "one-box"
CLIENT, WEB, COMPUTE, DATABASE, UNCLEAR = "client", "web", "compute", "database", "unclear"
FORWARD = PARTS["forward"]
OF_TIER = {
    FORWARD: COMPUTE,
    PARTS["shell"]: COMPUTE,
    PARTS["load"]: COMPUTE,
    PARTS["compute"]: COMPUTE,
    PARTS["database"]: DATABASE,
}


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """The end of what the environment can do with this service."""

    reached: bool
    threads: int
    """Parallel requests at the end; the most that were tried where it was not reached."""

    throughput: float
    """Good answers a second that it can give, or at least gave."""

    tier: str = ""
    """Who is at his end; empty where nobody is."""

    evidence: tuple[str, ...] = ()
    """Why we say so, in lines for a person."""

    shares: Mapping[str, float] = field(default_factory=dict)
    """Of the time that answers took longer, by tier."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What was asked, as far as it decides who can be at his end."""

    runs_models: bool = True
    """Services are asked; otherwise what the API answers out of the database."""

    through_database: bool = False
    """Whether a request waits for the database: those of R Server and ML Server do."""


Limit = tuple[str, Mapping[str, float], Sequence[str]]
"""Who is at his end, who has which share of the growth, and the evidence."""


def find(stages: Sequence[Stage], workload: Workload) -> Saturation:
    """Return where the end is, and who is at it."""
    return located(stages, lambda alone, full: _limiting(alone, full, workload))


def located(stages: Sequence[Stage], limiting: Callable[[Stage, Stage], Limit]) -> Saturation:
    """Return where the end is; *limiting* says who is at it, by the first stage and a full one."""
    whole = [stage for stage in stages if stage.good and stage.seconds > 0]
    if not whole:
        return Saturation(reached=False, threads=0, throughput=0.0, tier=UNCLEAR,
                          evidence=("no request was answered as it must be",))  # fmt: skip
    best = max(whole, key=lambda stage: stage.throughput)
    full = _first_full(whole)
    if full is None:
        return Saturation(reached=False, threads=whole[-1].threads, throughput=best.throughput)
    tier, shares, evidence = limiting(whole[0], full)
    return Saturation(
        reached=True,
        threads=_knee(whole, best.throughput),
        throughput=best.throughput,
        tier=tier,
        evidence=tuple(evidence),
        shares=shares,
    )


def _first_full(stages: Sequence[Stage]) -> Stage | None:
    """Return the first stage that is beyond the end."""
    for before, stage in pairwise(stages):
        if stage.share_failed > FAILED:
            return stage
        if stage.threads <= before.threads:
            continue
        should = stage.threads / before.threads - 1
        did = stage.throughput / before.throughput - 1
        if did < GAIN * should:
            return stage
    return None


def _knee(stages: Sequence[Stage], most: float) -> int:
    """Return with how few callers nine tenths of the most was had."""
    return next(stage.threads for stage in stages if stage.throughput >= 0.9 * most)


def _limiting(
    alone: Stage, full: Stage, workload: Workload
) -> tuple[str, dict[str, float], list[str]]:
    if full.client >= CLIENT_FULL:
        return CLIENT, {}, [
            (f"this program took {full.client:.0%} of a processor: the environment may do more; "
            "measure from a faster machine, or from several")
        ]  # fmt: skip
    shares = _shares(alone, full, workload)
    evidence = [*_said(alone, full, shares), *_of_api(full, workload)]
    for role, busy in full.busy.items():
        if busy.cpu >= NODE_FULL:
            evidence.append(f"the processors of {role} nodes were busy {busy.cpu:.0%} of the time")
    if shares:
        tier = max(shares, key=lambda each: shares[each])
        if shares[tier] >= MOST_OF_IT:
            return tier, shares, evidence
    busiest = [role for role, busy in full.busy.items() if busy.cpu >= NODE_FULL]
    if len(busiest) == 1 and busiest[0] in (WEB, COMPUTE):
        return busiest[0], shares, evidence
    return UNCLEAR, shares, [*evidence, "no tier has most of the time by which answers grew"]


def _shares(alone: Stage, full: Stage, workload: Workload) -> dict[str, float]:
    """Return which tier has which part of the time by which answers grew."""
    growth = grown(alone.answers, full.answers)
    if growth <= NOTICEABLE:
        return {}
    by_parts = _by_parts(alone, full)
    web = grown(alone.probes.get(PING), full.probes.get(PING))
    if not workload.runs_models:
        named = _of_look_ups(alone, full, growth, web)
    elif by_parts:
        left = max(growth - sum(by_parts.values()), 0.0)
        # A web node keeps a request that no compute node has a place for. Where nobody told of it,
        # only what a web node's own answer took longer is the web node's.
        named = {**by_parts, WEB: left if FORWARD in full.means else min(web, left)}
        named[COMPUTE] = named.get(COMPUTE, 0.0) + left - named[WEB]
    else:
        behind = max(grown(alone.probes.get(CATALOGUE), full.probes.get(CATALOGUE)) - web, 0.0)
        database = behind if workload.through_database else 0.0
        compute = max(growth - web - database, 0.0)
        named = {WEB: web, DATABASE: database, COMPUTE: compute}
    total = sum(named.values())
    return {tier: each / total for tier, each in named.items() if each > 0} if total else {}


def _of_look_ups(alone: Stage, full: Stage, growth: float, web: float) -> dict[str, float]:
    """Return who has the growth of answers that the API service gives out of the database.

    The service waits for nothing but the database: while its process is not at its own end, what
    its answers take longer is waiting for that.
    """
    if API in alone.means and API in full.means:
        behind = min(max(full.means[API] - alone.means[API], 0.0), growth)
    else:
        behind = max(growth - web, 0.0)
    if (full.api or 0.0) >= API_FULL or _web_is_full(full):
        return {WEB: growth}
    return {WEB: growth - behind, DATABASE: behind}


def _web_is_full(stage: Stage) -> bool:
    machine = stage.busy.get(WEB) or stage.busy.get(ONE_BOX)
    return machine is not None and machine.cpu >= NODE_FULL


def _of_api(full: Stage, workload: Workload) -> Iterator[str]:
    if workload.runs_models:
        return
    if full.api is None:
        yield (
            "no web node was looked at: the API service and the database are not told apart, and "
            "what both take is said to be the database"
        )
    elif full.api >= API_FULL:
        yield (
            f"the API service of a web node took {full.api:.0%} of a processor: it is one process, "
            "and at its end"
        )
    elif not _web_is_full(full):
        yield (
            f"the API service of the busiest web node took {full.api:.0%} of a processor: it waits "
            "for the database"
        )


def _by_parts(alone: Stage, full: Stage) -> dict[str, float]:
    """Return the growth of each tier by what answers themselves or nodes' logs said."""
    found: dict[str, float] = {}
    before = alone.means
    if not before:
        return {}
    for name, seconds in full.means.items():
        tier = OF_TIER.get(name)
        if tier is not None:
            found[tier] = found.get(tier, 0.0) + max(seconds - before.get(name, 0.0), 0.0)
    return found


def grown(before: Figures | None, after: Figures | None) -> float:
    """Means, so that parts add up to the whole as they do in an answer."""
    return max(after.mean - before.mean, 0.0) if before and after else 0.0


def _said(alone: Stage, full: Stage, shares: Mapping[str, float]) -> Iterator[str]:
    for tier, share in sorted(shares.items(), key=lambda each: -each[1]):
        if share >= SPEAKABLE:
            yield f"{share:.0%} of the time by which answers grew is of the {tier} tier"
    pairs = [(name, alone.probes.get(name), full.probes.get(name)) for name in (PING, CATALOGUE)]
    for name, before, after in [*pairs, ("the whole request", alone.answers, full.answers)]:
        if before and after:
            yield f"{name}: {before.mean * 1000:.1f} ms alone, {after.mean * 1000:.1f} ms then"
    if full.failed:
        worst = max(full.errors, key=lambda each: full.errors[each])
        yield f"{full.failed} requests failed, most of them: {worst}"
