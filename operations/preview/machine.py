"""The report as JSON, for programs. Its shape is in docs/preview.md and has a version.

A new key is no new version; one that goes, or comes to mean something else, is.
"""

from typing import Any

from operations.preview.changes import Cause, Change
from operations.preview.counts import Size
from operations.preview.escaping import said
from operations.preview.headline import headline, title
from operations.preview.policy import Violation
from operations.preview.report import Report
from operations.reach import Path

VERSION = 1

VERDICTS = ("fine", "failed", "refused")


def machine(report: Report) -> dict[str, Any]:
    """Return the report as plain JSON."""
    return {
        "version": VERSION,
        "stack": report.stack,
        "against": report.against,
        "verdict": VERDICTS[report.exit_code],
        "title": said(title(report)),
        "headline": [
            {"label": each.label, "text": said(each.words), "loud": each.loud}
            for each in headline(report)
        ],
        "losses": [
            {
                "op": each.op,
                "name": each.name,
                "type": each.type,
                "urn": each.urn,
                "lost": each.lost,
                "left": each.left,
                "data": each.loud,
                "refused": each.refused,
                "causes": [_cause(cause) for cause in each.causes],
            }
            for each in report.losses
        ],
        "weakened": [
            {"kind": each.kind, "name": each.name, "type": each.type, "what": said(each.what)}
            for each in report.weakened
        ],
        "reach": {
            "new": [_path(each) for each in report.reach.new],
            "gone": [_path(each) for each in report.reach.gone],
            "kept": [_path(each) for each in report.reach.kept],
            "unclear": [_path(each) for each in report.reach.unclear],
            "doubts": [{"place": place, "why": why} for place, why in report.reach.doubts],
        },
        "policy": {
            "packs": list(report.policy.packs),
            "passed": report.policy.passed,
            "failed": report.policy.failed,
            "refused": [_violation(each) for each in report.policy.refused],
            "advised": [_violation(each) for each in report.policy.advised],
            "exempted": [_violation(each) for each in report.policy.exempted],
            "undecided": [_violation(each) for each in report.policy.undecided],
        },
        "totals": {**report.totals, "same": report.unchanged},
        "changes": [_change(each) for each in report.changes],
        "sizes": [
            {"name": each.name, "before": _size(each.before), "after": _size(each.after)}
            for each in report.counts
        ],
        "cost": list(report.cost.words()),
        "diagram": report.diagram,
        "drift": [
            {
                "name": each.recorded.name,
                "urn": each.recorded.urn,
                "gone": each.found is None,
                "properties": list(each.properties),
            }
            for each in report.drift
        ],
        "errors": [each.text for each in report.errors],
        "warnings": [each.text for each in report.warnings],
        "notes": list(report.notes),
    }


def _path(path: Path) -> dict[str, Any]:
    return {
        "source": path.source.name,
        "destination": path.destination.name,
        "how": path.how,
        "internet": path.source.is_internet,
        "note": path.note,
        "text": str(path),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "property": cause.key,
        "resources": list(cause.resources),
        "replaced": bool(cause.resources) and cause.replaced,
    }


def _violation(violation: Violation) -> dict[str, Any]:
    return {
        "policy": violation.policy,
        "level": violation.level,
        "resource": violation.resource,
        "urn": violation.urn,
        "text": violation.text,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "op": change.op,
        "name": change.name,
        "type": change.type,
        "urn": change.urn,
        "causes": [_cause(each) for each in change.causes],
        "leftover": change.leftover,
        "differences": [
            {
                "path": each.path,
                "kind": each.kind,
                "before": each.before,
                "after": each.after,
                "notes": list(each.notes),
            }
            for each in change.differences
        ],
    }


def _size(size: Size | None) -> dict[str, Any] | None:
    if size is None:
        return None
    return {
        "size": size.size,
        "count": size.count,
        "minimum": size.minimum,
        "maximum": size.maximum,
        **dict(size.more),
    }
