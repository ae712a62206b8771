"""What the API keeps its services in, for tests: a store of each engine."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from server.api.postgresql import PostgresqlStore, connections
from server.api.schema import read_migrations
from server.api.store import Store
from server.embedded import migrate
from server.embedded.database import connect
from server.embedded.store import SqliteStore

MakeStore = Callable[[], Store]
"""A store belongs to an event loop, so each test's loop makes its own over the same database."""

EMBEDDED = Path(migrate.__file__).parent / "migrations"
PORT = 12800


def postgresql(conninfo: str, most: int = 2) -> MakeStore:
    """Return what makes stores over a migrated database of a server."""
    return lambda: PostgresqlStore(connections(conninfo, most, wait=1))


def sqlite(folder: Path) -> MakeStore:
    """Return what makes stores over a new, migrated file in *folder*; the loader speaks there."""
    path = database_in(folder)
    return lambda: SqliteStore(path, PORT, folder)


def database_in(folder: Path) -> Path:
    """Make and migrate a file in *folder*."""
    path = folder / "operationalization.sqlite"
    with closing(connect(path, create=True)) as connection:
        migrate.migrate(connection, read_migrations(EMBEDDED))
    return path
