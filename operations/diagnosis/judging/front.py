"""Judges the way in."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from operations.diagnosis.front import Front, Step
from operations.diagnosis.intended import Intended
from operations.diagnosis.kinds import Finding

PLACE = "load balancer"
DAYS = 24 * 60 * 60
SOON = 21 * DAYS
"""Seconds before its end at which a certificate is to be renewed."""


def day(moment: float) -> str:
    """Return a moment's day, for a person."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def judge(front: Front, intended: Intended, now: float, words: Sequence[str]) -> Iterator[Finding]:
    """Yield what is not well about the way in."""
    yield from _name(front, intended)
    for address, why in front.closed.items():
        yield Finding(
            id="endpoint-closed", place=PLACE, what=f"{address}:{front.port} takes none: {why}"
        )
    yield from _certificates(front, now)
    yield from _authority(front, now)
    yield from _ready(front)
    for step in front.steps:
        yield from _step(step)
    for report in front.reports:
        yield from _report(report, words, intended)
    refused = [status for status in front.refusals if status == HTTPStatus.UNAUTHORIZED]
    if refused:
        calls = len(front.refusals) + len(front.reports)
        what = f"{len(refused)} of {calls} calls with one token"
        yield Finding(id="token-refused", place=PLACE, what=what)
    for status in sorted({each for each in front.refusals if each not in refused}):
        yield Finding(
            id="status-failed", place=PLACE, what=f"the report itself is refused: status {status}"
        )


def _name(front: Front, intended: Intended) -> Iterator[Finding]:
    if front.unresolved:
        yield Finding(id="dns-unresolved", place=PLACE, what=f"{front.host}: {front.unresolved}")
    strange = [each for each in front.resolved if each not in intended.addresses]
    if intended.addresses and strange:
        yield Finding(
            id="dns-elsewhere",
            place=PLACE,
            what=f"{front.host} leads to {', '.join(strange)}, and the balancer has"
            f" {', '.join(intended.addresses)}",
        )


def _certificates(front: Front, now: float) -> Iterator[Finding]:
    for address, each in front.certificates.items():
        if each.until < now:
            what = f"at {address}, on {day(each.until)}"
            yield Finding(id="tls-expired", place=PLACE, what=what)
        elif each.refused:
            what = f"at {address}: {each.refused}"
            yield Finding(id="tls-untrusted", place=PLACE, what=what)
        elif each.until < now + SOON:
            what = f"at {address}, on {day(each.until)}"
            yield Finding(id="tls-expiring", place=PLACE, what=what)


def _authority(front: Front, now: float) -> Iterator[Finding]:
    if front.authority < now + SOON:
        kind = "tls-expired" if front.authority < now else "tls-expiring"
        what = f"the environment's authority itself, on {day(front.authority)}"
        yield Finding(id=kind, place=PLACE, what=what)


def _ready(front: Front) -> Iterator[Finding]:
    bad = [each for each in front.pings if each != HTTPStatus.OK]
    if bad:
        statuses = ", ".join(str(each) if each else "no answer" for each in sorted(set(bad)))
        yield Finding(
            id="endpoint-not-ready",
            place=PLACE,
            what=f"{len(bad)} of {len(front.pings)} connections: {statuses}",
        )


def _step(step: Step) -> Iterator[Finding]:
    if not step.failed:
        return
    kind = "trace-failed"
    if step.name == "log in" and step.failed.startswith("the login as"):
        kind = "login-refused"
    elif step.status == HTTPStatus.FORBIDDEN:
        kind = "caller-refused"
    yield Finding(
        id=kind, place=PLACE, what=f"step '{step.name}' after {step.seconds:.1f} s: {step.failed}"
    )


def _report(
    report: Mapping[str, Any], words: Sequence[str], intended: Intended
) -> Iterator[Finding]:
    components: Mapping[str, Any] = report.get("components") or {}
    for name, part in components.items():
        if _is_well(name, part, words, intended):
            continue
        yield Finding(id="status-failed", place=PLACE, what=f"{name}: {part.get('statusCode')}")


def _is_well(name: str, part: Mapping[str, Any], words: Sequence[str], intended: Intended) -> bool:
    if part.get("statusCode") in words:
        return True
    compute = intended.groups.get("compute")
    if name != "backends" or compute is None or compute.fixed:
        return False
    # A range counts addresses that nobody has as failed nodes (facts.md 11).
    backends: Mapping[str, Any] = part.get("components") or {}
    well = [each for each in backends.values() if each.get("statusCode") in words]
    return len(well) >= compute.fewest
