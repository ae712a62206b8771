"""Charts as SVG inside a page: no library, no script, nothing from elsewhere.

Colours are classes of the page's style, in light and in dark; they differ in lightness too, so that
they are told apart in grey. A line that lies under another one is wider, so that both are seen.
Every chart has a title with its unit, and the figures are in a table beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 42
TICKS = 4
LABELS = 10
"""So many numbers of callers have room below a chart."""

COLOURS = 7
"""Classes `c0` to `c6`."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line, or one layer of bars: a value for each stage; None where nothing was measured."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A value that the lines are held against."""

    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a chart is about."""

    title: str
    unit: str
    callers: Sequence[int]
    """Of each stage."""

    end: int | None = None
    """With so many callers the environment is at its end."""

    most: float = 0.0
    """The scale goes at least so far."""


def lines(frame: Frame, drawn: Sequence[Line], mark: Mark | None = None) -> str:
    """Return a chart with a line for each of *drawn*."""
    values = [value for each in drawn for value in each.values if value is not None]
    most = _nice(max([*values, frame.most, mark.value if mark else 0.0], default=0.0))
    parts = [*_frame(frame, most)]
    if mark:
        y = _up(mark.value, most)
        parts.append(
            f'<line class="mark" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
            f'<text class="mark" x="{LEFT + 6}" y="{y - 5 if y > TOP + 12 else y + 14:.1f}">'
            f"{escape(mark.name)}</text>"
        )
    for number, each in enumerate(drawn):
        points = [
            (_across(place, frame.callers), _up(value, most), value)
            for place, value in zip(frame.callers, each.values, strict=True)
            if value is not None
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        wide = 2 + 1.5 * (len(drawn) - 1 - number)
        colour = f"c{number % COLOURS}"
        parts.append(
            f'<polyline class="{colour}" stroke-width="{min(wide, 8):.1f}" points="{path}"/>'
        )
        for x, y, value in points:
            parts.append(
                f'<circle class="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="{1.5 + min(wide, 8) / 2}">'
                f"<title>{escape(each.name)}: {value:,.1f} {escape(frame.unit)}</title></circle>"
            )
    return _chart(frame, parts, drawn)


def layers(frame: Frame, drawn: Sequence[Line]) -> str:
    """Return a chart with a bar for each stage, in which the layers stand on each other."""
    sums = [sum(each.values[place] or 0.0 for each in drawn) for place in range(len(frame.callers))]
    most = _nice(max([*sums, frame.most], default=0.0))
    parts = [*_frame(frame, most)]
    wide = _bar(frame.callers)
    floor = [0.0] * len(frame.callers)
    for number, each in enumerate(drawn):
        for place, known in enumerate(each.values):
            value = known or 0.0
            top, bottom = _up(floor[place] + value, most), _up(floor[place], most)
            x = _across(frame.callers[place], frame.callers) - wide / 2
            parts.append(
                f'<rect class="c{number % COLOURS}" x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" '
                f'height="{bottom - top:.1f}"><title>{escape(each.name)}: {value:,.1f} '
                f"{escape(frame.unit)}</title></rect>"
            )
            floor[place] += value
    return _chart(frame, parts, drawn)


def _chart(frame: Frame, parts: Sequence[str], drawn: Sequence[Line]) -> str:
    keys = "".join(
        f'<li><svg width="12" height="12" aria-hidden="true"><rect class="c{number % COLOURS}" '
        f'width="12" height="12"/></svg> {escape(each.name)}</li>'
        for number, each in enumerate(drawn)
    )
    return (
        f"<figure><figcaption>{escape(frame.title)} <small>{escape(frame.unit)}</small>"
        f'</figcaption><svg class="chart" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'aria-label="{escape(frame.title)}, {escape(frame.unit)}">{"".join(parts)}</svg>'
        f'<ul class="keys">{keys}</ul></figure>'
    )


def _frame(frame: Frame, most: float) -> Iterator[str]:
    if frame.end is not None:
        x = _across(frame.end, frame.callers)
        yield (
            f'<line class="end" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}">'
            f"<title>its end: {frame.end} callers</title></line>"
        )
    for tick in range(TICKS + 1):
        value = most * tick / TICKS
        y = _up(value, most)
        yield (
            f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{value:,.10g}</text>'
        )
    for callers in _labelled(frame.callers):
        yield (
            f'<text x="{_across(callers, frame.callers):.1f}" y="{HEIGHT - BOTTOM + 18}" '
            f'text-anchor="middle">{callers}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle:.0f}" y="{HEIGHT - 6}" text-anchor="middle">requests at once</text>'


def _labelled(callers: Sequence[int]) -> Sequence[int]:
    """Return those of the stages that are named below a chart, the last one among them."""
    every = -(-len(callers) // LABELS)
    found = list(callers[::-1][::every][::-1]) if callers else []
    # The single caller of the first stage stands too near to a second one of a long scale.
    return [
        each
        for place, each in enumerate(found)
        if place or len(found) == 1 or _apart(found[0], found[1], callers)
    ]


def _apart(one: int, other: int, callers: Sequence[int]) -> bool:
    return abs(_across(one, callers) - _across(other, callers)) >= 24


def _ends(callers: Sequence[int]) -> tuple[int, int]:
    return (min(callers, default=0), max(callers, default=1))


def _bar(callers: Sequence[int]) -> float:
    """Return how wide a bar may be that no two of them touch."""
    places = sorted(_across(each, callers) for each in callers)
    gaps = [after - before for before, after in pairwise(places)]
    return max(min([36.0, *(gap * 0.7 for gap in gaps)]), 1.0)


def _across(callers: float, of: Sequence[int]) -> float:
    first, last = _ends(of)
    room = WIDTH - LEFT - RIGHT - 44
    share = (callers - first) / (last - first) if last > first else 0.5
    return LEFT + 22 + room * share


def _up(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value / most)


def _nice(value: float) -> float:
    """Return a round number that is no smaller, so that a quarter of it is one as well."""
    if value <= 0:
        return 1.0
    size = 1.0
    while size * 10 <= value:
        size *= 10
    while size > value:
        size /= 10
    return next((size * step for step in (1, 2, 4, 6, 8) if size * step >= value), size * 10)
