"""What the API asks of PostgreSQL, while connections that it keeps break."""

import asyncio
from contextlib import contextmanager

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from server.api.migrate import API
from server.api.postgresql import PostgresqlStore, connections
from server.api.store import DatabaseAwayError

KEPT = 3


def ends(server, database):
    """End each connection of the API, as a restart of the database does."""
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        master.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = %s AND usename = %s",
            (database, API),
        )


def run(server, database, test):
    async def within():
        conninfo = server.conninfo(API, database, "api's password")
        async with AsyncConnectionPool(
            conninfo, min_size=KEPT, max_size=KEPT, timeout=1, reconnect_timeout=1
        ) as pool:
            await pool.wait()
            return await test(PostgresqlStore(pool))

    return asyncio.run(within())


def test_connections_that_broke_while_nobody_looked_cost_no_request(server, database):
    async def ask(store):
        ends(server, database)
        return [await store.list_services() for _ in range(KEPT)]

    assert run(server, database, ask) == [[], [], []]


def test_a_statement_that_may_have_run_is_not_repeated(server, database):
    async def ask(store):
        query = "SELECT pg_terminate_backend(pg_backend_pid())"
        with pytest.raises(DatabaseAwayError):
            await store._run(query, {})
        return await store.list_services()

    assert run(server, database, ask) == []


@contextmanager
def away(server, database):
    """A database that ends its connections and takes no new ones."""
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        refuse = f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS %s'
        master.execute(refuse % "false")
        try:
            ends(server, database)
            yield
        finally:
            master.execute(refuse % "true")


def test_a_database_that_refuses_every_connection_is_away(server, database):
    async def ask(store):
        with away(server, database), pytest.raises(DatabaseAwayError):
            await store.list_services()

    run(server, database, ask)


def test_a_database_that_was_away_for_long_answers_the_first_request_after_it(server, database):
    async def within():
        conninfo = server.conninfo(API, database, "api's password")
        async with connections(conninfo, 1, wait=0.5, retry=0.2) as pool:
            await pool.wait()
            store = PostgresqlStore(pool)
            with away(server, database):
                for _ in range(5):
                    with pytest.raises(DatabaseAwayError):
                        await store.list_services()
            return await store.list_services()

    assert asyncio.run(within()) == []
