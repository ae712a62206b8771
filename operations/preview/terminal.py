"""The report on a terminal."""

from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.preview.changes import Change
from operations.preview.escaping import Quoted, Sentence, lines, plain
from operations.preview.headline import headline, title
from operations.preview.report import Report

MARKS = {
    "delete": ("-", "red"),
    "replace": ("±", "magenta"),
    "update": ("~", "yellow"),
    "create": ("+", "green"),
    "import": ("=", "cyan"),
}
WIDE = 160
"""Columns of a file."""

SHOWN = 30
"""Lines of differences of one resource."""


def terminal(report: Report, out: TextIO) -> None:
    """Write the report; colours only where *out* is a terminal."""
    wide = None if out.isatty() else WIDE
    console = Console(
        file=out, width=wide, highlight=False, soft_wrap=True, markup=False, emoji=False
    )
    console.print(_sentence(title(report), "bold"))
    for each in headline(report):
        style = "bold red" if each.loud else "bold"
        console.print(Text(f"  {each.label}: ", style).append_text(_sentence(each.words)))
    for part in (_weakened, _reach, _policy, _changes, _cost, _messages):
        for line in part(report):
            console.print(line)
    if report.counts:
        console.print()
        console.print(_sizes(report))


def _sentence(words: Sentence, style: str = "") -> Text:
    made = Text(style=style)
    for word in words:
        made.append(plain(word), "cyan" if isinstance(word, Quoted) else "")
    return made


def _weakened(report: Report) -> Iterator[Text]:
    if report.weakened:
        yield Text("")
        yield Text("What protects less", "bold")
    for each in report.weakened:
        yield Text(f"  {each.kind}: ", "red").append_text(_sentence(each.words))


def _reach(report: Report) -> Iterator[Text]:
    found = report.reach
    if not (found.new or found.gone or found.unclear or found.doubts):
        return
    yield Text("")
    yield Text("Who may talk to whom", "bold")
    for path in found.new:
        yield Text(f"  + {plain(str(path))}", "bold red" if path.source.is_internet else "green")
    for path in found.gone:
        yield Text(f"  - {plain(str(path))}", "red")
    for path in found.unclear:
        yield Text(f"  ? whether {plain(str(path))} still is not known", "yellow")
    for place, why in found.doubts:
        yield Text(f"  ? {plain(place)}: {plain(why)}", "yellow")


def _policy(report: Report) -> Iterator[Text]:
    found = report.policy
    if not found.ran:
        return
    yield Text("")
    yield Text(f"Policy: {found.passed} hold, {found.failed} do not", "bold")
    for style, each in (
        *(("red", each) for each in found.refused),
        *(("yellow", each) for each in found.advised),
        *(("dim", each) for each in (*found.exempted, *found.undecided)),
    ):
        for index, line in enumerate(lines(each.text)):
            yield Text(f"  {'  ' if index else ''}{line}", "" if index else style)


def _changes(report: Report) -> Iterator[Text]:
    if report.changes:
        yield Text("")
        yield Text("Resources", "bold")
    for each in report.changes:
        yield from _change(each)


def _change(change: Change) -> Iterator[Text]:
    mark, style = MARKS[change.op]
    head = Text(f"  {mark} {plain(change.name)}", style).append(f"  {plain(change.type)}", "dim")
    yield head
    for cause in change.causes:
        yield Text("      because ").append_text(_sentence(cause.words))
    shown = [line for each in change.differences for line in each.lines()]
    for line in shown[:SHOWN]:
        colour = {"+": "green", "-": "red"}.get(line[:1], "dim")
        yield Text(f"      {plain(line)}", colour)
    if len(shown) > SHOWN:
        yield Text(f"      … and {len(shown) - SHOWN} more lines", "dim")


def _cost(report: Report) -> Iterator[Text]:
    words = report.cost.words()
    if words:
        yield Text("")
        yield Text("Cost", "bold")
    for line in words:
        yield Text(f"  {plain(line)}")


def _messages(report: Report) -> Iterator[Text]:
    for label, style, found in (
        ("error", "red", report.errors),
        ("warning", "yellow", report.warnings),
    ):
        for each in found:
            yield Text("")
            for index, line in enumerate(lines(each.text)):
                yield Text(line if index else f"{label}: {line.removeprefix(f'{label}: ')}", style)


def _sizes(report: Report) -> Table:
    table = Table(title="Counts and sizes", title_justify="left", box=None, pad_edge=False)
    for name in ("", "before", "after"):
        table.add_column(name)
    for each in report.counts:
        style = "bold red" if each.loud else "bold" if each.changed else "dim"
        sides = (each.before, each.after)
        table.add_row(*(Text(plain(str(side or "none")), style) for side in (each.name, *sides)))
    return table
