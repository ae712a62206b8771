"""The first boot on a database as RDS makes it: one login with a password, and a role for tokens.

PostgreSQL asks about members of `rds_iam` elsewhere, as RDS does (by PAM there, by LDAP here), and
about all others in its own catalogue.
"""

import io
import json
import logging
import socketserver
import threading
import uuid
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from sandbox.fabric.database.guest.logins import answer, read_request
from server.api.migrate import API, LOADER, migrate, read_migrations
from server.aws import first_boot
from server.common.node import Database, Node
from tests.support import postgres

MASTER, MIGRATOR = "operationalization_master", "operationalization_migrator"
PASSWORD, TOKEN = "precious-and-long", "token-of-the-role"
MIGRATIONS = Path(__file__).resolve().parents[3] / "server" / "api" / "migrations"
PASSWORDS = {API: "api's password", LOADER: "loader's password"}


class Tokens(socketserver.StreamRequestHandler):
    """Who checks tokens: only the web nodes' role has any, for one user."""

    def handle(self):
        while (request := read_request(self.rfile)) is not None:
            good = (request.name, request.password) == (f"cn={MIGRATOR}", TOKEN)
            self.wfile.write(answer(request.number, 0 if good else 49, ""))


@contextmanager
def checking_tokens():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tokens) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def server():
    """A server with RDS's own roles, which nobody but RDS may change."""
    if postgres.binaries() is None:
        pytest.skip("needs PostgreSQL's programs: apt-get install postgresql")
    with postgres.running() as running, checking_tokens() as port:
        with psycopg.connect(running.conninfo("master"), autocommit=True) as connection:
            if connection.info.server_version >= 160_000:
                pytest.skip("RDS's leave to grant rds_iam has no like in PostgreSQL 16 itself")
            connection.execute("CREATE ROLE rds_superuser CREATEROLE CREATEDB")
            connection.execute("CREATE ROLE rds_iam")
            (running.folder / "data" / "pg_hba.conf").write_text(
                "local all master trust\n"
                f'local all +rds_iam ldap ldapserver=127.0.0.1 ldapport={port} ldapprefix="cn="\n'
                "local all all scram-sha-256\n"
            )
            connection.execute("SELECT pg_reload_conf()")
        yield running


@pytest.fixture
def rds(server, monkeypatch):
    """A new server's database; yields how somebody reaches it."""
    with psycopg.connect(server.conninfo("master"), autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD {} IN ROLE rds_superuser"
            ).format(sql.Identifier(MASTER), sql.Literal(PASSWORD))
        )
        name = f"test-{uuid.uuid4().hex[:8]}"

        def reach(user, password):
            return server.conninfo(user, name, password)

        monkeypatch.setattr(
            first_boot,
            "connection_string",
            lambda database, *, user, password: server.conninfo(user, database.name, password),
        )
        try:
            with postgres.database(server, name, MASTER):
                reach.database = name
                yield reach
        finally:
            for role in (API, LOADER, "operationalization_owner", MIGRATOR, MASTER):
                connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def node(rds):
    return Node("test", "web", 12800, Database("db.example", 5432, rds.database), MIGRATOR, {})


def check(rds, token=TOKEN):
    return first_boot.check(node(rds), io.StringIO(token + "\n"))


def create(rds, password=PASSWORD):
    login = io.StringIO(json.dumps({"username": MASTER, "password": password}))
    return first_boot.create(node(rds), login)


def may_log_in(rds, user, password):
    try:
        psycopg.connect(rds(user, password)).close()
    except psycopg.OperationalError as error:
        if first_boot.REFUSAL not in str(error):
            raise
        return False
    return True


def test_the_first_web_node_makes_a_user_who_may_migrate(rds):
    assert check(rds) == first_boot.REFUSED
    assert create(rds) == 0
    assert check(rds) == 0

    with psycopg.connect(rds(MIGRATOR, TOKEN), autocommit=True) as connection:
        migrate(connection, read_migrations(MIGRATIONS), PASSWORDS)
    assert may_log_in(rds, API, PASSWORDS[API])


def test_the_masters_password_opens_nothing_afterwards(rds):
    assert may_log_in(rds, MASTER, PASSWORD)
    create(rds)

    assert not may_log_in(rds, MASTER, PASSWORD)
    assert not may_log_in(rds, MIGRATOR, PASSWORD)


