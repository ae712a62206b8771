"""What a kind of finding is, and a finding; the kinds themselves are in kinds.py."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is, the worst first."""

    CRITICAL = "critical"
    """Calls fail, or something is open that must not be."""
    WARNING = "warning"
    """It serves, with less than it should have, or will not for long."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of a kind of finding."""

    severity: Severity
    title: str
    cure: str
    """What to do; may name the stack as {stack}."""


def bad(title: str, cure: str) -> Kind:
    """Return a kind by which calls fail."""
    return Kind(Severity.CRITICAL, title, cure)


def warn(title: str, cure: str) -> Kind:
    """Return a kind by which calls are answered still."""
    return Kind(Severity.WARNING, title, cure)
