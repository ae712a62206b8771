"""Brings the database's schema up to date, once for all web nodes that start together.

Runs as the web node's identity, which the cloud makes an administrator of the database. It owns
nothing itself: a role without login, `operationalization_owner`, does, so that the identity of a
later web node group goes on where this one stopped. Migrations only expand the schema; what
they no longer need is taken away by a later one (design.md section 8).
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from server.api.schema import Migration, MigrationError, read_migrations
from server.common.database import connection_string
from server.common.node import credential, read_node

LOCK = 7_284_019_455_301
"""Any number that nobody else locks in this database."""

SCHEMA = "operationalization"
OWNER = "operationalization_owner"
API = "operationalization_api"
LOADER = "operationalization_loader"
PATIENCE_SECONDS = 600

log = logging.getLogger("migrate")


def migrate(
    connection: psycopg.Connection, migrations: Sequence[Migration], passwords: dict[str, str]
) -> None:
    """Create the roles with *passwords* by role, then apply what is missing, all or nothing.

    Raises:
        MigrationError: when the user may not.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        _create_roles(connection, passwords)
        _create_schema(connection)
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(OWNER)))
        connection.execute(
            sql.SQL("SET LOCAL search_path TO {}, pg_temp").format(sql.Identifier(SCHEMA))
        )
        _apply(connection, migrations)


def _create_roles(connection: psycopg.Connection, passwords: dict[str, str]) -> None:
    known = {
        name
        for (name,) in connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [[OWNER, API, LOADER]]
        )
    }
    for role in (OWNER, API, LOADER):
        if role not in known:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    for role, password in passwords.items():
        # A verifier, so that the password itself is in no log of the server.
        verifier = connection.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        )
        connection.execute(
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(verifier.decode())
            )
        )
    # Since PostgreSQL 16 who creates a role is its member and yet may not act as it.
    needed = "SET" if connection.info.server_version >= 160_000 else "MEMBER"
    if not _scalar(connection, "SELECT pg_has_role(%s, %s)", [OWNER, needed]):
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))


def _create_schema(connection: psycopg.Connection) -> None:
    if not _scalar(connection, "SELECT to_regnamespace(%s) IS NOT NULL", [SCHEMA]):
        if not _scalar(
            connection, "SELECT has_database_privilege(current_database(), 'CREATE')", []
        ):
            raise MigrationError(
                "the identity of the web nodes may not create a schema in this database: make it "
                "an administrator of the server, or its role the owner of the database"
            )
        connection.execute(
            sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(
                sql.Identifier(SCHEMA), sql.Identifier(OWNER)
            )
        )
    connection.execute(
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}, {}").format(
            *(sql.Identifier(name) for name in (SCHEMA, API, LOADER))
        )
    )


def _apply(connection: psycopg.Connection, migrations: Sequence[Migration]) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration ("
        "number integer PRIMARY KEY, name text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now())"
    )
    done = {number for (number,) in connection.execute("SELECT number FROM migration")}
    if newer := done - {migration.number for migration in migrations}:
        # Expand, then contract: an older release keeps running on what a newer one has added.
        log.warning("the database is ahead of this release by %d migrations", len(newer))
    for migration in migrations:
        if migration.number not in done:
            log.info("migration %04d %s", migration.number, migration.name)
            connection.execute(migration.statements.encode())
            connection.execute(
                "INSERT INTO migration (number, name) VALUES (%s, %s)",
                [migration.number, migration.name],
            )


def _scalar(connection: psycopg.Connection, query: str, values: Sequence[object]) -> object:
    row = connection.execute(query.encode(), values).fetchone()
    return None if row is None else row[0]


def connect_patiently(conninfo: str, seconds: float = PATIENCE_SECONDS) -> psycopg.Connection:
    """Return a connection, waiting for a database that is still being created or restarted.

    Raises:
        psycopg.OperationalError: the last reason, after *seconds*.
    """
    deadline = time.monotonic() + seconds
    pause = 1.0
    while True:
        try:
            return psycopg.connect(conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("no database yet, trying again in %d seconds: %s", pause, error)
        time.sleep(pause)
        pause = min(2 * pause, 30)


def main() -> None:
    """Migrate the database of this node's environment."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    node = read_node()
    conninfo = connection_string(
        node.database, user=node.principal, password=credential("database-owner")
    )
    with connect_patiently(conninfo) as connection:
        migrate(
            connection,
            read_migrations(Path(__file__).parent / "migrations"),
            {API: credential("database-api"), LOADER: credential("database-loader")},
        )


if __name__ == "__main__":
    main()
