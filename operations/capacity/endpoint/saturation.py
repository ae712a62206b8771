"""Where a deployment is at its end, and whether the front or its instances limit it.

From outside there are two things to see: what the front answers by itself, and what it answers for
an instance. What an instance's processor does is Azure Monitor's to tell, and not looked at here.
"""

from collections.abc import Iterator, Mapping, Sequence

from operations.capacity.endpoint.asking import FRONT_ALONE, NO_PLACE, TOO_LATE
from operations.capacity.samples import Stage
from operations.capacity.saturation import (
    CLIENT,
    CLIENT_FULL,
    MOST_OF_IT,
    NOTICEABLE,
    UNCLEAR,
    Limit,
    Saturation,
    grown,
    located,
)

FRONT, INSTANCES = "front", "instances"


def find(stages: Sequence[Stage]) -> Saturation:
    """Return where the end is, and who is at it."""
    return located(stages, _limiting)


def _limiting(alone: Stage, full: Stage) -> Limit:
    shares = _shares(alone, full)
    return _tier(full, shares), shares, tuple(_said(alone, full, shares))


def _tier(full: Stage, shares: Mapping[str, float]) -> str:
    if full.client >= CLIENT_FULL:
        return CLIENT
    if full.errors.get(NO_PLACE) or full.errors.get(TOO_LATE):
        # Only an endpoint whose instances are busy refuses so.
        return INSTANCES
    tier = max(shares, key=lambda each: shares[each], default=UNCLEAR)
    return tier if shares.get(tier, 0.0) >= MOST_OF_IT else UNCLEAR


def _shares(alone: Stage, full: Stage) -> dict[str, float]:
    """Return who has which part of the time by which answers grew."""
    growth = grown(alone.answers, full.answers)
    if growth <= NOTICEABLE:
        return {}
    front = min(grown(alone.probes.get(FRONT_ALONE), full.probes.get(FRONT_ALONE)), growth)
    found = {FRONT: front / growth, INSTANCES: (growth - front) / growth}
    return {tier: share for tier, share in found.items() if share > 0}


def _said(alone: Stage, full: Stage, shares: Mapping[str, float]) -> Iterator[str]:
    if full.client >= CLIENT_FULL:
        yield (
            f"this program took {full.client:.0%} of a processor: the endpoint may do more; "
            "measure from a faster machine, or from several"
        )
    for why in (NO_PLACE, TOO_LATE):
        if count := full.errors.get(why):
            yield f"with {full.threads} at once {count} of {full.good + full.failed}: {why}"
    for tier, share in shares.items():
        yield f"{share:.0%} of the time by which answers grew is of the {tier}"
    pairs = [
        (FRONT_ALONE, alone.probes.get(FRONT_ALONE), full.probes.get(FRONT_ALONE)),
        ("the whole request", alone.answers, full.answers),
    ]
    for name, before, after in pairs:
        if before and after:
            yield f"{name}: {before.mean * 1000:.1f} ms alone, {after.mean * 1000:.1f} ms then"
