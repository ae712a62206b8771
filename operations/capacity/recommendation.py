"""What an environment needs for a stated load, from what was measured. Nothing here asks anybody.

Where a tier was at its end, how long it works for a request is known best: all of its workers were
busy, and gave so many answers (utilization law, seconds = workers / throughput). What that means
for a load is `queueing.py`'s.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from operations.capacity.queueing import BUSY, servers_for
from operations.capacity.samples import PING, Stage
from operations.capacity.saturation import CLIENT, COMPUTE, DATABASE, WEB, Saturation
from operations.capacity.timing import API

WORTH_MORE_WORKERS = 0.5
"""A tier at its end with less CPU than this waits for something: more workers fit on a node."""

MOST_WORKERS = 4
"""So many times the workers of now at most, in one step: nobody measured their memory."""

FROM_ABOVE = (
    "the environment was not at its end, so that it can do more than was seen: fewer nodes than "
    "this may be enough"
)
LEAST_BUSY = 0.2
"""Nodes that were less busy are not made fewer by it: a line through so little says nothing sure of
its far end."""
LEAST_SEEN = 0.01
"""The least that a processor's use is known by."""

LOWEST_CPU, HIGHEST_CPU = 20, 80
"""Thresholds of autoscale stay within these, in percent: below, noise; above, too late."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of nodes as the settings have it."""

    role: str
    nodes: int
    """How many there are, or at least."""

    autoscale: Mapping[str, int] | None = None
    """`minimum`, `maximum`, `above`, `below`, `step`; None for a count that stays."""

    periods: Mapping[str, int] = field(default_factory=dict)
    """Schedules by name, and the fewest nodes that each has."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is deployed."""

    groups: Mapping[str, Group]
    workers: int = 0
    """R processes that compute nodes have together; 0 when nobody said so."""

    compute_nodes: int = 1
    one_box: bool = False
    """Both roles on one machine."""

    connections: int = 0
    """To the database, that a web node has at most; 0 when nobody said so."""

    pools: bool = False
    """R Server and ML Server: a pool of R processes that grows (`runtime.server.pool`)."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The stated load."""

    rate: float
    """Requests a second."""

    latency: float
    """Seconds that 95 of 100 answers may take."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One setting that should be another."""

    path: tuple[str, ...]
    """Below `operationalization:environment`."""

    value: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """What to change, and what no change of settings can do."""

    reachable: bool
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def recommend(
    target: Target,
    stages: Sequence[Stage],
    saturation: Saturation,
    facts: Facts,
    *,
    runs_models: bool = True,
) -> Recommendation:
    """Return what the environment needs for *target*, of answers of the kind that was measured."""
    first = next((stage for stage in stages if stage.answers), None)
    if first is None or first.answers is None or saturation.throughput <= 0:
        return Recommendation(reachable=False, notes=("nothing was measured to conclude from",))
    alone = first.answers.p95
    if alone >= target.latency:
        return _unreachable(
            f"a single caller already waits {alone * 1000:.0f} ms: no number of nodes gives "
            f"{target.latency * 1000:.0f} ms; a faster model, or faster processors, may"
        )
    found = Recommendation(reachable=True)
    if not saturation.reached or saturation.tier == CLIENT:
        found = replace(found, notes=(FROM_ABOVE,))
    for part in (_compute, _web, _database) if runs_models else (_web, _database):
        added = part(target, first, saturation, facts, _busy(stages))
        found = replace(
            found,
            reachable=found.reachable and added.reachable,
            changes=(*found.changes, *added.changes),
            notes=(*found.notes, *added.notes),
        )
    return found


def _unreachable(why: str) -> Recommendation:
    return Recommendation(reachable=False, notes=(why,))


def _busy(stages: Sequence[Stage]) -> Mapping[str, float]:
    """Return the CPU of each role in the stage with the most answers, where nodes said it."""
    best = max(stages, key=lambda stage: stage.throughput)
    return {role: busy.cpu for role, busy in best.busy.items()}


def service_seconds(first: Stage, saturation: Saturation, servers: int) -> float:
    """Return the seconds of a worker that a request takes, from above by two bounds.

    All *servers* together gave that many answers, so that none took more of them; and the answer
    to a single caller took no longer, without what a web node needs for an answer of its own.
    """
    assert first.answers is not None  # noqa: S101 - callers have seen an answer
    ping = first.probes[PING].mean if PING in first.probes else 0.0
    single = max(first.answers.mean - ping, first.answers.mean * 0.05)
    by_use = servers / saturation.throughput
    return by_use if saturation.tier == COMPUTE else min(by_use, single)


