"""Charts as SVG inside a page: no library, no script, nothing from elsewhere.

Colours differ in lightness too, so that they are told apart in grey; every chart has a title and
the figures are in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 40
TICKS = 4
COLOURS = ("#1f4e79", "#c55a11", "#548235", "#7f6000", "#7030a0", "#404040", "#2e9999")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line, or one layer of bars: a value for each stage."""

    name: str
    values: Sequence[float]


def lines(title: str, unit: str, stages: Sequence[str], drawn: Sequence[Line]) -> str:
    """Return a chart with a line for each of *drawn* over *stages*."""
    most = _nice(max((value for each in drawn for value in each.values), default=0.0))
    parts = [_frame(title, unit, stages, most)]
    for number, each in enumerate(drawn):
        colour = COLOURS[number % len(COLOURS)]
        points = [
            (_across(place, len(stages)), _up(value, most))
            for place, value in enumerate(each.values)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        for (x, y), value in zip(points, each.values, strict=True):
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">'
                f"<title>{escape(each.name)}: {value:,.1f} {escape(unit)}</title></circle>"
            )
    return _chart(title, parts, drawn)


def layers(title: str, unit: str, stages: Sequence[str], drawn: Sequence[Line]) -> str:
    """Return a chart with a bar for each of *stages*, in which the layers stand on each other."""
    sums = [sum(each.values[place] for each in drawn) for place in range(len(stages))]
    most = _nice(max(sums, default=0.0))
    parts = [_frame(title, unit, stages, most)]
    wide = (WIDTH - LEFT - RIGHT) / max(len(stages), 1) * 0.6
    floor = [0.0] * len(stages)
    for number, each in enumerate(drawn):
        colour = COLOURS[number % len(COLOURS)]
        for place, value in enumerate(each.values):
            top, bottom = _up(floor[place] + value, most), _up(floor[place], most)
            x = _across(place, len(stages)) - wide / 2
            parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{bottom - top:.1f}" '
                f'fill="{colour}"><title>{escape(each.name)}: {value:,.1f} {escape(unit)}</title>'
                "</rect>"
            )
            floor[place] += value
    return _chart(title, parts, drawn)


def _chart(title: str, parts: Sequence[str], drawn: Sequence[Line]) -> str:
    keys = "".join(
        f'<li><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" '
        f'fill="{COLOURS[number % len(COLOURS)]}"/></svg> {escape(each.name)}</li>'
        for number, each in enumerate(drawn)
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg class="chart" role="img" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{escape(title)}">{"".join(parts)}</svg>'
        f'<ul class="keys">{keys}</ul></figure>'
    )


def _frame(title: str, unit: str, stages: Sequence[str], most: float) -> str:
    del title
    found = []
    for tick in range(TICKS + 1):
        value = most * tick / TICKS
        y = _up(value, most)
        found.append(
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ccc"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.10g}</text>'
        )
    found += [
        f'<text x="{_across(place, len(stages)):.1f}" y="{HEIGHT - BOTTOM + 18}" '
        f'text-anchor="middle">{escape(name)}</text>'
        for place, name in enumerate(stages)
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    found.append(
        f'<text x="{middle:.0f}" y="{HEIGHT - 4}" text-anchor="middle">parallel requests '
        f"(vertical: {escape(unit)})</text>"
    )
    return "".join(found)


def _across(place: int, of: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / max(of, 1)


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
    return next((size * step for step in (1, 2, 4, 8) if size * step >= value), size * 10)
