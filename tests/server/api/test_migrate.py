"""Migrations: who owns what, who may do what, and that they can run again and together."""

import threading

import psycopg
import pytest
from psycopg import errors

from server.api.migrate import (
    API,
    LOADER,
    Migration,
    MigrationError,
    migrate,
    read_migrations,
)

IDENTITY = "id-web"
PASSWORDS = {API: "api's password", LOADER: "loader's password"}


@pytest.fixture
def connect(server, empty_database):
    def connect():
        return psycopg.connect(server.conninfo(IDENTITY, empty_database, "token"), autocommit=True)

    return connect


ONE = [Migration(1, "one", "CREATE TABLE one (number integer)")]
TWO = [*ONE, Migration(2, "two", "CREATE TABLE two (number integer)")]


def tables(connection):
    return [
        name
        for (name,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'operationalization' ORDER BY 1"
        )
    ]


def test_each_migration_is_applied_once(connect):
    with connect() as connection:
        migrate(connection, ONE, PASSWORDS)
        migrate(connection, TWO, PASSWORDS)
        migrate(connection, TWO, PASSWORDS)

        assert tables(connection) == ["migration", "one", "two"]


def test_an_older_release_runs_on_a_newer_schema(connect):
    with connect() as connection:
        migrate(connection, TWO, PASSWORDS)
        migrate(connection, ONE, PASSWORDS)

        assert tables(connection) == ["migration", "one", "two"]


def test_a_migration_that_fails_leaves_nothing_behind(connect):
    broken = [*ONE, Migration(2, "two", "CREATE TABLE two (number nonsense)")]
    with connect() as connection:
        with pytest.raises(errors.UndefinedObject):
            migrate(connection, broken, PASSWORDS)

        assert tables(connection) == []


def test_web_nodes_that_start_together_wait_for_each_other(connect):
    failures = []

    def run():
        try:
            with connect() as connection:
                migrate(connection, TWO, PASSWORDS)
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_tables_belong_to_nobody_who_logs_in(connect):
    with connect() as connection:
        migrate(connection, ONE, PASSWORDS)
        owners = connection.execute(
            "SELECT DISTINCT tableowner, rolcanlogin FROM pg_tables "
            "JOIN pg_roles ON rolname = tableowner WHERE schemaname = 'operationalization'"
        ).fetchall()

    assert owners == [("operationalization_owner", False)]


def test_a_changed_password_holds_after_the_next_migration(server, connect, empty_database):
    with connect() as connection:
        migrate(connection, ONE, PASSWORDS)
        migrate(connection, ONE, PASSWORDS | {API: "new"})
        try:
            psycopg.connect(server.conninfo(API, empty_database, "new")).close()
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(server.conninfo(API, empty_database, PASSWORDS[API]))
        finally:
            migrate(connection, ONE, PASSWORDS)


def test_an_identity_without_rights_hears_what_is_missing(server, empty_database):
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        master.execute("CREATE ROLE outsider LOGIN CREATEROLE PASSWORD 'token'")
    try:
        with (
            psycopg.connect(
                server.conninfo("outsider", empty_database, "token"), autocommit=True
            ) as connection,
            pytest.raises(MigrationError) as refused,
        ):
            migrate(connection, ONE, PASSWORDS)
    finally:
        with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
            master.execute("DROP OWNED BY outsider; DROP ROLE outsider")

    assert str(refused.value) == (
        "the identity of the web nodes may not create a schema in this database: make it an "
        "administrator of the server, or its role the owner of the database"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO operationalization.service SELECT * FROM operationalization.service",
        "DELETE FROM operationalization.service",
        "SELECT * FROM operationalization.refresh_token",
        "INSERT INTO operationalization.compute_node VALUES ('10.0.0.1', 1, 1, 1, now())",
        "CREATE TABLE operationalization.mine (number integer)",
        "CREATE TABLE public.mine (number integer)",
    ],
)
def test_the_loader_only_reads(as_role, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(LOADER).execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT operationalization.heartbeat('10.0.0.1', 1, 1, 1)",
        "SELECT operationalization.farewell('10.0.0.1')",
        "DROP TABLE operationalization.service",
        "TRUNCATE operationalization.service",
    ],
)
def test_the_api_neither_changes_the_schema_nor_speaks_for_a_node(as_role, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(API).execute(statement)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["one.sql"], "one.sql is not called NNNN_name.sql"),
        (
            ["0001_a.sql", "0003_b.sql"],
            "migrations must count 1, 2, 3 ... without a gap, got [1, 3]",
        ),
        (
            ["0001_a.sql", "0001_b.sql"],
            "migrations must count 1, 2, 3 ... without a gap, got [1, 1]",
        ),
    ],
)
def test_migrations_that_cannot_be_ordered_are_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError) as refused:
        read_migrations(tmp_path)

    assert str(refused.value) == message
