"""A managed database, as the nodes' software and its administrators meet it."""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from sandbox.fabric.contract import FabricError, Origin
from sandbox.fabric.database import Databases
from sandbox.fabric.images import Images
from sandbox.fabric.network.namespaces import inside
from server.api.migrate import API, LOADER, migrate, read_migrations
from tests.sandbox.fabric.database.conftest import (
    PASSWORD,
    PATIENCE,
    WEB,
    WEB_OBJECT,
    by,
)

pytestmark = pytest.mark.root

PROJECT = Path(__file__).resolve().parents[4]
MIGRATIONS = PROJECT / "server" / "api" / "migrations"
PASSWORDS = {API: "api's password", LOADER: "loader's password"}
NOW = threading.Event()


class TestConnections:
    def test_the_name_and_the_authority_are_proven(self, serving):
        with serving.connect("breakglass", PASSWORD) as connection:
            assert connection.pgconn.ssl_in_use

    def test_a_client_that_trusts_another_authority_refuses(self, serving, foreign):
        said = serving.refused("breakglass", PASSWORD, sslrootcert=foreign)
        assert "certificate verify failed" in said

    def test_a_client_that_expects_another_name_refuses(self, serving):
        said = serving.refused("breakglass", PASSWORD, host="other.postgres.database.azure.com")
        assert "does not match host name" in said

    def test_without_tls_nobody_comes_in(self, serving):
        said = serving.refused("breakglass", PASSWORD, sslmode="disable")
        assert "no pg_hba.conf entry" in said
        assert "no encryption" in said
        said = serving.refused(WEB, serving.token(), sslmode="disable")
        assert "no encryption" in said

    def test_without_tls_everybody_comes_in_where_that_is_declared(self, serving):
        serving.settle(parameters={"require_secure_transport": "off"})
        serving.connect("breakglass", PASSWORD, sslmode="disable").close()

    def test_tls_1_1_is_refused(self, serving):
        said = serving.refused(
            "breakglass", PASSWORD, ssl_min_protocol_version="", ssl_max_protocol_version="TLSv1.1"
        )
        assert "SSL error" in said

    def test_another_host_name_gets_another_certificate(self, serving):
        other = "renamed.postgres.database.azure.com"
        serving.settle(host=other)
        serving.connect("breakglass", PASSWORD, host=other).close()
        assert "does not match" in serving.refused("breakglass", PASSWORD)


class TestPasswords:
    def test_the_administrator_logs_in_and_is_no_superuser(self, serving):
        with serving.connect("breakglass", PASSWORD) as connection:
            query = (
                "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles "
                "WHERE rolname = current_user"
            )
            assert rows(connection, query) == [(False, True, True)]
            assert rows(connection, "SELECT pg_has_role('azure_pg_admin', 'MEMBER')") == [(True,)]
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("GRANT azuresu TO breakglass")
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")

    def test_another_password_is_refused(self, serving):
        said = serving.refused("breakglass", "wrong")
        assert 'password authentication failed for user "breakglass"' in said

    def test_a_new_password_takes_the_place_of_the_old_one(self, serving):
        serving.settle(password="An0ther's")
        serving.connect("breakglass", "An0ther's").close()
        assert "authentication failed" in serving.refused("breakglass", PASSWORD)

    def test_a_password_changed_in_the_server_stays(self, serving):
        with serving.connect("breakglass", PASSWORD) as connection:
            connection.execute("ALTER ROLE breakglass PASSWORD 'by-hand'")
        try:
            serving.settle(databases=("operationalization", "more"))
            serving.connect("breakglass", "by-hand").close()
        finally:
            serving.settle(password="An0ther's")

    def test_a_principal_makes_a_login_of_the_older_kind(self, serving):
        """As nodes do for software whose driver is older than SCRAM."""
        with serving.connect(WEB, serving.token()) as connection:
            connection.execute("SET password_encryption = 'md5'")
            connection.execute("CREATE ROLE product LOGIN PASSWORD 'its own'")
            connection.execute("GRANT CREATE, CONNECT ON DATABASE operationalization TO product")
        verifiers = "SELECT rolpassword FROM pg_authid WHERE rolname = 'product'"
        assert str(serving.databases.execute(serving.declared.id, verifiers)[0][0])[:3] == "md5"
        with serving.connect("product", "its own", "operationalization") as connection:
            connection.execute("CREATE SCHEMA own")

        serving.settle(parameters={"azure.accepted_password_auth_method": "scram-sha-256"})
        assert "authentication failed" in serving.refused("product", "its own")
        serving.connect("breakglass", PASSWORD).close()

    def test_with_password_login_off_only_tokens_are_taken(self, serving):
        serving.settle(password_login=False)
        assert "no pg_hba.conf entry" in serving.refused("breakglass", PASSWORD)
        serving.connect(WEB, serving.token()).close()

    def test_the_clouds_own_superuser_is_nobody_in_the_network(self, serving):
        for options in ({}, {"sslmode": "disable"}):
            said = serving.refused("azuresu", "x", **options)
            assert "pg_hba.conf rejects connection" in said

    def test_its_name_can_not_be_declared(self, serving):
        with pytest.raises(FabricError, match="the role azuresu is the service's own"):
            serving.settle(principals={"azuresu": "object"})


