"""What the loader brings from the database, and how it says that its node is there."""

import hashlib

import psycopg
import pytest

from server.api.migrate import API, LOADER
from server.loader.shelf import ServiceFileError, Shelf
from server.loader.synchronize import ThisNode, farewell, heartbeat, synchronize

NODE = ThisNode("10.0.1.4", 12805, 4)
SUM = hashlib.sha256(b"model").hexdigest()
INSERT = (
    "INSERT INTO operationalization.service (name, version, description, operation_id, inputs, "
    "outputs, model, sha256, published_by) "
    "VALUES (%s, '1', '', '', '[]', '[]', %s, %s, 'admin')"
)
SERVING = "SELECT host(address), port, workers, revision FROM operationalization.serving_node"


def test_a_published_service_reaches_the_node(as_role, tmp_path):
    api, loader = as_role(API), as_role(LOADER)
    before = synchronize(loader, Shelf(tmp_path))
    api.execute(INSERT, ["iris", b"model", SUM])
    after = synchronize(loader, Shelf(tmp_path))

    assert after > before
    assert (tmp_path / "iris" / "1.json").exists()
    assert (tmp_path / ".models" / f"{SUM}.rds").read_bytes() == b"model"


def test_a_removed_service_leaves_the_node(as_role, tmp_path):
    api, loader = as_role(API), as_role(LOADER)
    api.execute(INSERT, ["iris", b"model", SUM])
    synchronize(loader, Shelf(tmp_path))
    api.execute("DELETE FROM operationalization.service")
    synchronize(loader, Shelf(tmp_path))

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_model_that_was_changed_in_the_database_is_not_served(as_role, tmp_path):
    api, loader = as_role(API), as_role(LOADER)
    api.execute(INSERT, ["iris", b"tampered", SUM])
    with pytest.raises(ServiceFileError):
        synchronize(loader, Shelf(tmp_path))

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_loader_hears_of_a_publication(as_role):
    api, loader = as_role(API), as_role(LOADER)
    heard = []
    loader.add_notify_handler(lambda notice: heard.append(notice.channel))
    loader.execute("LISTEN services")
    api.execute(INSERT, ["iris", b"model", SUM])
    loader.execute("SELECT 1")

    assert heard == ["services"]


def test_a_node_that_beats_serves_until_it_says_farewell(as_role):
    api, loader = as_role(API), as_role(LOADER)
    heartbeat(loader, NODE, 7)
    heartbeat(loader, NODE, 8)
    assert api.execute(SERVING).fetchall() == [("10.0.1.4", 12805, 4, 8)]

    farewell(loader, NODE)
    assert api.execute(SERVING).fetchall() == []


def test_a_node_that_fell_silent_serves_no_more(server, database, as_role):
    heartbeat(as_role(LOADER), NODE, 7)
    with psycopg.connect(server.conninfo("master", database), autocommit=True) as master:
        master.execute(
            "UPDATE operationalization.compute_node SET seen_at = now() - interval '16 seconds'"
        )

    assert as_role(API).execute(SERVING).fetchall() == []
