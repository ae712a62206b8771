"""A real PostgreSQL as RDS has it: the master, IAM users and their tokens."""

import os
import secrets
import socket
import subprocess
import threading
from dataclasses import replace

import botocore.session
import psycopg
import pytest

from sandbox.control.store import Store
from sandbox.fabric.aws import database_logins
from sandbox.fabric.aws.sessions import Sessions
from sandbox.fabric.contract import Database
from sandbox.fabric.database import RDS, Databases
from sandbox.fabric.images import Images
from sandbox.fabric.network import inside
from sandbox.fabric.serving.listening import Engine, StreamListener
from tests.sandbox.fabric.aws.conftest import REGION, SOURCE, Account, arn

pytestmark = pytest.mark.root

HOST = f"dev.c5sandbox005.{REGION}.rds.amazonaws.com"
MASTER, PASSWORD = "operationalization_master", "m4ster's password"
MIGRATOR = "operationalization_migrator"
INSTANCE = arn("rds", "db:dev")
RESOURCE = "db-ABCDEFGHIJKL"
CONNECT = {
    "Effect": "Allow",
    "Action": "rds-db:connect",
    "Resource": arn("rds-db", f"dbuser:{RESOURCE}/{MIGRATOR}"),
}


class Lab:
    """One database in a namespace, and the account that it is in."""

    def __init__(self, home):
        self.namespace = f"oprds{os.getpid()}-{secrets.token_hex(3)}"
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        for words in ("link set lo up", f"addr add {RDS.logins[0]}/32 dev lo"):
            subprocess.run(["ip", "-n", self.namespace, *words.split()], check=True)
        self.account = Account(Store(home / "cloud.sqlite"), Sessions(home))
        self.record(iamDatabaseAuthenticationEnabled=True)
        self.images = Images()
        self.databases = Databases(
            home / "databases", self.images, self.images.authority, None, RDS
        )
        self.declared = Database(
            id=INSTANCE,
            incarnation="1",
            name="dev",
            host=HOST,
            version="16",
            administrator=MASTER,
            password=PASSWORD,
            databases=("operationalization",),
            parameters={"rds.force_ssl": "1", "log_statement": "ddl"},
        )
        self.engine = Engine("test")
        with inside(self.namespace):
            made = socket.create_server(RDS.logins)

        async def listen():
            return StreamListener(made, database_logins.serve(self.engine, self.judge))

        self.listener = self.engine.run(listen())

    def record(self, **more):
        self.account.put(
            "aws:rds/instance:Instance",
            INSTANCE,
            "dev",
            outputs={"address": HOST, "port": 5432, "resourceId": RESOURCE},
            **more,
        )

    def judge(self, source, role, token):
        world = self.account.world
        return database_logins.refusal(
            world, world.find(INSTANCE), role, token, self.account.sessions, SOURCE
        )

    def settle(self, **changes):
        self.declared = replace(self.declared, **changes)
        self.databases.settle([self.declared], lambda _: self.namespace)
        self.databases.ready(INSTANCE, 60.0, threading.Event())

    def connect(self, user, password, database="operationalization", **options):
        words = {
            "host": HOST,
            "hostaddr": "127.0.0.1",
            "user": user,
            "password": password,
            "dbname": database,
            "sslmode": "verify-full",
            "sslrootcert": self.images.authority.certificate,
            "connect_timeout": 10,
            "autocommit": True,
        }
        with inside(self.namespace):
            return psycopg.connect(**(words | options))

    def refused(self, user, password, **options):
        with pytest.raises(psycopg.OperationalError) as refusal:
            self.connect(user, password, **options).close()
        return str(refusal.value)

    def token(self, role, user=MIGRATOR, host=HOST, port=5432):
        """As the nodes' SDK makes it (`generate_db_auth_token`)."""
        own = self.account.sessions.give(role)
        session = botocore.session.Session()
        session.set_credentials(own.access_key, own.secret_key, own.token)
        client = session.create_client("rds", region_name=REGION)
        return client.generate_db_auth_token(host, port, user, REGION)

    def end(self):
        self.databases.stop()
        self.engine.run(self.listener.close())
        self.engine.stop()
        self.account.store.close()
        subprocess.run(["ip", "netns", "del", self.namespace], check=True)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = Lab(tmp_path_factory.mktemp("rds"))
    try:
        made.settle()
        yield made
    finally:
        made.end()


