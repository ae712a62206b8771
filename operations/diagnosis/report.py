"""What people and programs read of a diagnosis."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from operations.diagnosis.kinds import Finding, Severity
from operations.diagnosis.looking import Looked

COLOURS = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow"}
WIDTH = 100
"""Columns where the output is no terminal."""


def machine(looked: Looked) -> str:
    """Return the report as JSON."""
    return json.dumps(
        {
            "stack": looked.stack,
            "healthy": not looked.findings,
            "seconds": round(looked.seconds, 1),
            "findings": [_told(each, looked.stack) for each in looked.findings],
            "nodes": [
                {
                    "name": each.instance.node.name,
                    "role": each.role,
                    "address": each.instance.node.address,
                    "state": each.instance.state,
                    "seconds": round(each.answered - each.asked, 1),
                }
                for each in looked.nodes
            ],
            "trace": [
                {"step": step.name, "seconds": step.seconds, "failed": step.failed}
                for step in looked.steps
            ],
            "notLookedInto": list(looked.unseen),
        },
        indent=2,
        ensure_ascii=False,
    )


def _told(finding: Finding, stack: str) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": str(finding.kind.severity),
        "place": finding.place,
        "title": finding.kind.title,
        "what": finding.what,
        "cure": finding.cure(stack),
        "link": finding.link,
    }


def terminal(looked: Looked, console: Console | None = None) -> None:
    """Print the report for a person."""
    console = console or _console()
    console.print(Text(_head(looked), style="bold" if looked.findings else "bold green"))
    if looked.findings:
        console.print(_table(looked.findings, looked.stack))
    if looked.steps:
        way = ", ".join(
            f"{step.name} {step.seconds:.1f} s{' FAILED' if step.failed else ''}"
            for step in looked.steps
        )
        console.print(Text(f"trace: {way}", style="dim"))
    for each in looked.unseen:
        console.print(Text(f"not looked into: {each}", style="dim"))


def _console() -> Console:
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    return console


def plain(words: str) -> str:
    """Return what a node said without what a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in words)


def _head(looked: Looked) -> str:
    count = len(looked.nodes)
    machines = looked.machines if count != 1 else looked.machines.removesuffix("s")
    nodes = f"{count} {machines}, {looked.seconds:.0f} s"
    if not looked.findings:
        return f"stack '{looked.stack}' is well ({nodes})"
    counts = Counter(each.kind.severity for each in looked.findings)
    words = ", ".join(f"{counts[each]} {each}" for each in Severity if counts[each])
    return f"stack '{looked.stack}' is not well: {words} ({nodes})"


def _table(findings: Sequence[Finding], stack: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_lines=True)
    table.add_column("what is wrong", ratio=3, overflow="fold")
    table.add_column("where", ratio=2, overflow="fold")
    table.add_column("what to do", ratio=3, overflow="fold")
    places: dict[tuple[str, str], dict[str, Finding]] = {}
    for each in findings:
        places.setdefault((each.id, each.what), {})[each.place] = each
    # The same of several nodes is one row: a database that is away is said by all of them.
    for alike in places.values():
        each = next(iter(alike.values()))
        title = Text(f"{each.kind.severity}: ", style=COLOURS[each.kind.severity])
        title.append(each.kind.title, style="default")
        what = Group(title, Text(plain(each.what)), Text(each.id, style="dim"))
        cure = Group(Text(each.cure(stack)), Text(each.link, style="dim"))
        table.add_row(what, Text("\n".join(map(plain, alike))), cure)
    return table
