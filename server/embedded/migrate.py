"""Makes the file, and brings its schema up to date: at every boot, before the API service starts.

Runs as the user who owns the file. Each migration is applied as a whole or not at all.
"""

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from server.api.schema import Migration, read_migrations
from server.embedded.database import DATABASE, connect

log = logging.getLogger("migrate")


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Apply what is missing of *migrations*.

    Raises:
        sqlite3.Error: one failed; those before it are applied.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "applied_at TEXT NOT NULL DEFAULT (datetime('now'))) STRICT"
    )
    done = {number for (number,) in connection.execute("SELECT number FROM migration")}
    if newer := done - {migration.number for migration in migrations}:
        log.warning("the database is ahead of this release by %d migrations", len(newer))
    for migration in migrations:
        if migration.number not in done:
            log.info("migration %04d %s", migration.number, migration.name)
            _apply(connection, migration)


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    # Both values come from the name of a file of ours, which allows nothing but digits, letters
    # and underscores; a script takes no parameters.
    remember = (
        f"INSERT INTO migration (number, name) VALUES ({migration.number}, '{migration.name}');"  # noqa: S608
    )
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{migration.statements}\n{remember}\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.rollback()
        raise


def main() -> None:
    """Migrate the database of this machine."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with closing(connect(DATABASE, create=True)) as connection:
        migrate(connection, read_migrations(Path(__file__).parent / "migrations"))


if __name__ == "__main__":
    main()
