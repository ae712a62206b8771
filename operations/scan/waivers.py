"""Findings that we have looked at and live with: policies/waivers.yaml."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from operations.errors import OperationError
from operations.scan.report import Finding

FIELDS = ("id", "resource", "stacks", "reason", "source")
"""Of one waiver; all are required, so that nothing is waived without a word why."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """One rule that some resources need not keep."""

    id: str
    resource: str
    """Glob on the resource's name in the export."""
    stacks: str
    """Glob on the stack."""
    reason: str
    source: str
    """Where the reason can be read up."""

    def covers(self, finding: Finding) -> bool:
        """Return whether *finding* is waived by this."""
        return (
            finding.check == self.id
            and fnmatchcase(finding.resource, self.resource)
            and fnmatchcase(finding.stack, self.stacks)
        )

    def __str__(self) -> str:
        return f"{self.id} for {self.resource} of {self.stacks}"


def read(path: Path) -> tuple[Waiver, ...]:
    """Return the waivers in *path*. Raises OperationError for anything that is none."""
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _wrong(path, f"it cannot be read: {error}") from None
    if not isinstance(found, list):
        raise _wrong(path, "it is no list")
    for number, each in enumerate(found, 1):
        if not isinstance(each, dict) or set(each) != set(FIELDS):
            raise _wrong(path, f"waiver {number} has not just the keys {', '.join(FIELDS)}")
        empty = [key for key in FIELDS if not isinstance(each[key], str) or not each[key].strip()]
        if empty:
            raise _wrong(path, f"waiver {number} says nothing at {', '.join(empty)}")
    return tuple(Waiver(**each) for each in found)


def judge(
    findings: Iterable[Finding], waivers: Iterable[Waiver]
) -> tuple[list[Finding], list[Waiver], int]:
    """Return the findings that nothing waives, the waivers of nothing, and how many are waived."""
    waivers = list(waivers)
    open_findings: list[Finding] = []
    used: set[Waiver] = set()
    waived = 0
    for finding in findings:
        covering = [waiver for waiver in waivers if waiver.covers(finding)]
        used.update(covering)
        if covering:
            waived += 1
        else:
            open_findings.append(finding)
    return open_findings, [waiver for waiver in waivers if waiver not in used], waived


def _wrong(path: Path, why: str) -> OperationError:
    return OperationError(
        "the waivers cannot be used", str(path), why, f"write a list of {', '.join(FIELDS)}"
    )