class TestTokens:
    def test_a_principal_logs_in_with_its_token(self, serving):
        for audience in ("", "/"):
            token = serving.token(f"https://ossrdbms-aad.database.windows.net{audience}")
            with serving.connect(WEB, token) as connection:
                query = (
                    "SELECT rolname, rolsuper, rolcreaterole FROM pg_roles "
                    "WHERE rolname = current_user"
                )
                assert rows(connection, query) == [(WEB, False, True)]

    def test_every_other_token_is_refused_and_the_log_says_why(self, serving):
        now = int(time.time())
        foreign, _ = serving.stranger.issue(
            WEB_OBJECT, "client", serving.tokens.tenant, "https://ossrdbms-aad.database.windows.net"
        )
        tried = {
            "has expired": serving.token(exp=now - 5),
            "not yet valid": serving.token(nbf=now + 600, iat=now - 5),
            "udience": serving.token("https://vault.azure.net"),
            "another principal's": serving.token(principal="b0c2e3a1-0000-0000-0000-000000000000"),
            "another tenant": serving.token(tid="00000000-0000-0000-0000-000000000000"),
            "Signature verification failed": foreign,
            "not a valid access token: ": "password",
        }
        for token in tried.values():
            said = serving.refused(WEB, token)
            assert f'authentication failed for user "{WEB}"' in said
        log = serving.databases.find(serving.declared.id).log.read_text()
        for reason in tried:
            assert reason in log

    def test_a_token_is_no_password_of_another_role(self, serving):
        assert "authentication failed" in serving.refused("breakglass", serving.token())

    def test_with_directory_login_off_tokens_are_refused(self, serving):
        serving.settle(directory_login=False)
        assert "pg_hba.conf rejects connection" in serving.refused(WEB, serving.token())
        serving.connect("breakglass", PASSWORD).close()

    def test_who_is_no_longer_an_administrator_is_out_also_of_open_sessions(self, serving):
        with serving.connect(WEB, serving.token()) as connection:
            serving.settle(principals={})
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        serving.refused(WEB, serving.token())
        serving.settle(principals={WEB: WEB_OBJECT})
        serving.connect(WEB, serving.token()).close()

    def test_neither_tokens_nor_passwords_are_in_any_file(self, serving):
        token = serving.token()
        serving.connect(WEB, token).close()
        refused = serving.token("https://vault.azure.net")
        serving.refused(WEB, refused)
        serving.settle(password="Sear-ch3d")
        secrets = [word.encode() for word in (token, refused, "Sear-ch3d", PASSWORD)]
        files = [path for path in serving.home.rglob("*") if path.is_file()]
        assert files
        for path in files:
            content = path.read_bytes()
            assert not [word for word in secrets if word in content], path
        lines = [(Path("/proc") / str(pid) / "cmdline").read_bytes() for pid in serving.processes()]
        assert not [word for word in secrets for line in lines if word in line]


class TestMigrations:
    def test_the_nodes_software_gets_its_schema_and_its_roles(self, serving):
        with serving.connect(WEB, serving.token(), "operationalization") as connection:
            migrate(connection, read_migrations(MIGRATIONS), PASSWORDS)
        with serving.connect(API, PASSWORDS[API], "operationalization") as api:
            api.execute("SET search_path TO operationalization")
            assert rows(api, "SELECT name FROM listed_service") == []
            with pytest.raises(errors.InsufficientPrivilege):
                api.execute("CREATE TABLE mine (number integer)")
        with serving.connect(LOADER, PASSWORDS[LOADER], "operationalization") as loader:
            loader.execute("SET search_path TO operationalization")
            loader.execute("SELECT heartbeat('10.20.128.4', 12805, 2, 1)")
            with pytest.raises(errors.InsufficientPrivilege):
                loader.execute("DELETE FROM service")
        with serving.connect(API, PASSWORDS[API], "operationalization") as api:
            found = rows(api, "SELECT host(address), port FROM operationalization.serving_node")
            assert found == [("10.20.128.4", 12805)]

    def test_a_later_identity_goes_on_where_the_first_one_stopped(self, serving):
        serving.settle(principals={WEB: WEB_OBJECT, "id-next": "next-object"})
        for user, principal in ((WEB, WEB_OBJECT), ("id-next", "next-object")):
            token = serving.token(principal=principal)
            with serving.connect(user, token, "operationalization") as connection:
                migrate(connection, read_migrations(MIGRATIONS), PASSWORDS)


