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
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
       color: #1b1b1b; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .6rem; text-align: right; }
th { border-bottom: 2px solid #999; } td { border-bottom: 1px solid #ddd; }
figure { margin: 1rem 0; } figcaption { font-weight: 600; }
.chart { width: 100%; height: auto; } .chart text { font-size: 12px; fill: #333; }
.keys { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1.2rem; }
pre { background: #f4f4f4; padding: .8rem; overflow-x: auto; }
.end { border-left: 4px solid #1f4e79; padding-left: .8rem; }
"""
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
        f"<p>{escape(result.endpoint)}, {escape(result.began.strftime('%Y-%m-%d %H:%M %Z'))}, "
        f"strategy {escape(result.strategy.name)}: {escape(result.measured.ended)}</p>"
    )
    yield "<h2>Where it ends</h2>"
    yield from _end(result)
    if stages:
        yield "<h2>Stages</h2>"
        yield from _charts(stages)
        yield _table(stages)
        yield from _errors(stages)
    if result.target and result.recommendation:
        yield from _advice(result)
    if result.notes:
        yield "<h2>What was not seen</h2>"
        yield _list(result.notes)


def _end(result: Result) -> Iterator[str]:
    found = result.saturation
    if found.reached:
        words = (
            f"At its end with {found.threads} parallel requests, at {found.throughput:.1f} a "
            f"second. What limits it: {found.tier}."
        )
    else:
        words = (
            f"Not at its end: {found.throughput:.1f} requests a second with {found.threads} "
            "parallel ones were answered, and more may be."
        )
    yield f'<p class="end">{escape(words)}</p>'
    yield _list(found.evidence)


def _charts(stages: Sequence[Stage]) -> Iterator[str]:
    names = [str(stage.threads) for stage in stages]
    answered = [charts.Line(name="answered", values=[stage.throughput for stage in stages])]
    yield charts.lines("Answers a second", "a second", names, answered)
    took = [
        charts.Line(
            name=f"p{percent}",
            values=[s.answers.percentiles[percent] * 1000 if s.answers else 0.0 for s in stages],
        )
        for percent in PERCENTILES
    ]
    yield charts.lines("Time of an answer", "ms", names, took)
    parts = sorted({name for stage in stages for name in stage.means if name != WHOLE})
    if parts:
        drawn = [
            charts.Line(name=name, values=[s.means.get(name, 0.0) * 1000 for s in stages])
            for name in parts
        ]
        yield charts.layers("Where the time goes (means)", "ms", names, drawn)
    probes = sorted({name for stage in stages for name in stage.probes})
    if probes:
        drawn = [
            charts.Line(
                name=name,
                values=[s.probes[name].mean * 1000 if name in s.probes else 0.0 for s in stages],
            )
            for name in probes
        ]
        yield charts.lines("Probes beside the load (means)", "ms", names, drawn)
    roles = sorted({role for stage in stages for role in stage.busy})
    if roles:
        drawn = [
            charts.Line(
                name=f"{role} nodes",
                values=[s.busy[role].cpu * 100 if role in s.busy else 0.0 for s in stages],
            )
            for role in roles
        ]
        yield charts.lines("Processors of the busiest node", "percent", names, drawn)


def _table(stages: Sequence[Stage]) -> str:
    percents = "".join(f"<th>p{each} ms</th>" for each in PERCENTILES)
    rows = "".join(_row(stage) for stage in stages)
    return (
        f"<table><thead><tr><th>parallel</th><th>a second</th><th>mean ms</th>{percents}"
        f"<th>answered</th><th>failed</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(stage: Stage) -> str:
    took = stage.answers
    values = [took.mean, *took.percentiles.values()] if took else []
    cells = [f"{value * 1000:.1f}" for value in values] or ["-"] * (len(PERCENTILES) + 1)
    cells = [str(stage.threads), f"{stage.throughput:.1f}", *cells, str(stage.good)]
    return "<tr>" + "".join(f"<td>{each}</td>" for each in [*cells, str(stage.failed)]) + "</tr>"


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
    yield _list([f"{'.'.join(c.path)}: {c.value}: {c.why}" for c in advice.changes])
    if not advice.changes and advice.reachable:
        yield "<p>The settings are enough as they are.</p>"
    if result.patch:
        yield f"<pre>{escape(result.patch)}</pre>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in lines) + "</ul>" if lines else ""