def _compute(
    target: Target, first: Stage, saturation: Saturation, facts: Facts, busy: Mapping[str, float]
) -> Recommendation:
    nodes = max(facts.compute_nodes, 1)
    servers = nodes if facts.pools or not facts.workers else facts.workers
    service = service_seconds(first, saturation, servers)
    assert first.answers is not None  # noqa: S101 - as above
    needed = servers_for(target.rate, service, target.latency - first.answers.p95)
    if needed is None:
        return _unreachable(
            f"no number of workers leaves {target.latency * 1000:.0f} ms for 95 of 100 answers"
        )
    each = servers / nodes
    changes: list[Change] = []
    who = "node" if servers == nodes else "worker"
    law = (
        f"{target.rate:g} requests a second keep {target.rate * service:.1f} {who}s busy, at "
        f"{service * 1000:.1f} ms each (Little's law); {needed} are enough"
    )
    notes = [law]
    cpu = busy.get(COMPUTE, busy.get("one-box"))
    if facts.pools:
        changes += _pool(target, first, math.ceil(needed / each))
    elif cpu is not None and cpu < WORTH_MORE_WORKERS and saturation.tier == COMPUTE:
        more = math.floor(each * min(BUSY / max(cpu, 0.01), MOST_WORKERS) + 1e-9)
        if more > each:
            path = ("machine", "workers") if facts.one_box else ("compute", "workersPerNode")
            changes.append(Change(path=path, value=more, why=(
                f"workers wait more than they compute: nodes were busy {cpu:.0%} when none was free"
            )))  # fmt: skip
            notes.append(f"{more} workers a node need {more / each:.1f} times the memory: look")
            cpu = min(cpu * more / each, 1.0)
            each = more
    wanted = math.ceil(needed / each)
    group = facts.groups.get(COMPUTE)
    if group is None and not facts.one_box:
        notes.append(f"that is {wanted} compute nodes as they are now")
        return Recommendation(reachable=True, changes=tuple(changes), notes=tuple(notes))
    if group is None:
        if wanted > 1:
            notes.append(
                f"that is {wanted} times this machine: a larger machine.size, or "
                "scripts/to-enterprise for nodes beside each other"
            )
        return Recommendation(reachable=wanted <= 1, changes=tuple(changes), notes=tuple(notes))
    end = cpu if saturation.tier == COMPUTE else None
    if group.autoscale is not None and end is not None and end * BUSY * 100 < LOWEST_CPU:
        notes.append(
            f"processors do not show this load: nodes at their end are busy {end:.0%}, so that no "
            "threshold of autoscale sees it; the minimum, or a schedule, must have the nodes"
        )
        end = None
    found = list(_sized(group, wanted, end))
    return Recommendation(
        reachable=True, changes=(*changes, *found), notes=(*notes, *_periods(group, wanted))
    )


def _pool(target: Target, first: Stage, nodes: int) -> Iterator[Change]:
    """Yield the pool of R Server: as many shells as are busy on one node, and some (14.3)."""
    assert first.answers is not None  # noqa: S101 - as above
    shells = math.ceil(target.rate * first.answers.mean / nodes / BUSY)
    why = f"so many R processes of one of {nodes} nodes are busy at that load"
    yield Change(path=("runtime", "server", "pool", "initial"), value=max(shells, 1), why=why)
    yield Change(
        path=("runtime", "server", "pool", "maximum"),
        value=max(2 * shells, 1),
        why="twice the busy ones, so that a burst opens no process that is closed at once",
    )


def _web(
    target: Target, first: Stage, saturation: Saturation, facts: Facts, busy: Mapping[str, float]
) -> Recommendation:
    del first
    group = facts.groups.get(WEB)
    if group is None:
        return Recommendation(reachable=True)
    each, cpu = saturation.throughput / max(group.nodes, 1), busy.get(WEB)
    full = saturation.tier == WEB
    if not full and cpu is not None:
        each /= max(cpu, LEAST_SEEN)
    wanted = math.ceil(target.rate / (each * BUSY))
    if not full and cpu is not None and cpu < LEAST_BUSY:
        then = cpu * target.rate / saturation.throughput
        notes = (f"web nodes were busy {cpu:.0%}: at that load it would be {min(then, 9.99):.0%}",)
        if wanted + 1 <= group.nodes:
            return Recommendation(reachable=True, notes=notes)
        return Recommendation(
            reachable=True, changes=tuple(_sized(group, wanted, None)), notes=notes
        )
    if full or cpu is not None:
        return Recommendation(
            reachable=True,
            changes=tuple(_sized(group, wanted, cpu if full else None)),
            notes=(f"a web node does {each:.0f} requests a second", *_periods(group, wanted)),
        )
    if wanted <= group.nodes:
        return Recommendation(reachable=True)
    lower = (
        f"web nodes were not at their end: {each:.0f} requests a second each is what they did, "
        "not what they can; fewer may be enough, as a second run will say"
    )
    changes = tuple(_sized(group, wanted, None))
    return Recommendation(reachable=True, changes=changes, notes=(lower,))


