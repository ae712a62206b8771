"""Moments in what a program sends, as ISO 8601 has them."""

from datetime import datetime


def moment(written: str) -> datetime | None:
    """Return a moment as it is written; None: it is none, or of no zone."""
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
