"""A deployment as a flowchart of Mermaid, which GitHub draws where a comment has it.

Boxes are networks, subnets and what lies in them; arrows say who may talk to whom, read from the
rules (operations/reach). With a deployment of before, what is new is drawn thick and what is gone
dotted. Where the text would be too long, what says least is left out, and said to be.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from operations import cost, reach
from operations.diagram.text import quoted
from operations.export.state import Deployment
from operations.reach import Kind, Path, Place, Reach

LIMIT = 8000
"""Characters, unless told: a comment has some more to say (GitHub: 65,536 in all)."""

MOST_ARROWS = 200
"""Mermaid draws 500 at most (`maxEdges`), and nobody reads as many."""

TOO_LONG = f"flowchart LR\n  long>{quoted('this environment has too much in it for a diagram')}]\n"

SHAPES = {
    Kind.OUTSIDE: ("([", "])"),
    Kind.BALANCER: ("{{", "}}"),
    Kind.NODES: ("[", "]"),
    Kind.DATABASE: ("[(", ")]"),
    Kind.VAULT: ("[[", "]]"),
    Kind.SERVICE: ("(", ")"),
    Kind.ENDPOINT: ("[/", "/]"),
}

PLAIN, NEW, GONE = "", "NEW: ", "GONE: "
ARROWS = {PLAIN: "-->", NEW: "==>", GONE: "-.->"}
COLOURS = {NEW: "stroke:#d1242f,stroke-width:3px", GONE: "stroke:#8c959f"}


@dataclass(frozen=True, slots=True)
class _Arrow:
    """One path, and whether a change makes or stops it."""

    path: Path
    mark: str = PLAIN


def mermaid(deployment: Deployment, before: Deployment | None = None, *, limit: int = LIMIT) -> str:
    """Return the flowchart of *deployment*, with what differs from *before* marked.

    It has at most *limit* characters.
    """
    found = reach.read(deployment)
    arrows = _arrows(found, reach.read(before) if before is not None else None)
    sizes = _sizes(deployment)

    def drawn(most: int) -> str:
        return _text(found, sizes, arrows[:most], len(arrows) - most)

    fitting = bisect_right(
        range(min(len(arrows), MOST_ARROWS) + 1), limit, key=lambda most: len(drawn(most))
    )
    return drawn(fitting - 1) if fitting else TOO_LONG


def _arrows(after: Reach, before: Reach | None) -> list[_Arrow]:
    """Return all arrows, those that say most first."""
    if before is None:
        return sorted(map(_Arrow, reach.merged(after.paths)), key=_weight)
    found = reach.between(before, after)
    marked = [
        *(_Arrow(path, NEW) for path in found.new),
        *(_Arrow(path, GONE) for path in found.gone),
        *map(_Arrow, found.kept),
    ]
    return sorted(marked, key=_weight)


def _weight(arrow: _Arrow) -> tuple[object, ...]:
    """What is new, who comes in, who meets within, who goes out."""
    path = arrow.path
    return (
        (NEW, GONE, PLAIN).index(arrow.mark),
        path.source.kind is not Kind.OUTSIDE,
        path.destination.kind in (Kind.OUTSIDE, Kind.SERVICE),
        str(path),
    )


def _sizes(deployment: Deployment) -> dict[str, list[str]]:
    """Return of each part how many machines of which size it has."""
    found: dict[str, list[str]] = {}
    for line in cost.estimate(deployment, {}).lines:
        kind, _, size = line.meter.name.partition(" ")
        if kind == "machine":
            size = size.rpartition(" ")[0]
        if kind in ("machine", "postgresql", "sql", "rds") and not size.startswith(
            ("storage", "zones")
        ):
            part, _, name = line.part.partition("deployment ")
            owner = reach.MANAGED if name else part
            label = f"{name}: {line.amount} x {size}" if name else f"{line.amount} x {size}"
            found.setdefault(owner, []).append(label)
    return found


def _text(
    found: Reach, sizes: dict[str, list[str]], arrows: Sequence[_Arrow], left_out: int
) -> str:
    drawing = _Drawing(sizes)
    lines = ["flowchart LR", *drawing.boxes(found, arrows), *drawing.arrows(arrows)]
    if left_out:
        more = f"{left_out} more arrows are not drawn here: the diagram would be too long"
        lines.append(f"  more>{quoted(more)}]")
    return "\n".join(lines) + "\n"


class _Drawing:
    """Gives each place an identifier, and draws it once."""

    def __init__(self, sizes: dict[str, list[str]]) -> None:
        self._sizes = sizes
        self._names: dict[tuple[str, Kind], str] = {}

    def boxes(self, found: Reach, arrows: Sequence[_Arrow]) -> Iterator[str]:
        """Yield networks, subnets, and all places."""
        ends = [end for arrow in arrows for end in (arrow.path.source, arrow.path.destination)]
        within = [place for place in found.places if place.subnets]
        inside = {(place.name, place.kind) for place in within}
        named = {(place.name, place.kind): place for place in ends}
        drawn = (place for place in found.places if place.kind is not Kind.OUTSIDE)
        named |= {(p.name, p.kind): p for p in drawn if _is_drawn(p, ends)}
        for key, place in named.items():
            if key not in inside:
                yield f"  {self._box(place)}"
        if within:
            yield f"  subgraph network [{quoted('network ' + ', '.join(found.space))}]"
            for index, (subnets, places) in enumerate(_by_subnets(within).items()):
                yield f"    subgraph subnet{index} [{quoted(*subnets)}]"
                yield from (f"      {self._box(place)}" for place in places)
                yield "    end"
            yield "  end"

    def arrows(self, arrows: Iterable[_Arrow]) -> Iterator[str]:
        """Yield the arrows, and what they look like."""
        colours = []
        for index, arrow in enumerate(arrows):
            source, destination = arrow.path.source, arrow.path.destination
            label = quoted(f"{arrow.mark}{arrow.path.how}")
            line = f"{ARROWS[arrow.mark]}|{label}|"
            yield f"  {self._name(source)} {line} {self._name(destination)}"
            if arrow.mark in COLOURS:
                colours.append(f"  linkStyle {index} {COLOURS[arrow.mark]}")
        yield from colours

    def _name(self, place: Place) -> str:
        return self._names.setdefault((place.name, place.kind), f"place{len(self._names)}")

    def _box(self, place: Place) -> str:
        opened, closed = SHAPES[place.kind]
        # A workspace's private endpoint is that of its online endpoints too.
        part = reach.MANAGED if place.name.endswith(reach.MANAGED) else place.name
        label = quoted(place.name, *self._sizes.get(part, ()))
        return f"{self._name(place)}{opened}{label}{closed}"


def _is_drawn(place: Place, ends: Iterable[Place]) -> bool:
    """Return whether *place* is there by itself: what the cloud has is only where arrows lead."""
    by_arrows = place.kind in (Kind.SERVICE, Kind.BALANCER)
    return not by_arrows or (place.name, place.kind) in {(end.name, end.kind) for end in ends}


def _by_subnets(places: Iterable[Place]) -> dict[tuple[str, ...], list[Place]]:
    found: dict[tuple[str, ...], list[Place]] = {}
    for place in sorted(places, key=lambda each: (each.subnets, each.name)):
        found.setdefault(place.subnets, []).append(place)
    return found
