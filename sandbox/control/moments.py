"""Moments in what a program sends, as ISO 8601 has them, and what backups reach back to."""

from datetime import datetime, timedelta


def moment(written: str) -> datetime | None:
    """Return a moment as it is written; None: it is none, or of no zone."""
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def earliest_restore(made: datetime, days: float, now: datetime) -> datetime:
    """Return the first moment that backups kept *days* can restore of what was *made* then.

    In whole seconds, as both clouds tell and take such moments: the second in which a server was
    made is one that it can be restored to.
    """
    return max(made.replace(microsecond=0), now - timedelta(days=days))
