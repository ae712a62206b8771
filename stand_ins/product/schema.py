"""The tables of each version (facts.md 10, 15): ours, as the product's are not documented.

Two versions never share a database. A newer one takes an older one's over at its start; an older
one refuses what a newer one has taken over.
"""

from typing import Final

from stand_ins.product.appsettings import ConfigurationError

STEPS: Final[dict[int, tuple[str, ...]]] = {
    1: (
        (
            "CREATE TABLE service (name TEXT NOT NULL, version TEXT NOT NULL, "
            "definition TEXT NOT NULL, owner TEXT NOT NULL, created_at TEXT NOT NULL, "
            "PRIMARY KEY (name, version))"
        ),
        (
            "CREATE TABLE snapshot (id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, "
            "created_at TEXT NOT NULL, data {bytes} NOT NULL)"
        ),
        (
            "CREATE TABLE session (id TEXT PRIMARY KEY, name TEXT NOT NULL, node TEXT NOT NULL, "
            "handle TEXT NOT NULL, owner TEXT NOT NULL, created_at TEXT NOT NULL)"
        ),
        (
            "CREATE TABLE refresh_token (digest TEXT PRIMARY KEY, username TEXT NOT NULL, "
            "role TEXT NOT NULL, chain_started TEXT NOT NULL, expires_at TEXT NOT NULL)"
        ),
    ),
    3: ("ALTER TABLE service RENAME COLUMN owner TO published_by",),
    4: ("CREATE TABLE compute_uri (entry TEXT PRIMARY KEY, removed INTEGER NOT NULL)",),
}
"""What changes with a version, by its order; a database is at the order of who opened it last."""


def steps(stored: int | None, order: int) -> list[str]:
    """Return the statements that bring a database from *stored* to *order*.

    Raises:
        ConfigurationError: the database belongs to a newer version.
    """
    if stored is not None and stored > order:
        raise ConfigurationError(
            "the database belongs to a newer version of the product: two versions never share one"
        )
    return [
        statement
        for number, statements in STEPS.items()
        if (stored or 0) < number <= order
        for statement in statements
    ]
