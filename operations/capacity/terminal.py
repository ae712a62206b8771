"""The result on a terminal: a line for each stage while it runs, then a plot and what follows."""

from collections.abc import Iterator, Sequence

from operations.capacity.result import Result
from operations.capacity.samples import Stage

WIDTH = 40
BLOCKS = " ▏▎▍▌▋▊▉█"
CONTROL = {code: None for code in (*range(32), *range(127, 160)) if code != 10}


def progressed(stage: Stage) -> str:
    """Return a stage in a line, in the words of the product's console (facts.md 14.3)."""
    head = f"  with {stage.threads} thread{'s' if stage.threads > 1 else ''}"
    if stage.answers is None:
        return plain(f"{head}: no good answer, {_failures(stage)}")
    took = stage.answers
    line = (
        f"{head} was {took.mean * 1000:.0f}ms: p50 {took.median * 1000:.0f}, "
        f"p95 {took.p95 * 1000:.0f}, p99 {took.percentiles[99] * 1000:.0f} ms, "
        f"{stage.throughput:.1f} requests a second"
    )
    line += f", {_failures(stage)}" if stage.failed else ""
    return plain(f"{line} (ended before its time)" if stage.cut else line)


def _failures(stage: Stage) -> str:
    worst = max(stage.errors, key=lambda each: stage.errors[each], default="nothing was asked")
    return f"{stage.failed} failed ({worst})"


def shown(result: Result) -> str:
    """Return the plot, the end of the environment and the recommendation."""
    return plain("\n".join(_lines(result))) + "\n"


def plain(text: str) -> str:
    """Return *text* without what a terminal would obey: parts of it come from the environment."""
    return text.translate(CONTROL)


def _lines(result: Result) -> Iterator[str]:
    stages = result.measured.stages
    yield f"{result.asked} on {result.endpoint}: {result.measured.ended or 'measured'}"
    yield ""
    yield from _plot("requests a second", [(s.threads, s.throughput) for s in stages])
    yield from _plot(
        "ms for 95 of 100 answers",
        [(s.threads, s.answers.p95 * 1000 if s.answers else 0.0) for s in stages],
    )
    yield from _parts(stages)
    yield from _end(result)
    if result.target and result.recommendation:
        yield from _advice(result)
    for note in result.notes:
        yield f"note: {note}"


def _plot(title: str, points: Sequence[tuple[int, float]]) -> Iterator[str]:
    most = max((value for _, value in points), default=0.0)
    if most <= 0:
        return
    yield title
    for threads, value in points:
        eighths = round(value / most * WIDTH * 8)
        bar = BLOCKS[8] * (eighths // 8) + BLOCKS[eighths % 8].strip()
        yield f"  {threads:>4} {bar:<{WIDTH}} {value:,.1f}"
    yield ""


def _parts(stages: Sequence[Stage]) -> Iterator[str]:
    last = next((stage for stage in reversed(stages) if stage.means or stage.probes), None)
    if last is None:
        return
    yield f"mean ms, with {last.threads} thread{'s' if last.threads > 1 else ''}"
    for name, seconds in last.means.items():
        yield f"  {name:<28} {seconds * 1000:>10.1f}"
    for name, figures in last.probes.items():
        yield f"  {name:<28} {figures.mean * 1000:>10.1f}"
    for role, busy in last.busy.items():
        yield f"  {f'processors of {role} nodes':<28} {busy.cpu:>10.0%}"
    if last.api is not None:
        yield f"  {'a processor, by the API':<28} {last.api:>10.0%}"
    yield ""


def _end(result: Result) -> Iterator[str]:
    found = result.saturation
    if not found.reached:
        yield (
            f"not at its end: {found.throughput:.1f} requests a second with {found.threads} "
            "parallel ones were answered, and more may be"
        )
    else:
        yield (
            f"at its end with {found.threads} parallel requests, at {found.throughput:.1f} a "
            f"second; what limits it: {found.tier}"
        )
    for line in found.evidence:
        yield f"  {line}"


def _advice(result: Result) -> Iterator[str]:
    target, advice = result.target, result.recommendation
    if target is None or advice is None:
        return
    yield ""
    yield f"for {target.rate:g} requests a second within {target.latency * 1000:.0f} ms:"
    for note in advice.notes:
        yield f"  {note}"
    for change in advice.changes:
        yield f"  {'.'.join(change.path)}: {change.value}  # {change.why}"
    if not advice.changes and advice.reachable:
        yield "  the settings are enough as they are"
    if result.patch:
        yield ""
        yield from result.patch.splitlines()