def test_a_token_of_somebody_else_opens_nothing(rds):
    create(rds)

    assert check(rds, "another token") == first_boot.REFUSED


def test_a_node_that_comes_later_changes_nothing(rds, caplog):
    caplog.set_level(logging.INFO)
    create(rds)
    assert create(rds) == 0

    assert caplog.messages[-1] == (
        "the database's first login is over: operationalization_migrator was made by another node"
    )
    assert check(rds) == 0


def test_the_new_user_may_no_more_than_migrations_need(rds, server):
    create(rds)
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        found = master.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, "
            "rolpassword IS NULL, ARRAY(SELECT roleid::regrole::text FROM pg_auth_members "
            "WHERE member = pg_authid.oid) FROM pg_authid WHERE rolname = %s",
            [MIGRATOR],
        ).fetchone()

    assert found == (False, True, False, False, False, True, ["rds_iam"])


def test_web_nodes_that_start_together_make_one_user(rds):
    statuses = []
    together = threading.Barrier(4)

    def run():
        together.wait()
        statuses.append(create(rds))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [0] * 4
    assert check(rds) == 0


def test_a_node_that_logged_in_before_another_was_done_finds_it_done(rds):
    first, second = (psycopg.connect(rds(MASTER, PASSWORD), autocommit=True) for _ in range(2))
    with first, second:
        first_boot.make_user(first, MIGRATOR)
        first_boot.make_user(second, MIGRATOR)

    assert check(rds) == 0


class MachineEndsError(Exception):
    """The machine ends here."""


class CutShort(psycopg.Connection):
    """A connection of a machine that ends before a statement."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.left = 0

    def execute(self, *arguments, **named):
        if self.left == 0:
            self.close()
            raise MachineEndsError
        self.left -= 1
        return super().execute(*arguments, **named)


@pytest.mark.parametrize("statements", range(7))
def test_a_first_boot_that_is_cut_short_is_finished_by_the_next(statements, rds):
    connection = CutShort.connect(rds(MASTER, PASSWORD), autocommit=True)
    connection.left = statements
    if statements < 6:
        with pytest.raises(MachineEndsError):
            first_boot.make_user(connection, MIGRATOR)
        assert check(rds) == first_boot.REFUSED, "all of it or nothing"
        assert may_log_in(rds, MASTER, PASSWORD)
    else:
        first_boot.make_user(connection, MIGRATOR)
        connection.close()

    assert create(rds) == 0
    assert check(rds) == 0


def test_no_secret_is_said(rds, caplog):
    caplog.set_level(logging.DEBUG)
    check(rds)
    create(rds)
    create(rds)
    check(rds)

    assert caplog.messages
    assert not [text for text in caplog.messages if PASSWORD in text or TOKEN in text]


def test_statements_that_the_server_may_log_hold_no_secret(rds):
    said = []

    class Listening(psycopg.Connection):
        def execute(self, query, *arguments, **named):
            said.append(query if isinstance(query, str) else query.as_string(self))
            return super().execute(query, *arguments, **named)

    with Listening.connect(rds(MASTER, PASSWORD), autocommit=True) as connection:
        first_boot.make_user(connection, MIGRATOR)

    assert [text for text in said if "ROLE" in text or "GRANT" in text]
    assert not [text for text in said if "PASSWORD" in text.upper() or PASSWORD in text]


def test_a_server_that_does_not_answer_yet_is_waited_for(rds, monkeypatch):
    attempts = []
    connect = psycopg.connect

    def slow(conninfo, **named):
        attempts.append(conninfo)
        if len(attempts) < 3:
            raise psycopg.OperationalError("connection refused")
        return connect(conninfo, **named)

    monkeypatch.setattr(first_boot.psycopg, "connect", slow)
    monkeypatch.setattr(first_boot.time, "sleep", lambda _: None)

    assert create(rds) == 0
    assert len(attempts) == 3


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    def never(_, **named):
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(first_boot.psycopg, "connect", never)
    with pytest.raises(psycopg.OperationalError, match="connection refused"):
        first_boot.login("host=db.example", seconds=0)
