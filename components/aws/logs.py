"""How long CloudWatch keeps logs: as long as the settings say, in the steps that it knows."""

from typing import Final

STEPS: Final = (30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
"""Days that a log group can have, as far as settings reach (CloudWatch Logs API reference,
`PutRetentionPolicy`)."""

PROTECTED: Final = 365
"""Fewest days where what cannot be made again is protected: an intrusion may be found late."""


def retention(days: int, *, protection: bool) -> int:
    """Return the days of a log group that keeps at least *days*."""
    wanted = max(days, PROTECTED) if protection else days
    return next(step for step in STEPS if step >= wanted)
