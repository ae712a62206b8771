"""What a client hears while the machine's own database cannot be asked."""

import sqlite3
from contextlib import closing

import pytest

from server.embedded import database
from server.embedded.database import connect
from server.embedded.store import SqliteStore
from tests.server.api.test_services import PUBLISH
from tests.support.api import Call, talk
from tests.support.stores import PORT, database_in

AWAY = (503, {"message": "the database cannot be reached just now: try again"})
LIST = Call("GET", "/services")
STATUS = Call("GET", "/status")


def stores(folder):
    return lambda: SqliteStore(folder / "operationalization.sqlite", PORT, folder)


def database_of(status):
    return status["components"]["database"]["details"]


def test_a_database_that_is_not_there_is_said_so_and_found_when_it_is(tmp_path):
    [listed, live, (_, status)] = talk(stores(tmp_path), LIST, Call("GET", "/live"), STATUS)

    assert (listed, live) == (AWAY, (200, "alive"))
    assert status["statusCode"] == "fail"
    assert database_of(status) == {
        "type": "sqlite",
        "name": "operationalization",
        "state": "Closed",
    }

    database_in(tmp_path)
    [listed, (_, status)] = talk(stores(tmp_path), LIST, STATUS)
    assert listed == (200, [])
    assert database_of(status)["state"] == "Open"


def test_it_is_found_again_without_a_restart(tmp_path):
    """The API service runs on, and its next request opens the file."""
    made = []

    async def check(_definition):
        made.append(database_in(tmp_path))

    [before, published, after] = talk(stores(tmp_path), LIST, PUBLISH, LIST, check_model=check)

    assert before == AWAY
    assert published[0] == 201
    assert len(after[1]) == 1


def test_a_lock_that_does_not_end_is_said_so_in_time_and_reading_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    with closing(connect(database_in(tmp_path))) as holder:
        holder.execute("BEGIN IMMEDIATE")
        answers = talk(stores(tmp_path), PUBLISH, LIST)

    assert answers == [AWAY, (200, [])]
    assert talk(stores(tmp_path), PUBLISH)[0][0] == 201


def test_a_full_disk_publishes_nothing_of_a_service(tmp_path, monkeypatch):
    path = database_in(tmp_path)

    def full(path, **options):
        connection = connect(path, **options)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    large = {**PUBLISH.body, "model": "QUJD" * 20_000}
    monkeypatch.setattr("server.embedded.store.connect", full)
    answers = talk(stores(tmp_path), Call("POST", "/services/iris/1.0", large), LIST)

    assert answers == [AWAY, (200, [])]
    with closing(connect(path)) as connection:
        assert connection.execute("SELECT revision FROM catalogue").fetchone() == (1,)


def test_what_is_no_database_is_a_failure_and_no_answer_of_its_own(tmp_path):
    (tmp_path / "operationalization.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        talk(stores(tmp_path), LIST)
