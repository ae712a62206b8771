"""A database as a web node's migrations leave it, and the API on top of it."""

import uuid
from pathlib import Path

import psycopg
import pytest

from server.api.migrate import API, LOADER, migrate, read_migrations
from tests.support import postgres, stores

MIGRATIONS = Path(__file__).resolve().parents[2] / "server" / "api" / "migrations"
IDENTITY = "id-web"
PASSWORDS = {API: "api's password", LOADER: "loader's password"}


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL in which the web nodes' identity is an administrator, as on Azure."""
    if postgres.binaries() is None:
        pytest.skip("needs PostgreSQL's programs: apt-get install postgresql")
    with postgres.running() as running:
        with psycopg.connect(running.conninfo("master"), autocommit=True) as connection:
            connection.execute("CREATE ROLE azure_pg_admin CREATEROLE CREATEDB")
            connection.execute(
                f"CREATE ROLE \"{IDENTITY}\" LOGIN CREATEROLE CREATEDB PASSWORD 'token' "
                "IN ROLE azure_pg_admin"
            )
        yield running


@pytest.fixture
def empty_database(server):
    """The name of a database without anything."""
    with postgres.database(server, f"test-{uuid.uuid4().hex[:8]}", "azure_pg_admin") as name:
        yield name


@pytest.fixture(scope="session")
def migrated(server):
    """The name of a migrated database that tests share."""
    with postgres.database(server, "shared", "azure_pg_admin") as name:
        with psycopg.connect(server.conninfo(IDENTITY, name, "token"), autocommit=True) as web:
            migrate(web, read_migrations(MIGRATIONS), PASSWORDS)
        yield name


@pytest.fixture
def database(server, migrated):
    """The name of a migrated database without a row of another test."""
    with psycopg.connect(server.conninfo("master", migrated), autocommit=True) as master:
        master.execute(
            "DELETE FROM operationalization.service; DELETE FROM operationalization.refresh_token; "
            "DELETE FROM operationalization.compute_node"
        )
    return migrated


@pytest.fixture
def as_role(server, database):
    """Opens a connection as one of the database's roles."""
    opened = []

    def connect(role):
        connection = psycopg.connect(
            server.conninfo(role, database, PASSWORDS[role]), autocommit=True
        )
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def on_postgresql(server, database):
    """What makes stores as a web node's API has them."""
    return stores.postgresql(server.conninfo(API, database, PASSWORDS[API]))


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request, tmp_path):
    """What makes stores: of either engine, for what must not depend on it."""
    if request.param == "postgresql":
        return request.getfixturevalue("on_postgresql")
    return stores.sqlite(tmp_path)