class TestDatabases:
    def test_declared_ones_are_there_and_others_users_made_stay(self, serving):
        with serving.connect("breakglass", PASSWORD) as connection:
            connection.execute("CREATE DATABASE mine")
            assert owners(connection) == {
                "postgres": "azure_pg_admin",
                "operationalization": "azure_pg_admin",
                "mine": "breakglass",
            }
            serving.settle(databases=("operationalization", "more", "postgres"))
            assert owners(connection)["more"] == "azure_pg_admin"
            serving.settle(databases=("operationalization",))
            assert set(owners(connection)) == {"postgres", "operationalization", "mine"}
            connection.execute("DROP DATABASE mine")

    def test_one_with_sessions_is_dropped_too(self, serving):
        serving.settle(databases=("operationalization", "more"))
        with serving.connect("breakglass", PASSWORD, "more") as connection:
            serving.settle(databases=("operationalization",))
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        assert 'database "more" does not exist' in serving.refused("breakglass", PASSWORD, "more")

    def test_text_is_sorted_as_the_cloud_sorts_it(self, serving):
        with serving.connect("breakglass", PASSWORD, "operationalization") as connection:
            query = "SELECT w FROM (VALUES ('B'), ('a'), ('é'), ('f')) t(w) ORDER BY w"
            found = rows(connection, query)
            assert [word for (word,) in found] == ["a", "B", "é", "f"]


class TestParameters:
    def test_a_change_keeps_sessions(self, serving):
        with serving.connect("breakglass", PASSWORD) as connection:
            serving.settle(parameters={"work_mem": "9MB", "log_connections": "off"})
            assert by(5, lambda: rows(connection, "SHOW work_mem") == [("9MB",)])

    def test_one_that_needs_a_restart_gets_it(self, serving):
        serving.settle(parameters={"max_connections": "40"})
        with serving.connect("breakglass", PASSWORD) as connection:
            assert rows(connection, "SHOW max_connections") == [("40",)]

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [
            ({"work_mem": "plenty"}, 'invalid value for parameter "work_mem": "plenty"'),
            (
                {"scram_iterations": "9000"},
                'unrecognized configuration parameter "scram_iterations"',
            ),
            ({"shared_preload_libraries": "pg_cron"}, 'could not access file "pg_cron"'),
            ({"fsync": "off"}, "parameter fsync is the service's own"),
        ],
        ids=["value", "name", "library", "own"],
    )
    def test_one_that_is_refused_is_told_and_the_server_goes_on(self, serving, parameters, words):
        with pytest.raises(FabricError) as refusal:
            serving.settle(parameters=parameters)
        assert "database dev-database" in str(refusal.value)
        assert words in str(refusal.value)
        assert words in serving.databases.find(serving.declared.id).problem
        serving.connect("breakglass", PASSWORD).close()

    def test_the_clouds_own_are_told_to_have_no_effect(self, serving):
        found = serving.databases.find(serving.declared.id)
        assert found.without_effect == ("connection_throttle.enable",)
        assert found.version == "declared 16, the sandbox runs 15"
        assert found.running
        assert found.problem == ""