def _database(
    target: Target, first: Stage, saturation: Saturation, facts: Facts, busy: Mapping[str, float]
) -> Recommendation:
    del busy
    times = target.rate / (saturation.throughput * BUSY)
    if saturation.tier != DATABASE or times <= 1:
        return Recommendation(reachable=True)
    found = _connections(target, first, saturation, facts)
    if found is not None:
        return Recommendation(reachable=True, changes=(found,))
    return _unreachable(
        f"the database is at its end: database.size must have {times:.1f} times as many "
        "processors; which sizes there are depends on the location"
    )


def _connections(
    target: Target, first: Stage, saturation: Saturation, facts: Facts
) -> Change | None:
    """Return more connections, where they are what there is too little of; else None.

    All connections together give (connections / seconds of an answer) answers a second. Where that
    is what was had, with the seconds of an answer that waited for nobody, the database is no slower
    than it was then, and more connections bring more; where less was had, it is.
    """
    group, took = facts.groups.get(WEB), first.means.get(API)
    nodes = group.nodes if group is not None else 1
    if not facts.connections or took is None:
        return None
    if saturation.throughput * took < BUSY * facts.connections * nodes:
        return None
    each = math.ceil(target.rate * took / BUSY / nodes)
    if each <= facts.connections:
        return None
    return Change(
        path=("database", "connectionsPerWebNode"),
        value=each,
        why=(
            f"an answer takes a connection for {took * 1000:.0f} ms: {target.rate:g} a second keep "
            f"{target.rate * took:.1f} of them busy, on {nodes} web nodes"
        ),
    )


def _sized(group: Group, wanted: int, cpu: float | None) -> Iterator[Change]:
    """Yield how many nodes a group needs: as many as the load takes, and one that may be away."""
    fewest = wanted + 1
    why = f"{wanted} for the load, and one more, so that one may be away"
    scale = group.autoscale
    if scale is None:
        if fewest != group.nodes:
            yield Change(path=(group.role, "count"), value=fewest, why=why)
        return
    base = (group.role, "autoscale")
    most = max(scale["maximum"], 2 * wanted, fewest)
    if fewest != scale["minimum"]:
        yield Change(path=(*base, "minimum"), value=fewest, why=why)
    if most != scale["maximum"]:
        yield Change(path=(*base, "maximum"), value=most, why="room for twice the load")
    above = scale["above"] if cpu is None else _threshold(cpu)
    if above != scale["above"]:
        yield Change(
            path=(*base, "scaleOut", "above"),
            value=above,
            why=f"nodes at their end were busy {cpu:.0%}: at {BUSY:.0%} of that another one comes",
        )
    # Nodes that go must leave the others under the upper threshold, or they come and go for ever.
    step = min(scale["step"], most - fewest)
    calm = max((above * fewest - 1) // (fewest + step) - 5, 1) if step else scale["below"]
    flaps = scale["below"] * (fewest + step) >= above * fewest
    below = min(scale["below"], calm) if flaps else scale["below"]
    if below != scale["below"]:
        yield Change(
            path=(*base, "scaleIn", "below"),
            value=below,
            why=f"or those that stay would be above {above} percent again",
        )


def _threshold(cpu: float) -> int:
    """Return the CPU at which another node should come, in percent, in steps of five."""
    return min(max(round(cpu * BUSY * 20) * 5, LOWEST_CPU), HIGHEST_CPU)


def _periods(group: Group, wanted: int) -> Iterator[str]:
    for name, fewest in group.periods.items():
        if group.autoscale is not None and fewest < wanted + 1:
            yield (
                f"schedule {name} of {group.role} nodes has a minimum of {fewest}: raise it to "
                f"{wanted + 1} in the list, which this does not rewrite"
            )
