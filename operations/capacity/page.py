"""The result as one HTML file that needs nothing else: no script, no font, no address to ask.

All that came from an environment or a person is escaped, and the page's own policy forbids a
browser to load anything, should an escape ever be missing.
"""

from collections.abc import Iterator, Sequence
from html import escape

from operations.capacity import charts
from operations.capacity.result import Result
from operations.capacity.samples import PERCENTILES, Stage
from operations.capacity.timing import WHOLE

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #fff; --card: #f6f8fa;
  --edge: #d1d9e0; --grid: #e3e8ed; --accent: #0b5cad; --bad: #b3261e;
  --c0: #0b3c6f; --c1: #d9730d; --c2: #2b8a57; --c3: #a23b8f; --c4: #b59300; --c5: #5c6670;
  --c6: #1f9bb5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --paper: #0d1117; --card: #161b22; --edge: #3d444d;
    --grid: #2a313a; --accent: #58a6ff; --bad: #ff8a80;
    --c0: #79b8ff; --c1: #ffab5e; --c2: #5ad192; --c3: #e08ad3; --c4: #e3c94b; --c5: #a9b4bf;
    --c6: #5fd3ea; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; margin: 0 auto; max-width: 68rem;
  padding: 2rem 1.25rem 4rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin: 0; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--edge); }
.about { color: var(--soft); margin: .3rem 0 1.4rem; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
  padding: .7rem .9rem; }
.card b { display: block; font-size: 1.45rem; line-height: 1.3; overflow-wrap: anywhere; }
.card span { color: var(--soft); font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr));
  gap: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
  padding: .8rem .9rem .5rem; }
figcaption { font-weight: 600; } figcaption small { color: var(--soft); font-weight: 400; }
.chart { width: 100%; height: auto; display: block; }
.chart text { font-size: 12px; fill: var(--soft); }
.chart polyline { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.chart .grid { stroke: var(--grid); }
.chart .end { stroke: var(--soft); stroke-dasharray: 3 4; }
.chart line.mark { stroke: var(--bad); stroke-dasharray: 7 4; stroke-width: 1.5; }
.chart text.mark { fill: var(--bad); }
.keys { list-style: none; padding: 0; margin: .3rem 0; display: flex; flex-wrap: wrap;
  gap: .1rem 1.1rem; font-size: .85rem; }
COLOURS.table { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--edge); }
td { border-bottom: 1px solid var(--grid); } tr.end td { background: var(--card);
  font-weight: 600; }
.words td { text-align: left; white-space: normal; vertical-align: top; }
.words td:nth-child(-n+2) { white-space: nowrap; } .words th { text-align: left; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88rem; }
pre { background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
  padding: .8rem; overflow-x: auto; }
p.end { border-left: 4px solid var(--accent); padding-left: .8rem; }
li { overflow-wrap: anywhere; }
@media print { body { max-width: none; } figure { break-inside: avoid; } }
""".replace(
    "COLOURS",
    "".join(
        f"polyline.c{each} {{ stroke: var(--c{each}); }} "
        f"circle.c{each}, rect.c{each} {{ fill: var(--c{each}); }}\n"
        for each in range(charts.COLOURS)
    ),
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(result: Result) -> str:
    """Return the page."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Capacity of {escape(result.asked)} on {escape(result.stack)}</title>"
        f"<style>{STYLE}</style></head><body>{''.join(_body(result))}</body></html>\n"
    )


def _body(result: Result) -> Iterator[str]:
    stages = result.measured.stages
    yield f"<h1>Capacity of {escape(result.asked)} on {escape(result.stack)}</h1>"
    yield (
        f'<p class="about">{escape(result.endpoint)} &middot; '
        f"{escape(result.began.strftime('%Y-%m-%d %H:%M %Z'))} &middot; strategy "
        f"{escape(result.strategy.name)}, ended as {escape(result.measured.ended)}</p>"
    )
    yield '<div class="cards">'
    for value, what in _cards(result):
        yield f'<div class="card"><b>{escape(value)}</b><span>{escape(what)}</span></div>'
    yield "</div><h2>Where it ends</h2>"
    yield from _end(result)
    if stages:
        yield '<h2>Stages</h2><div class="charts">'
        yield from _charts(result)
        yield "</div>"
        yield _table(result)
        yield from _errors(stages)
    if result.target and result.recommendation:
        yield from _advice(result)
    if result.notes:
        yield "<h2>What was not seen</h2>"
        yield _list(result.notes)


def _cards(result: Result) -> Iterator[tuple[str, str]]:
    found, stages = result.saturation, result.measured.stages
    yield f"{found.throughput:,.1f}", "answers a second, the most that were seen"
    if found.reached:
        yield found.tier, f"limits it, from {_callers(found.threads)} on"
    else:
        yield "not reached", f"its end, with {_callers(found.threads)}"
    first = next((stage.answers for stage in stages if stage.answers), None)
    if first:
        yield f"{first.median * 1000:,.0f} ms", "half of the answers to a single caller"
    if result.target and result.recommendation:
        count = len(result.recommendation.changes)
        words = f"{count} change{'' if count == 1 else 's'}" if count else "enough"
        yield (
            words if result.recommendation.reachable else "out of reach",
            f"for {result.target.rate:g} a second within {result.target.latency * 1000:.0f} ms",
        )


