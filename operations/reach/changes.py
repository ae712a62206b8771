"""How who may talk to whom differs between two deployments, in words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from operations.export.state import Deployment
from operations.reach.answer import Path, Reach, merged, read
from operations.reach.places import NETWORK, Kind
from operations.reach.spans import Spans


@dataclass(frozen=True, slots=True)
class Changes:
    """What a change lets through, what it stops, and what stays."""

    new: tuple[Path, ...]
    gone: tuple[Path, ...]
    kept: tuple[Path, ...]
    unclear: tuple[Path, ...]
    """Paths of before of which only a deployment tells whether they stay."""
    doubts: tuple[tuple[str, str], ...]
    """Places, and what about them after the change only a deployment makes known."""

    def words(self) -> tuple[str, ...]:
        """Return a line for each path, the new ones first, then what is not known."""
        return (
            *(f"NEW: {path}" for path in self.new),
            *(f"GONE: {path}" for path in self.gone),
            *(f"UNKNOWN: whether {path.told('may still')}" for path in self.unclear),
            *(f"UNKNOWN: {place}: {why}" for place, why in self.doubts),
            *(str(path) for path in self.kept),
        )


def changes(before: Deployment, after: Deployment) -> Changes:
    """Return how *after* differs from *before*."""
    return between(read(before), read(after))


def between(before: Reach, after: Reach) -> Changes:
    """Return how *after* differs from *before*."""
    # Addresses that are a network's own are outside only where no member has them, which changes.
    own = before.own | after.own
    old, new = _Coverage(before.paths, own), _Coverage(after.paths, own)
    added = [part for path in after.paths for part in old.missing(path)]
    lost = [part for path in before.paths for part in new.missing(path)]
    doubted = {place for place, _ in after.doubts}
    gone = [path for path in lost if not _touches(path, doubted)]
    return Changes(
        new=merged(added),
        gone=merged(gone),
        kept=merged(_without(after.paths, added)),
        unclear=merged(path for path in lost if _touches(path, doubted)),
        doubts=after.doubts,
    )


def _touches(path: Path, places: set[str]) -> bool:
    return bool({path.source.name, path.destination.name, "the network"} & places)


def _without(paths: Iterable[Path], parts: list[Path]) -> Iterator[Path]:
    """Yield *paths* with no ports that *parts* have."""
    cut: dict[Path, Spans] = {}
    for part in parts:
        key = replace(part, ports=Spans())
        cut[key] = cut.get(key, Spans()) | part.ports
    for path in paths:
        left = path.ports - cut.get(replace(path, ports=Spans()), Spans())
        if left:
            yield replace(path, ports=left)


class _Coverage:
    """What some paths let through, whatever their places outside are called."""

    def __init__(self, paths: Iterable[Path], own: Spans) -> None:
        self._own = own
        self._by_ends: dict[tuple[str, str, str], list[Path]] = {}
        for path in paths:
            self._by_ends.setdefault(_ends(path), []).append(path)

    def missing(self, path: Path) -> Iterator[Path]:
        """Yield the parts of *path* that are not in these paths."""
        same = self._by_ends.get(_ends(path), [])
        edges = {
            edge
            for each in (path, *same)
            for low, high in each.ports.spans
            for edge in (low, high + 1)
        }
        ordered = sorted(edges)
        missing = Spans()
        for low, after in pairwise(ordered):
            span = Spans.of((low, after - 1)) & path.ports
            if span and not self._have(path, [each for each in same if each.ports & span]):
                missing |= span
        if missing:
            yield replace(path, ports=missing)

    def _have(self, path: Path, others: list[Path]) -> bool:
        """Return whether *others* have every address that *path* has outside."""
        wanted = _addresses(path) - self._own
        if not wanted:
            return bool(others)
        return Spans.union(map(_addresses, others)).covers(wanted)


def _addresses(path: Path) -> Spans:
    return path.source.addresses | path.destination.addresses


def _ends(path: Path) -> tuple[str, str, str]:
    """Return what both ends are called; outside is one place, in which addresses differ."""
    ends = (path.source, path.destination)
    far = [end.kind is Kind.OUTSIDE and end.name != NETWORK for end in ends]
    names = ["" if is_far else end.name for end, is_far in zip(ends, far, strict=True)]
    return names[0], names[1], path.protocol
