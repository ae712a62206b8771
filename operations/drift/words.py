"""A report of drift as text: for a terminal, for an issue, for a program."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from operations.drift import noise
from operations.drift.report import Changed, Report
from operations.drift.severity import ORDER, Severity
from operations.drift.values import ABSENT
from operations.export.state import SECRET

TITLES: Final[Mapping[Severity, str]] = {
    "security": "Security",
    "gone": "Gone",
    "changed": "Changed",
}
LONGEST = 160
"""Characters of a value; the resource itself has the rest."""

MOST = 60
"""Rows of a table in Markdown, and what it lists as left out: an issue has 65,536 characters."""


def terminal(report: Report) -> str:
    """Return the report for people at a terminal."""
    lines = [_headline(report)]
    for level in ORDER:
        found = report.of(level)
        if found:
            lines += ["", f"{TITLES[level]} ({len(found)})"]
            lines += [line for each in found for line in _lines(each)]
    if report.left_out:
        lines += ["", f"No drift, and left out: {_left_out(report)}"]
    if report.pending:
        lines += ["", UNDER_WAY]
        lines += [f"  {each.kind} {each.name}: {each.meaning}" for each in report.pending]
    if report.changed:
        lines += ["", *WHAT_NOW]
    return "\n".join(lines) + "\n"


def markdown(report: Report) -> str:
    """Return the report for an issue or a pull request."""
    lines = [f"### {_headline(report)}"]
    for level in ORDER:
        found = report.of(level)
        if found:
            lines += ["", f"**{TITLES[level]}**", "", "| Resource | Property | Deployed | Now |"]
            lines += ["|---|---|---|---|", *_cut([row for each in found for row in _rows(each)])]
    if report.left_out:
        lines += ["", "<details><summary>No drift, and left out</summary>", ""]
        lines += _cut(
            [
                f"- {_code(str(each.resource))} {_code(each.path)}: {each.why}"
                for each in report.left_out
            ]
        )
        lines += ["", "</details>"]
    if report.pending:
        lines += ["", UNDER_WAY, ""]
        lines += [f"- {each.kind} {_code(each.name)}: {each.meaning}" for each in report.pending]
    if report.changed:
        lines += ["", *WHAT_NOW]
    return "\n".join(lines) + "\n"


UNDER_WAY = "An update had begun and not ended:"

WHAT_NOW = (
    "The next up of the stack puts it back as the program says; what is to stay belongs into the",
    "stack file or the program first.",
)


def as_json(report: Report) -> str:
    """Return the report for programs."""
    found = {
        "stack": report.stack,
        "lookedAt": report.looked_at,
        "drift": [_object(each) for each in report.changed],
        "leftOut": [
            {"urn": each.resource.urn, "path": each.path, "why": each.why}
            for each in report.left_out
        ],
        "pending": [{"kind": each.kind, "urn": each.urn} for each in report.pending],
    }
    return json.dumps(found, indent=2) + "\n"


FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "terminal": terminal,
    "markdown": markdown,
    "json": as_json,
}


def _headline(report: Report) -> str:
    count = len(report.changed)
    if not count:
        return f"Stack {report.stack}: all {report.looked_at} resources are as they were deployed"
    are = "resource is" if count == 1 else "resources are"
    return f"Stack {report.stack}: {count} of {report.looked_at} {are} not as deployed"


def _lines(changed: Changed) -> Iterator[str]:
    yield f"  {changed.resource}{' is gone' if changed.gone else ''}"
    for each in changed.properties:
        if each.before is SECRET or each.after is SECRET:
            yield f"    {each.path}: another secret"
        else:
            yield f"    {each.path}: {_told(each.before)} -> {_told(each.after)}"


def _rows(changed: Changed) -> Iterator[str]:
    resource = _code(str(changed.resource))
    if changed.gone:
        yield f"| {resource} | | | gone |"
    for each in changed.properties:
        if each.before is SECRET or each.after is SECRET:
            yield f"| {resource} | {_code(each.path)} | secret | another secret |"
        else:
            before, after = _code(_told(each.before)), _code(_told(each.after))
            yield f"| {resource} | {_code(each.path)} | {before} | {after} |"


def _cut(lines: list[str]) -> list[str]:
    """Return as many *lines* as a page has room for, and how many more there are."""
    if len(lines) <= MOST:
        return lines
    return [*lines[:MOST], "", f"and {len(lines) - MOST} more, which `scripts/drift` lists"]


def _left_out(report: Report) -> str:
    counts = noise.counted(each.why for each in report.left_out)
    return "; ".join(f"{count} {why}" for why, count in counts.items())


def _told(value: Any) -> str:
    """Return a value on one line, without the secrets in it."""
    if value is ABSENT:
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, default=repr, sort_keys=True)
    text = " ".join(text.split()) if text.isprintable() else json.dumps(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _code(text: str) -> str:
    """Return *text* as code inside of a table: only these two end it."""
    return f"`{text.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _object(changed: Changed) -> dict[str, Any]:
    return {
        "urn": changed.resource.urn,
        "type": changed.resource.type,
        "name": changed.resource.name,
        "id": changed.resource.id,
        "severity": changed.severity,
        "gone": changed.gone,
        "properties": [
            {"path": each.path, "before": _plain(each.before), "after": _plain(each.after)}
            for each in changed.properties
        ],
    }


def _plain(value: Any) -> Any:
    if value is ABSENT:
        return None
    return json.loads(json.dumps(value, default=lambda each: f"({each!r})".lower()))