class TestRestoring:
    def test_it_begins_with_the_sources_contents_and_lives_a_life_of_its_own(self, own_lab):
        lab = own_lab
        source = lab.declared
        lab.settle()
        with lab.connect("breakglass", PASSWORD, "operationalization") as connection:
            connection.execute("SET password_encryption = md5")
            connection.execute("CREATE ROLE product LOGIN PASSWORD 'Pr0duct-older'")
            connection.execute("CREATE TABLE services (name text)")
            connection.execute("INSERT INTO services VALUES ('iris')")
        # The second server needs a network of its own: both listen on one port.
        elsewhere = f"{lab.namespace}b"
        subprocess.run(["ip", "netns", "add", elsewhere], check=True)
        try:
            subprocess.run(["ip", "-n", elsewhere, "link", "set", "lo", "up"], check=True)
            restored = dataclasses.replace(
                source,
                id=f"{source.id}-restored",
                password="",
                databases=(),
                origin=Origin(id=source.id, incarnation=source.incarnation),
            )
            places = {source.id: lab.namespace, restored.id: elsewhere}
            lab.databases.settle([source, restored], places.__getitem__)
            lab.databases.ready(restored.id, PATIENCE, NOW)
            lab.databases.ready(source.id, PATIENCE, NOW)
            with lab.connect("breakglass", PASSWORD, "operationalization") as connection:
                connection.execute("INSERT INTO services VALUES ('later')")

            beside = dataclasses.replace(lab, namespace=elsewhere)
            for user, password in (("breakglass", PASSWORD), ("product", "Pr0duct-older")):
                beside.connect(user, password).close()
            with beside.connect("breakglass", PASSWORD, "operationalization") as connection:
                assert rows(connection, "SELECT name FROM services") == [("iris",)]
            assert not list((lab.home / "databases").glob("*/cluster/restoring-*"))

            # Its source may go then.
            gone = dataclasses.replace(restored, origin=Origin(id=source.id, incarnation=""))
            lab.databases.settle([gone], places.__getitem__)
            assert lab.databases.gone(PATIENCE)
            lab.databases.ready(restored.id, PATIENCE, NOW)
            with beside.connect("breakglass", PASSWORD, "operationalization") as connection:
                assert rows(connection, "SELECT name FROM services") == [("iris",)]
        finally:
            lab.databases.stop()
            subprocess.run(["ip", "netns", "del", elsewhere], check=True)

    def test_without_its_source_it_says_so_and_does_not_begin_empty(self, own_lab):
        lab = own_lab
        with pytest.raises(FabricError, match=r"to be restored from /gone, which is gone"):
            lab.settle(origin=Origin(id="/gone", incarnation="1"))
        assert not list((lab.home / "databases").glob("*/cluster/data"))


