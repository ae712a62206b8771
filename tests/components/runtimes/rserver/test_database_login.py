"""The product's login is made on a real PostgreSQL, as the script of web nodes makes it."""

import json
import shutil
import threading
import uuid
from pathlib import Path

import psycopg
import pytest

from tests.components.runtimes.rserver.test_scripts import Machine
from tests.support import postgres

LOGIN = "operationalization_product"
PASSWORD = "database0Pass1word2"
PRINCIPAL = "id-test-web"
FIRST = {"username": "first", "password": "of:the\\server"}
NODE = Path(__file__).resolve().parents[4] / "components" / "runtimes" / "rserver" / "node"
STORE = Path("/etc/ssl/certs/ca-certificates.crt")

pytestmark = pytest.mark.skipif(
    postgres.binaries() is None or not shutil.which("psql") or not STORE.is_file(),
    reason="needs PostgreSQL's programs: apt-get install postgresql",
)


@pytest.fixture(scope="module")
def server():
    with postgres.running() as running:
        with psycopg.connect(running.conninfo("master"), autocommit=True) as master:
            master.execute("CREATE ROLE rds_iam")
            # Both clouds take verifiers of the older kind by default; tokens are not looked at.
            (running.folder / "data" / "pg_hba.conf").write_text(
                "local all master trust\nlocal all +rds_iam trust\nlocal all all md5\n"
            )
            master.execute("SELECT pg_reload_conf()")
        yield running


@pytest.fixture
def database(server):
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        with postgres.database(server, f"test_{uuid.uuid4().hex[:8]}", "master") as name:
            yield name
        for role in (LOGIN, PRINCIPAL, FIRST["username"]):
            master.execute(f'DROP ROLE IF EXISTS "{role}"')


class WebNode(Machine):
    """A web node that has its secrets, and a cloud that gives it a token."""

    def __init__(self, folder: Path, server: postgres.Server, database: str, **more: str) -> None:
        folder.mkdir()
        super().__init__(folder)
        (folder / "run" / "secrets").mkdir()
        (folder / "lib").mkdir()
        (folder / "run" / "secrets" / "database-product").write_text(PASSWORD)
        place = {"host": str(server.folder), "port": 5432, "name": database, **more}
        self.says(
            {"database": {**place, "principal": PRINCIPAL}},
            database={"engine": "postgresql", "login": LOGIN, "secret": "database-product"},
        )
        self.copy(NODE / "aws" / "first-login.sql")
        (self.programs / "cloud.sh").write_text(
            f"#!/bin/bash\ncase $1 in database-token) echo the-token ;;\n"
            f"database-bootstrap) echo '{json.dumps(FIRST)}' ;; esac\n"
        )
        # What is on command lines, beside what it does.
        self.stub("psql", f'printf "%s\\n" "$*" >>{folder}/lines; exec /usr/bin/psql "$@"')
        self.stub("sed", f'printf "%s\\n" "$*" >>{folder}/lines; exec /usr/bin/sed "$@"')

    @property
    def command_lines(self) -> str:
        """All that a list of processes could have shown."""
        return (self.folder / "lines").read_text()


def as_product(server: postgres.Server, database: str) -> psycopg.Connection:
    return psycopg.connect(server.conninfo(LOGIN, database, PASSWORD), autocommit=True)


def administrator(server: postgres.Server, database: str) -> None:
    """Make the identity what Azure makes it: an administrator that is no superuser."""
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        master.execute(f"CREATE ROLE \"{PRINCIPAL}\" LOGIN CREATEROLE PASSWORD 'the-token'")
        master.execute(f'GRANT CREATE ON DATABASE "{database}" TO "{PRINCIPAL}"')


def test_the_identity_makes_a_login_with_a_schema_of_its_own(server, database, tmp_path):
    administrator(server, database)
    web = WebNode(tmp_path / "web", server, database)
    found = web.run("prepare-database.sh")

    assert found.returncode == 0, found.stderr
    with as_product(server, database) as connection:
        connection.execute("CREATE TABLE mine (a int)")
        [schema] = connection.execute(
            "SELECT schemaname FROM pg_tables WHERE tablename = 'mine'"
        ).fetchone()
        assert schema == LOGIN
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE another")
    for secret in (PASSWORD, "the-token", "md5"):
        assert secret not in web.command_lines
        assert secret not in found.stdout + found.stderr


def test_a_later_boot_asks_no_database(server, database, tmp_path):
    administrator(server, database)
    web = WebNode(tmp_path / "web", server, database)
    assert web.run("prepare-database.sh").returncode == 0
    web.stub("psql", "exit 9")
    found = web.run("prepare-database.sh")

    assert found.returncode == 0
    assert found.stderr.endswith(f"the database knows {LOGIN}\n")


def test_web_nodes_that_start_together_make_it_once(server, database, tmp_path):
    administrator(server, database)
    nodes = [WebNode(tmp_path / str(number), server, database) for number in range(3)]
    ended = []
    threads = [
        threading.Thread(target=lambda web=web: ended.append(web.run("prepare-database.sh")))
        for web in nodes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.returncode for each in ended] == [0, 0, 0], [each.stderr for each in ended]
    as_product(server, database).close()


def test_a_password_that_has_changed_in_the_vault_is_set_anew(server, database, tmp_path):
    administrator(server, database)
    web = WebNode(tmp_path / "web", server, database)
    assert web.run("prepare-database.sh").returncode == 0
    (web.folder / "run" / "secrets" / "database-product").write_text("another0Password1")
    assert web.run("prepare-database.sh").returncode == 0

    psycopg.connect(server.conninfo(LOGIN, database, "another0Password1")).close()


def test_on_aws_the_first_login_makes_the_identitys_user_and_ends_itself(
    server, database, tmp_path
):
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        if master.info.server_version >= 160_000:
            pytest.skip("RDS's leave to grant rds_iam has no like in PostgreSQL 16 itself")
        master.execute(f"CREATE ROLE first LOGIN CREATEROLE PASSWORD '{FIRST['password']}'")
        master.execute(f"ALTER DATABASE {database} OWNER TO first")
    web = WebNode(tmp_path / "web", server, database, bootstrap="arn:of-the-bootstrap")
    found = web.run("prepare-database.sh")

    assert found.returncode == 0, found.stderr
    as_product(server, database).close()
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        members = master.execute(
            "SELECT member::regrole::text FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole"
        ).fetchall()
        master.execute(f"ALTER DATABASE {database} OWNER TO master")
    assert {name.strip('"') for (name,) in members} == {"first", PRINCIPAL}
    assert FIRST["password"] not in web.command_lines


def test_a_database_that_lets_nobody_in_is_said_after_a_while(server, database, tmp_path):
    web = WebNode(tmp_path / "web", server, database)
    script = web.programs / "prepare-database.sh"
    script.write_text(script.read_text().replace("retry 600", "retry 0"))
    found = web.run("prepare-database.sh")

    assert found.returncode == 1
    assert found.stderr.endswith(
        f"failed: {LOGIN} could not be made in the database; the lines above say why\n"
    )
    assert 'authentication failed for user "id-test-web"' in found.stderr
