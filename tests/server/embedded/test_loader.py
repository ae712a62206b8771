"""The loader of a one-box: what it brings to the workers, and how the API hears of it."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from server.api.definitions import Definition, Parameter
from server.embedded import presence
from server.embedded.loader import opened
from server.embedded.presence import Presence
from server.embedded.store import SqliteStore
from server.loader.run import SourceAwayError
from server.loader.shelf import ServiceFileError, Shelf
from tests.support.stores import PORT, database_in

ROOT = Path(__file__).resolve().parents[3]
WIDTH = Parameter("width", "numeric")
IRIS = Definition("", "iris", (WIDTH,), (WIDTH,), b"model")


@pytest.fixture
def path(tmp_path):
    return database_in(tmp_path)


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "services").mkdir()
    return Shelf(tmp_path / "services")


def with_store(path, work):
    async def within():
        store = SqliteStore(path, PORT, path.parent)
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(within())


def services(path):
    folder = path.parent / "services"
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def test_a_published_service_reaches_the_workers_and_a_removed_one_leaves(path, shelf):
    with_store(path, lambda store: store.add_service("iris", "1", IRIS, "ann"))
    with opened(path, 2, path.parent) as source:
        before = source.synchronize(shelf)
        assert services(path) == [f".models/{IRIS.sha256}.rds", "iris/1.json"]
        with_store(path, lambda store: store.remove_service("iris", "1"))
        after = source.synchronize(shelf)

    assert after > before
    assert services(path) == []


def test_a_model_that_was_changed_in_the_database_is_not_served(path, shelf):
    class Tampered(Definition):
        sha256 = "0" * 64

    tampered = Tampered("", "iris", (), (WIDTH,), b"tampered")
    with_store(path, lambda store: store.add_service("iris", "1", tampered, "ann"))
    with opened(path, 2, path.parent) as source, pytest.raises(ServiceFileError):
        source.synchronize(shelf)

    assert services(path) == []


def test_whoever_publishes_waits_for_the_workers_and_no_longer(path, shelf):
    """A loader that follows at its own pace: what was published is there when the API answers."""
    stop = threading.Event()

    def follow():
        with opened(path, 2, path.parent) as source:
            while not stop.is_set():
                time.sleep(0.1)
                source.heartbeat(source.synchronize(shelf))
                source.wait(3)

    async def publish(store):
        found = []
        for version in ("1", "2", "3"):
            await store.add_service("iris", version, IRIS, "ann")
            await store.wait_until_everywhere(20)
            found.append(f"iris/{version}.json" in services(path))
        return found, await store.compute_nodes()

    presence.say(Presence(revision=0, workers=2, serving=False), path.parent)
    thread = threading.Thread(target=follow)
    begin = time.monotonic()
    with_store(path, lambda store: store.open())
    thread.start()
    try:
        found, nodes = with_store(path, publish)
    finally:
        stop.set()
        with_store(path, lambda store: store.add_service("last", "1", IRIS, "ann"))
        thread.join()

    assert found == [True] * 3
    assert [(node.address, node.port, node.workers) for node in nodes] == [("127.0.0.1", PORT, 2)]
    assert time.monotonic() - begin < 10


def test_a_change_ends_the_wait_and_nothing_else_does(path, shelf):
    with opened(path, 2, path.parent) as source:
        source.synchronize(shelf)
        begin = time.monotonic()
        source.wait(0.3)
        assert time.monotonic() - begin >= 0.3
        with_store(path, lambda store: store.add_service("iris", "1", IRIS, "ann"))
        begin = time.monotonic()
        source.wait(30)
        assert time.monotonic() - begin < 10


def test_a_machine_serves_from_its_heartbeat_to_its_farewell(path, shelf):
    def nodes():
        return with_store(path, lambda store: store.compute_nodes())

    with opened(path, 2, path.parent) as source:
        revision = source.synchronize(shelf)
        assert nodes() == []
        source.heartbeat(revision)
        assert len(nodes()) == 1
        source.synchronize(shelf)
        assert len(nodes()) == 1
        source.farewell()
        assert nodes() == []


def test_a_loader_that_fell_silent_keeps_nobody_waiting(path):
    presence.say(Presence(revision=0, workers=2, serving=True), path.parent)
    old = time.time() - presence.FRESH_SECONDS - 1
    os.utime(path.parent / "presence.json", (old, old))

    async def work(store):
        await asyncio.wait_for(store.wait_until_everywhere(60), 10)
        return await store.compute_nodes()

    assert with_store(path, work) == []


def test_a_database_that_cannot_be_read_is_away(tmp_path, shelf):
    with pytest.raises(SourceAwayError), opened(tmp_path / "none", 2, tmp_path) as source:
        source.synchronize(shelf)


def test_the_software_of_an_embedded_database_needs_none_of_a_servers():
    """A one-box with such a database has no driver for PostgreSQL."""
    program = (
        "import sys\nsys.modules['psycopg'] = sys.modules['psycopg_pool'] = None\n"
        "import server.embedded.app, server.embedded.loader, server.embedded.migrate\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
