"""How many instances, with how many places, a stated load needs. Nothing here asks anybody.

An instance is one R process, which computes one request after the other: it is the server of the
queue, whatever `requests.concurrent` says; places decide how many may wait. The front refuses with
429 what comes when all places are taken, so that an endpoint that is fast enough on average can
still refuse callers who come at random.
"""

from collections.abc import Iterator, Sequence

from operations.capacity.endpoint.asking import FRONT_ALONE
from operations.capacity.endpoint.facts import PENDING, Known
from operations.capacity.endpoint.saturation import FRONT, INSTANCES
from operations.capacity.queueing import servers_for, waiting
from operations.capacity.recommendation import Change, Recommendation, Target
from operations.capacity.samples import Stage
from operations.capacity.saturation import CLIENT, Saturation

MOST_REFUSED = 0.01
"""Which part of the callers may be refused for want of a place."""

MOST_CONCURRENT = 8
"""Requests that are let wait in one instance, at most: they are lost when it ends."""

MOST_INSTANCES = 10_000
FROM_ABOVE = (
    "the deployment was not at its end, so that it can do more than was seen: fewer instances than "
    "this may be enough"
)


def overflow(servers: int, offered: float, places: int) -> float:
    """Return the probability that *places* are taken, of a queue that would let all wait (M/M/n).

    A queue that turns callers away has fewer waiting, so this is on the safe side.
    """
    if offered >= servers:
        return 1.0
    return waiting(servers, offered) * float(offered / servers) ** max(places - servers, 0)


def recommend(
    target: Target, stages: Sequence[Stage], saturation: Saturation, known: Known
) -> Recommendation:
    """Return what the deployment needs for its part of *target*."""
    first = next((stage for stage in stages if stage.answers), None)
    if first is None or first.answers is None or saturation.throughput <= 0:
        return _unreachable("nothing was measured to conclude from")
    rate = target.rate * known.share
    alone = first.answers.p95
    if alone >= target.latency:
        return _unreachable(
            f"a single caller already waits {alone * 1000:.0f} ms: no number of instances gives "
            f"{target.latency * 1000:.0f} ms; a faster model, or a faster size, may"
        )
    if saturation.tier == FRONT and rate > saturation.throughput:
        return _unreachable(
            "the front is at its end, which is the cloud's own: no setting of a deployment changes "
            "that; measure again from a machine near the endpoint, or split callers over two"
        )
    service = service_seconds(first, saturation, known.instances)
    fewest = servers_for(rate, service, target.latency - alone)
    if fewest is None:
        return _unreachable(
            f"no number of instances leaves {target.latency * 1000:.0f} ms for 95 of 100 answers"
        )
    needed, concurrent = _placed(fewest, rate * service, known.concurrent)
    law = (
        f"{rate:g} requests a second keep {rate * service:.1f} instances busy, at "
        f"{service * 1000:.1f} ms each (Little's law); {needed} are enough, one R process each"
    )
    notes = [law]
    if known.share < 1:
        notes.insert(0, f"{known.share:.0%} of the load is {known.name}'s, as traffic is split now")
    if not saturation.reached or saturation.tier == CLIENT:
        notes.insert(0, FROM_ABOVE)
    changes = list(_sized(known, needed))
    if concurrent != known.concurrent:
        refused = overflow(needed, rate * service, PENDING * known.concurrent * needed)
        changes.append(
            Change(
                path=("endpoint", "deployments", known.name, "requests", "concurrent"),
                value=concurrent,
                why=f"with {known.concurrent} up to {refused:.0%} of callers at random find no "
                f"place (429); with {concurrent} they wait in an instance instead",
            )
        )
    return Recommendation(
        reachable=True, changes=tuple(changes), notes=(*notes, *_periods(known, needed))
    )


def _unreachable(why: str) -> Recommendation:
    return Recommendation(reachable=False, notes=(why,))


def service_seconds(first: Stage, saturation: Saturation, instances: int) -> float:
    """Return the seconds of an instance that a request takes, from above by two bounds."""
    assert first.answers is not None  # noqa: S101 - callers have seen an answer
    front = first.probes[FRONT_ALONE].mean if FRONT_ALONE in first.probes else 0.0
    single = max(first.answers.mean - front, first.answers.mean * 0.05)
    by_use = instances / saturation.throughput
    return by_use if saturation.tier == INSTANCES else min(by_use, single)


def _placed(fewest: int, offered: float, concurrent: int) -> tuple[int, int]:
    """Return instances and places of each, so that few callers find none.

    A place costs nothing, and an instance does: places come first.
    """
    for servers in range(fewest, MOST_INSTANCES):
        for places in range(concurrent, max(MOST_CONCURRENT, concurrent) + 1):
            if overflow(servers, offered, PENDING * places * servers) <= MOST_REFUSED:
                return servers, places
    return MOST_INSTANCES, concurrent


def _sized(known: Known, needed: int) -> Iterator[Change]:
    """Yield how many instances: as many as the load takes, and one that may be away."""
    base = ("endpoint", "deployments", known.name)
    fewest, why = needed + 1, f"{needed} for the load, and one more, so that one may be away"
    scale = known.autoscale
    if scale is None:
        if fewest != known.instances:
            yield Change(path=(*base, "instances"), value=fewest, why=why)
        return
    if fewest != scale["minimum"]:
        yield Change(path=(*base, "autoscale", "minimum"), value=fewest, why=why)
    most = max(scale["maximum"], 2 * needed, fewest)
    if most != scale["maximum"]:
        yield Change(
            path=(*base, "autoscale", "maximum"), value=most, why="room for twice the load"
        )


def _periods(known: Known, needed: int) -> Iterator[str]:
    for name, fewest in known.periods.items():
        if known.autoscale is not None and fewest < needed + 1:
            yield (
                f"schedule {name} of deployment {known.name} has a minimum of {fewest}: raise it "
                f"to {needed + 1} in the list, which this does not rewrite"
            )
