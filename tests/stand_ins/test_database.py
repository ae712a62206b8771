"""Databases: made at the first start, taken over by a newer version, refused by an older one."""

import uuid
from contextlib import ExitStack

import httpx
import psycopg
import pytest

from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.connection import Target, postgresql
from stand_ins.product.schema import steps
from stand_ins.product.store import Service, Store
from stand_ins.product.web.node import Watch
from stand_ins.versions import VERSIONS
from tests.stand_ins.test_web import SERVICE, prepare
from tests.support import postgres
from tests.support.stand_in_nodes import compute_node, web_node
from tests.support.stand_ins import signed_in

INORDER = list(VERSIONS.values())
ROLE, SECRET = "operationalization_product", "p-w+1"


@pytest.fixture
def login(server):
    """The product's own login, which owns nothing yet, as a node's script makes it."""
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        if not master.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchall():
            master.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{SECRET}'")
    return ROLE


@pytest.fixture
def string(server, login):
    """A connection string to an empty database with a schema of the login's name."""
    with postgres.database(server, f"product-{uuid.uuid4().hex[:8]}", "master") as name:
        with psycopg.connect(server.conninfo("master", name), autocommit=True) as master:
            master.execute(f"CREATE SCHEMA {login} AUTHORIZATION {login}")
        yield f"User ID={login};Password={SECRET};Host={server.folder};Port=5432;Database={name};"


@pytest.fixture(params=["postgresql", "sqlite"])
def target(request, tmp_path):
    if request.param == "sqlite":
        return Target("sqlite", str(tmp_path / "a.db"))
    return postgresql(request.getfixturevalue("string"))


def test_every_version_takes_the_one_before_over(target):
    first = Store(INORDER[0], target)
    assert first.add_service(Service("a", "1", {"code": "x"}, "admin", "now"))
    assert not first.add_service(Service("a", "1", {"code": "x"}, "admin", "now"))
    known = first.id
    first.close()
    for version in INORDER[1:]:
        store = Store(version, target)
        assert store.service("a", "1") == Service("a", "1", {"code": "x"}, "admin", "now")
        assert store.id == known
        assert store.check_version()
        store.close()
        with pytest.raises(ConfigurationError, match="belongs to a newer version"):
            Store(INORDER[0], target)
    store = Store(INORDER[-1], target)
    store.seed_uris(["http://a:1"])
    assert store.uris() == ["http://a:1"]
    store.close()


def test_tables_are_those_of_the_version():
    assert len(steps(None, 2)) == 4
    assert steps(2, 3) == ["ALTER TABLE service RENAME COLUMN owner TO published_by"]
    assert steps(6, 6) == []


def test_a_database_that_is_not_there_is_made(server, login):
    name = f"made-{uuid.uuid4().hex[:8]}"
    string = f"User ID={login};Password={SECRET};Host={server.folder};Port=5432;Database={name};"
    with psycopg.connect(server.conninfo("master"), autocommit=True) as master:
        master.execute(f"ALTER ROLE {login} CREATEDB")
        try:
            Store(INORDER[-1], postgresql(string)).close()
            assert master.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchall()
        finally:
            master.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            master.execute(f"ALTER ROLE {login} NOCREATEDB")


def test_two_web_nodes_share_services_tokens_and_uris(
    string, installed, certificate, tmp_path, monkeypatch
):
    version = VERSIONS["mlserver", "9.4.7"]
    thumbprint, pfx = certificate()
    with ExitStack() as stack:
        _, port = stack.enter_context(compute_node(version, tmp_path / "services"))
        ports = []
        for name in ("first", "second"):
            folder = tmp_path / name
            folder.mkdir()
            monkeypatch.setenv("STAND_IN_ROOT", str(folder))
            machine = installed(folder)
            prepare(
                machine,
                *[f"http://127.0.0.1:{port}"][: 1 if name == "first" else 0],
                ConnectionStrings__defaultDb__Enabled=False,
                ConnectionStrings__postgresql={"Enabled": True, "Connection": string},
                Authentication__JWTKey="",
                Authentication__JWTSigningCertificate={
                    "Enabled": True,
                    "StoreName": "Root",
                    "StoreLocation": "CurrentUser",
                    "SubjectName": "CN=signing, O=test",
                    "Thumbprint": thumbprint,
                },
            )
            store = folder / "home/webnode_usr/.dotnet/corefx/cryptography/x509stores/root"
            store.mkdir(parents=True)
            (store / f"{thumbprint}.pfx").write_bytes(pfx)
            ports.append(stack.enter_context(web_node(version)))
        client = stack.enter_context(signed_in(ports[0]))
        assert client.post("/services/a/1", json=SERVICE).status_code == 201
        # The first one's token, on the second one, whose own file names no compute node.
        other = httpx.Client(base_url=f"http://127.0.0.1:{ports[1]}", headers=client.headers)
        stack.enter_context(other)
        assert other.get("/status").json() == client.get("/status").json() | {
            "details": other.get("/status").json()["details"]
        }
        assert other.get("/status").json()["components"]["database"]["details"]["type"] == (
            "postgresql"
        )
        assert other.post("/api/a/1", json={"x": 3}).json()["outputParameters"]["x"] == 3


def test_a_web_node_stops_when_a_newer_version_takes_its_database(target):
    old = Store(INORDER[2], target)
    watch = Watch(old)
    watch.look()
    assert watch.reason == ""
    Store(INORDER[3], target).close()
    watch.look()
    assert "two versions never share one" in watch.reason
    old.close()


def test_a_file_is_of_one_machine(tmp_path, monkeypatch):
    target = Target("sqlite", str(tmp_path / "a.db"))
    first = Store(INORDER[-1], target)
    monkeypatch.setattr("socket.gethostname", lambda: "other")
    with pytest.raises(ConfigurationError, match="several web nodes need"):
        Store(INORDER[-1], target)
    first.close()


def test_a_server_that_is_restarted_is_found_again(string):
    store = Store(INORDER[-1], postgresql(string))
    name = string.split("Database=")[1].rstrip(";")
    store.services()
    with store.database.work() as work:
        [(pid,)] = work.run("SELECT pg_backend_pid()")
    host = string.split("Host=")[1].split(";")[0]
    with psycopg.connect(host=host, user="master", dbname=name, autocommit=True) as master:
        master.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert store.services() == []
    store.close()
