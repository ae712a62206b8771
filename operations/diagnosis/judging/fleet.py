"""Judges nodes together: how many there are, who knows whom, and what all of a role share."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from operations.diagnosis.asking import Told
from operations.diagnosis.intended import Group, Intended
from operations.diagnosis.judging.node import SIGNING
from operations.diagnosis.kinds import Finding

FRONT = ("web", "one-box")
WELL = ("pass", "green")


def judge(nodes: Sequence[Told], intended: Intended) -> Iterator[Finding]:
    """Yield what is not well between nodes."""
    for role, group in intended.groups.items():
        mine = [each for each in nodes if each.role == role]
        yield from _count(role, group, mine)
        yield from _behind(role, group)
        yield from _versions(mine)
    web = [each for each in nodes if each.role in FRONT and each.facts]
    yield from _signing(web)
    compute = [each for each in nodes if each.role == "compute"]
    for each in web:
        yield from _known(each, compute, intended)
    yield from _listed(nodes, compute, intended)


def _count(role: str, group: Group, mine: Sequence[Told]) -> Iterator[Finding]:
    running = [each for each in mine if each.instance.running]
    if len(mine) < group.fewest:
        yield Finding(
            id="node-missing",
            place=f"{role} nodes",
            what=f"{len(running)} run, and there should be {group.fewest} at least",
        )


def _behind(role: str, group: Group) -> Iterator[Finding]:
    for name in group.behind:
        yield Finding(
            id="settings-behind",
            place=f"{role} node {name}",
            what="it was made from other settings than were deployed last",
        )


def _versions(mine: Sequence[Told]) -> Iterator[Finding]:
    """Yield packages of which some node has another version than most of its role."""
    told = [(each, each.facts.get("packages") or {}) for each in mine if each.facts]
    for name in sorted({name for _, packages in told for name in packages}):
        versions = Counter(str(packages.get(name, "not installed")) for _, packages in told)
        usual, _ = versions.most_common(1)[0]
        for each, packages in told:
            own = str(packages.get(name, "not installed"))
            if own != usual:
                yield Finding(
                    id="packages-differ",
                    place=each.place,
                    what=f"{name} {own}; other nodes have {usual}",
                )


def _signing(web: Sequence[Told]) -> Iterator[Finding]:
    """Yield web nodes that sign with another key: than the vault's where known, or than most."""
    keys: dict[str, list[Told]] = {}
    vaulted: set[str] = set()
    for each in web:
        certificates: Mapping[str, Any] = each.facts.get("certificates") or {}
        for name in SIGNING:
            if key := (certificates.get(name) or {}).get("key"):
                keys.setdefault(str(key), []).append(each)
                if (each.facts.get("vault") or {}).get(name) == "same":
                    vaulted.add(str(key))
    if len(keys) < 2:
        return
    usual = max(keys, key=lambda key: (key in vaulted, len(keys[key])))
    for key, those in keys.items():
        if key != usual:
            for each in those:
                what = f"its key is {key}, and that of other web nodes {usual}"
                yield Finding(id="token-key-differs", place=each.place, what=what)


def _known(web: Told, compute: Sequence[Told], intended: Intended) -> Iterator[Finding]:
    """Yield where a web node's compute nodes are others than those that run."""
    group = intended.groups.get("compute")
    known = _connections(web)
    if group is None or known is None:
        return
    serving = {
        f"{each.instance.node.address}:{group.port}": each for each in compute if _serves(each)
    }
    there = {f"{each.instance.node.address}:{group.port}" for each in compute}
    for place in sorted(serving.keys() - known.keys()):
        what = f"{serving[place].place} ({place}) is not among its {len(known)}"
        yield Finding(id="compute-unknown", place=web.place, what=what)
    for place, why in sorted(known.items()):
        if place not in there:
            # A range covers addresses that nobody has (facts.md 11): that is no fault.
            if not _by_range(web, group):
                what = f"{place}, which no node of the environment has"
                yield Finding(id="compute-stale", place=web.place, what=what)
        elif why:
            yield Finding(id="compute-down", place=web.place, what=f"{place}: {why}")


def _by_range(web: Told, group: Group) -> bool:
    return not group.fixed and (web.facts.get("node") or {}).get("product") != "plumber"


def _connections(web: Told) -> dict[str, str] | None:
    """Return the compute nodes that a web node knows, and what is wrong with each, if anything."""
    workers: Mapping[str, Any] = web.facts.get("workers") or {}
    if "known" in workers:
        return {str(place): str(why) for place, why in workers["known"].items()}
    status: Mapping[str, Any] = web.facts.get("status") or {}
    if web.role != "web" or "backends" not in status:
        return None
    if (web.facts.get("node") or {}).get("product") == "plumber":
        return None
    return {
        urlsplit(uri).netloc: "" if word in WELL else f"its report says {word}"
        for uri, word in status["backends"].items()
    }


def _serves(each: Told) -> bool:
    """Whether a compute node is there to be known: it is configured, and its way in answers."""
    ready = (each.facts.get("health") or {}).get("ready")
    return bool(each.instance.running and ready and ready[0] == 200)


def _listed(
    nodes: Sequence[Told], compute: Sequence[Told], intended: Intended
) -> Iterator[Finding]:
    """Yield compute nodes that do not say in the database that they serve, as one node reads it."""
    group = intended.groups.get("compute")
    lists = [
        database["nodes"]
        for each in nodes
        if "nodes" in (database := each.facts.get("database") or {})
    ]
    if group is None or not lists:
        return
    listed = {str(place) for each in lists for place in each}
    for each in compute:
        place = f"{each.instance.node.address}:{group.port}"
        if _serves(each) and place not in listed:
            yield Finding(
                id="compute-silent", place=each.place, what=f"{place} is not in serving_node"
            )
