"""Checkov's report: what it found, in which export."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.errors import OperationError


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One rule that one resource breaks."""

    stack: str
    check: str
    """Checkov's id of the rule: `CKV_AZURE_41`."""
    resource: str
    """As the export calls it; ARM names end in what Pulumi adds to them."""
    format: str
    words: str
    """What the rule asks for."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that Checkov said."""

    passed: int
    findings: tuple[Finding, ...]


def read(path: Path, exports: int) -> Report:
    """Return the report at *path*, which must be about something.

    Raises OperationError when it is no report, or when something could not be read by Checkov: a
    judge that saw nothing finds nothing.
    """
    try:
        found = json.loads(path.read_text())
        runs = found if isinstance(found, list) else [found]
        broken = [name for run in runs for name in run["results"].get("parsing_errors") or []]
        passed = sum(run["summary"]["passed"] for run in runs)
        seen = {check["file_path"] for run in runs for check in _checks(run)}
        findings = tuple(sorted(_finding(each) for run in runs for each in _failed(run)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(path, f"it is none of Checkov's: {type(error).__name__}") from None
    if broken:
        raise _unusable(path, f"Checkov could not read {', '.join(map(str, broken))}")
    if len(seen) != exports:
        raise _unusable(path, f"Checkov judged {len(seen)} of {exports} exports")
    return Report(passed, findings)


def _checks(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from run["results"].get("passed_checks") or []
    yield from _failed(run)


def _failed(run: dict[str, Any]) -> list[dict[str, Any]]:
    failed: list[dict[str, Any]] = run["results"]["failed_checks"]
    return failed


def _finding(check: dict[str, Any]) -> Finding:
    stack, kind, _ = Path(check["file_path"]).name.rsplit(".", 2)
    return Finding(
        stack=stack,
        check=check["check_id"],
        resource=check["resource"],
        format=kind,
        words=check["check_name"],
    )


def _unusable(path: Path, why: str) -> OperationError:
    return OperationError(
        "Checkov's report cannot be used", str(path), why, "run scripts/scan again"
    )