@pytest.fixture
def web(lab):
    return lab.account.role("web", CONNECT)


@pytest.fixture
def migrator(lab):
    """As the first boot makes it."""
    with lab.connect(MASTER, PASSWORD) as master:
        master.execute(f"CREATE ROLE {MIGRATOR} LOGIN CREATEROLE")
        master.execute(f"GRANT rds_iam TO {MIGRATOR}")
    yield
    with lab.databases._of(INSTANCE).instance.connect() as platform:
        platform.execute(f"DROP ROLE {MIGRATOR}")


def test_the_master_is_no_superuser_and_owns_its_databases(lab):
    with lab.connect(MASTER, PASSWORD) as master:
        row = master.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, pg_has_role('rds_superuser', 'USAGE') "
            "FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, True, True, True)
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
        for name in ("operationalization", "postgres"):
            assert master.execute(owner, [name]).fetchone() == (MASTER,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            master.execute("SELECT pg_read_file('/etc/passwd')")


def test_a_connection_without_tls_is_refused_until_the_parameter_lets_it(lab):
    assert "no encryption" in lab.refused(MASTER, PASSWORD, sslmode="disable")
    lab.settle(parameters={"rds.force_ssl": "0"})
    lab.connect(MASTER, PASSWORD, sslmode="disable").close()
    lab.settle(parameters={"rds.force_ssl": "1"})
    assert "no encryption" in lab.refused(MASTER, PASSWORD, sslmode="disable")


def test_an_iam_user_logs_in_with_a_token_and_with_nothing_else(lab, web, migrator):
    with lab.connect(MIGRATOR, lab.token(web)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (MIGRATOR,)
    with lab.connect(MASTER, PASSWORD) as master:
        master.execute(f"ALTER ROLE {MIGRATOR} PASSWORD 'known'")
    assert "authentication failed" in lab.refused(MIGRATOR, "known")
    assert "no encryption" in lab.refused(MIGRATOR, lab.token(web), sslmode="disable")


def test_a_token_is_for_one_user_of_one_database_and_of_a_role_that_may(lab, web, migrator):
    assert "failed" in lab.refused(MIGRATOR, lab.token(web, user="other"))
    assert "failed" in lab.refused(MIGRATOR, lab.token(web, host=f"x{HOST}"))
    assert "failed" in lab.refused(MIGRATOR, lab.token(web, port=5433))
    good = lab.token(web)
    assert "failed" in lab.refused(MIGRATOR, good[:-1] + ("0" if good[-1] != "0" else "1"))
    compute = lab.account.role("compute")
    assert "failed" in lab.refused(MIGRATOR, lab.token(compute))


def test_a_token_is_worth_nothing_where_iam_is_not_enabled(lab, web, migrator):
    lab.record(iamDatabaseAuthenticationEnabled=False)
    try:
        assert "failed" in lab.refused(MIGRATOR, lab.token(web))
    finally:
        lab.record(iamDatabaseAuthenticationEnabled=True)
    lab.connect(MIGRATOR, lab.token(web)).close()


def test_the_masters_password_ends_with_the_role_for_tokens(lab):
    with lab.connect(MASTER, PASSWORD) as master:
        master.execute(f"GRANT rds_iam TO {MASTER}")
        assert "authentication failed" in lab.refused(MASTER, PASSWORD)
        lab.settle(parameters={"rds.force_ssl": "1", "log_statement": "none"})
        assert "authentication failed" in lab.refused(MASTER, PASSWORD)
        master.execute(f"REVOKE rds_iam FROM {MASTER}")
    lab.connect(MASTER, PASSWORD).close()


def test_nobody_is_the_services_own_superuser(lab, web):
    assert "rejects connection" in lab.refused("rdsadmin", PASSWORD)
    with lab.connect(MASTER, PASSWORD) as master:
        # One that may do all can't be made a member of anything by the master.
        assert "authentication failed" in lab.refused("nobody", lab.token(web, user="nobody"))
        assert master.execute("SELECT 1").fetchone() == (1,)