def _callers(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'} at once"


def _end(result: Result) -> Iterator[str]:
    found = result.saturation
    if found.reached:
        words = (
            f"At its end with {_callers(found.threads)}, at {found.throughput:.1f} answers a "
            f"second. What limits it: {found.tier}."
        )
    else:
        words = (
            f"Not at its end: {found.throughput:.1f} requests a second with "
            f"{_callers(found.threads)} were answered, and more may be."
        )
    yield f'<p class="end">{escape(words)}</p>'
    yield _list(found.evidence)


def _charts(result: Result) -> Iterator[str]:
    stages, target = result.measured.stages, result.target
    callers = [stage.threads for stage in stages]
    end = result.saturation.threads if result.saturation.reached else None

    def frame(title: str, unit: str, most: float = 0.0) -> charts.Frame:
        return charts.Frame(title=title, unit=unit, callers=callers, end=end, most=most)

    yield charts.lines(
        frame("Answers", "a second"),
        [charts.Line(name="answered", values=[stage.throughput for stage in stages])],
        charts.Mark(name=f"stated load {target.rate:g}", value=target.rate) if target else None,
    )
    limit = target.latency if target else result.strategy.limit
    yield charts.lines(
        frame("Time of an answer", "ms"),
        [
            charts.Line(
                name=f"{percent} of 100 are no slower",
                values=[s.answers.percentiles[percent] * 1000 if s.answers else None
                        for s in stages],
            )
            for percent in (50, 95, 99)
        ],
        charts.Mark(name=f"limit {limit * 1000:.0f} ms, for 95 of 100", value=limit * 1000)
        if limit
        else None,
    )  # fmt: skip
    parts = sorted({name for stage in stages for name in stage.means if name != WHOLE})
    if parts:
        drawn = [
            charts.Line(name=name, values=[_ms(s.means.get(name)) for s in stages])
            for name in parts
        ]
        yield charts.layers(frame("Where the time goes", "ms, means"), drawn)
    probes = sorted({name for stage in stages for name in stage.probes})
    if probes:
        drawn = [
            charts.Line(
                name=name,
                values=[_ms(s.probes[name].mean if name in s.probes else None) for s in stages],
            )
            for name in probes
        ]
        yield charts.lines(frame("Probes beside the load", "ms, means"), drawn)
    roles = sorted({role for stage in stages for role in stage.busy})
    drawn = [
        charts.Line(
            name=f"busiest {role} node",
            values=[s.busy[role].cpu * 100 if role in s.busy else None for s in stages],
        )
        for role in roles
    ]
    if any(stage.api is not None for stage in stages):
        shares = [None if stage.api is None else stage.api * 100 for stage in stages]
        drawn.append(charts.Line(name="API service, of one processor", values=shares))
    if drawn:
        yield charts.lines(frame("Processors", "percent busy", 100.0), drawn)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _table(result: Result) -> str:
    percents = "".join(f"<th>p{each} ms</th>" for each in PERCENTILES)
    end = result.saturation.threads if result.saturation.reached else None
    rows = "".join(_row(stage, end) for stage in result.measured.stages)
    return (
        f'<div class="table"><table><thead><tr><th>at once</th><th>a second</th><th>mean ms</th>'
        f"{percents}<th>answered</th><th>failed</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(stage: Stage, end: int | None) -> str:
    took = stage.answers
    values = [took.mean, *took.percentiles.values()] if took else []
    cells = [f"{value * 1000:,.1f}" for value in values] or ["-"] * (len(PERCENTILES) + 1)
    cells = [str(stage.threads), f"{stage.throughput:,.1f}", *cells, f"{stage.good:,}"]
    row = "".join(f"<td>{each}</td>" for each in [*cells, f"{stage.failed:,}"])
    return f'<tr class="end">{row}</tr>' if stage.threads == end else f"<tr>{row}</tr>"


def _errors(stages: Sequence[Stage]) -> Iterator[str]:
    found: dict[str, int] = {}
    for stage in stages:
        for why, count in stage.errors.items():
            found[why] = found.get(why, 0) + count
    if found:
        yield "<h2>What failed</h2>"
        yield _list([f"{count} times: {why}" for why, count in found.items()])


def _advice(result: Result) -> Iterator[str]:
    target, advice = result.target, result.recommendation
    if target is None or advice is None:
        return
    yield (f"<h2>For {target.rate:g} requests a second within {target.latency * 1000:.0f} ms</h2>")
    yield _list(advice.notes)
    if advice.changes:
        rows = "".join(
            f"<tr><td><code>{escape('.'.join(each.path))}</code></td><td><b>{each.value}</b></td>"
            f"<td>{escape(each.why)}</td></tr>"
            for each in advice.changes
        )
        yield (
            '<div class="table"><table class="words"><thead><tr><th>setting</th><th>value</th>'
            f"<th>why</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )
    if not advice.changes and advice.reachable:
        yield "<p>The settings are enough as they are.</p>"
    if result.patch:
        yield f"<pre>{escape(result.patch)}</pre>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in lines) + "</ul>" if lines else ""
