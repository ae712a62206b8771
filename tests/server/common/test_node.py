"""What services know of their node, and how they reach the database and systemd."""

import json
import socket

from psycopg.conninfo import conninfo_to_dict

from components.bootstrap.user_data import node_json
from server.common import notify
from server.common.database import connection_string
from server.common.node import Database, credential, is_ready, read_node
from tests.support.nodes import facts, recipe_of


def test_a_service_reads_the_file_that_user_data_writes(tmp_path):
    path = tmp_path / "node.json"
    path.write_text(node_json(recipe_of("web"), facts()))
    node = read_node(path)

    assert (node.environment, node.role, node.port) == ("test", "web", 12800)
    assert node.database == Database(
        "psql-test-1a2b3c.postgres.database.azure.com", 5432, "operationalization"
    )
    assert (node.principal, node.settings["connections"]) == ("id-test-web", 5)
    assert json.loads(path.read_text())["web"] == node.settings


def test_a_database_must_prove_its_name():
    found = conninfo_to_dict(
        connection_string(Database("db.example", 5432, "o"), user="api", password="a b'c\\")
    )

    assert (found["sslmode"], found["sslrootcert"]) == (
        "verify-full",
        "/etc/ssl/certs/ca-certificates.crt",
    )
    assert found["password"] == "a b'c\\"


def test_a_credential_comes_without_its_line_end(tmp_path, monkeypatch):
    (tmp_path / "admin-password").write_text("secret\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert credential("admin-password") == "secret"


def test_only_a_ready_node_is_ready(tmp_path):
    state = tmp_path / "state.map"
    assert not is_ready(state)
    state.write_text("state draining\n")
    assert not is_ready(state)
    state.write_text("state ready\n")
    assert is_ready(state)


def test_systemd_hears_that_a_service_is_ready(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify.ready()

        assert manager.recv(64) == b"READY=1"


def test_without_systemd_nobody_is_told(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    notify.ready()