class TestLife:
    def test_nothing_changed_costs_nothing(self, serving):
        process = serving.processes()
        began = time.perf_counter()
        for _ in range(20):
            serving.settle()
        assert time.perf_counter() - began < 0.2
        assert serving.processes() == process

    def test_a_server_that_is_killed_comes_back_with_all_that_was_committed(self, serving):
        with serving.connect("breakglass", PASSWORD, "operationalization") as connection:
            connection.execute("CREATE TABLE kept (number integer)")
            connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
            guest = guest_of(serving.databases)
            before = guest.leader
            guest.signal(signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT pg_sleep(10)")
        assert by(10, lambda: guest.leader not in (None, before))
        serving.databases.ready(serving.declared.id, PATIENCE, NOW)
        with serving.connect("breakglass", PASSWORD, "operationalization") as connection:
            assert rows(connection, "SELECT count(*) FROM kept") == [(1000,)]
            connection.execute("DROP TABLE kept")

    def test_a_daemon_that_is_killed_leaves_it_running_and_its_successor_finds_it(self, own_lab):
        lab = own_lab
        lab.databases.stop()
        declared = json.dumps(dataclasses.asdict(lab.declared))
        starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, lab.home, lab.namespace, declared],
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        assert starter.stdout.readline() == "ready\n"
        with lab.connect("breakglass", PASSWORD) as connection:
            starter.kill()
            starter.wait()
            starter.stdout.close()
            lab.databases = lab.another()
            lab.settle()
            assert rows(connection, "SELECT 1") == [(1,)]
        assert guest_of(lab.databases).running

        everything = lab.processes()
        assert everything
        lab.databases.stop()
        assert by(2, lambda: lab.processes() == [])

    def test_stop_leaves_the_data_and_nothing_else(self, own_lab):
        lab = own_lab
        lab.settle()
        with lab.connect("breakglass", PASSWORD, "operationalization") as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
            lab.databases.stop()
        assert lab.processes() == []
        assert str(lab.home) not in Path("/proc/mounts").read_text()
        assert in_control_groups(lab) == []

        lab.databases = lab.another()
        lab.settle()
        with lab.connect("breakglass", PASSWORD, "operationalization") as connection:
            assert rows(connection, "SELECT number FROM kept") == [(7,)]

    def test_what_is_no_longer_declared_is_gone_with_its_data(self, own_lab):
        lab = own_lab
        lab.settle()
        assert list((lab.home / "databases").iterdir())
        lab.databases.settle([], lambda _: lab.namespace)
        assert lab.databases.gone(PATIENCE)
        assert list((lab.home / "databases").iterdir()) == []
        assert lab.processes() == []
        assert lab.databases.find(lab.declared.id) is None
        with pytest.raises(FabricError, match=r"no database .* is declared"):
            lab.databases.ready(lab.declared.id, PATIENCE, NOW)

    def test_another_incarnation_begins_empty(self, own_lab):
        lab = own_lab
        lab.settle()
        with lab.connect("breakglass", PASSWORD, "operationalization") as connection:
            connection.execute("CREATE TABLE old (number integer)")
        lab.settle(incarnation="2")
        with lab.connect("breakglass", PASSWORD, "operationalization") as connection:
            assert rows(connection, "SELECT to_regclass('old')") == [(None,)]
        assert lab.databases.gone(PATIENCE)
        assert len(list((lab.home / "databases").iterdir())) == 1

    def test_a_namespace_that_was_made_anew_gets_the_server_anew(self, own_lab):
        lab = own_lab
        lab.settle()
        subprocess.run(["ip", "netns", "del", lab.namespace], check=True)
        subprocess.run(["ip", "netns", "add", lab.namespace], check=True)
        subprocess.run(["ip", "-n", lab.namespace, "link", "set", "lo", "up"], check=True)
        lab.settle()
        lab.connect("breakglass", PASSWORD).close()

    def test_a_port_that_is_taken_is_told_and_waited_for(self, own_lab):
        lab = own_lab
        with inside(lab.namespace):
            taken = socket.create_server(("0.0.0.0", 5432))
        with taken, pytest.raises(FabricError, match="does not start") as refusal:
            lab.settle()
        assert "could not bind" in str(refusal.value)
        lab.databases.ready(lab.declared.id, PATIENCE, NOW)

    def test_whoever_waits_may_give_up(self, own_lab):
        lab = own_lab
        cancelled = threading.Event()
        cancelled.set()
        lab.databases.settle([lab.declared], lambda _: lab.namespace)
        with pytest.raises(FabricError, match="nobody waits"):
            lab.databases.ready(lab.declared.id, PATIENCE, cancelled)

    @pytest.mark.parametrize("size", ["20m", "200m"])
    def test_a_full_disk_is_told(self, own_lab, size):
        lab, folder = own_lab, own_lab.home / "databases"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
        try:
            with pytest.raises(FabricError, match=r"no space left|MB free"):
                lab.settle()
            lab.databases.stop()
        finally:
            subprocess.run(["umount", folder], check=True)

    def test_an_image_that_is_not_there_is_told(self, own_lab, tmp_path):
        lab = own_lab
        lab.images = Images(tmp_path / "none")
        authority = Images().authority
        lab.databases = Databases(
            lab.home / "databases", lab.images, authority, lab.tokens.public_key
        )
        with pytest.raises(FabricError, match="the image 'postgresql' is not in"):
            lab.settle()

    def test_what_is_declared_for_users_does_not_hinder_the_service(self, serving):
        serving.settle(
            parameters={"statement_timeout": "1", "default_transaction_read_only": "on"},
            databases=("operationalization", "more"),
        )
        options = "-c statement_timeout=0"
        with serving.connect("breakglass", PASSWORD, options=options) as connection:
            assert "more" in owners(connection)
            with pytest.raises(errors.ReadOnlySqlTransaction):
                connection.execute("CREATE TABLE mine (number integer)")

    def test_a_network_that_is_not_there_is_told(self, own_lab):
        with pytest.raises(FabricError, match="network namespace nowhere is not there"):
            own_lab.databases.settle([own_lab.declared], lambda _: "nowhere")


STARTER = """
import json, sys, threading
from pathlib import Path
from sandbox.fabric.azure.tokens import Tokens
from sandbox.fabric.contract import Database
from sandbox.fabric.database import Databases
from sandbox.fabric.images import Images

home, images = Path(sys.argv[1]), Images()
declared = Database(**json.loads(sys.argv[3]))
databases = Databases(home / "databases", images, images.authority, Tokens(home).public_key)
databases.settle([declared], lambda _: sys.argv[2])
databases.ready(declared.id, 30, threading.Event())
print("ready", flush=True)
threading.Event().wait()
"""


def rows(connection, query):
    return connection.execute(query).fetchall()


def owners(connection):
    return dict(
        rows(
            connection,
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate",
        )
    )


def guest_of(databases):
    (keeper,) = databases._keepers.values()
    return keeper.instance.guest


def in_control_groups(lab):
    name = guest_state(lab)["name"]
    return [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if name in folder]


def guest_state(lab):
    (state,) = (lab.home / "databases").glob("*/guest/host.json")
    return json.loads(state.read_text())
