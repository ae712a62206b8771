"""What the store promises: durable, private, one writer, references found."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from sandbox.control.kinds import Record
from sandbox.control.store import Store, StoreError
from sandbox.control.wire import Secret
from sandbox.home import PROJECT

ROOT = "/subscriptions/s/resourceGroups/g"


def record(target, **more):
    values = {"inputs": {}, "outputs": {}, "incarnation": "i", **more}
    return Record(id=target, type="t", **values)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "cloud.sqlite")
    yield made
    made.close()


def test_only_the_owner_may_read_the_file(store):
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_ids_are_compared_without_case(store):
    with store.change() as rows:
        rows.put(record(ROOT), {})
    assert store.read().get(ROOT.upper()).record.id == ROOT


def test_a_transaction_that_fails_changes_nothing(store):
    def fail():
        with store.change() as rows:
            rows.put(record(ROOT), {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.read().get(ROOT) is None


def test_a_full_disk_is_told_changes_nothing_and_passes(store):
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError) as refused, store.change() as rows:
        rows.put(record(ROOT, inputs={"a": "x" * 100_000}), {})

    assert str(refused.value) == (
        f"the sandbox's state {store.path} can't be written: database or disk is full; nothing "
        "was changed: make room on that disk, and do it again"
    )
    assert store.read().get(ROOT) is None
    store._writer.execute(f"PRAGMA max_page_count = {pages + 1000}")
    with store.change() as rows:
        rows.put(record(ROOT, inputs={"a": "x" * 100_000}), {})
    assert store.read().get(ROOT) is not None


def test_a_secret_is_kept_as_one_and_read_as_plain(store):
    with store.change() as rows:
        rows.put(record(ROOT, inputs={"a": Secret("x")}), {})
    kept = store.read().get(ROOT)
    assert kept.inputs == {"a": Secret("x")}
    assert kept.record.inputs == {"a": "x"}


def test_a_secret_stays_one_when_a_kind_changes_the_record(store):
    with store.change() as rows:
        rows.put(record(ROOT, inputs={"a": Secret("x"), "b": 1}), {})
        rows.put(record(ROOT, inputs={"a": "y", "b": 2}), {})
    assert store.read().get(ROOT).inputs == {"a": Secret("y"), "b": 2}


def test_referrers_are_those_outside_that_name_it_or_a_part(store):
    balancer, other = f"{ROOT}/lb", f"{ROOT}/nic"
    with store.change() as rows:
        rows.put(record(balancer), {"self": f"{balancer}/pools/p"})
        rows.put(record(other), {"ip.pool": f"{balancer}/POOLS/p"})
        rows.put(record(f"{ROOT}/lb2"), {"x": f"{ROOT}/lb2/pools/p"})
    assert [(r.id, path) for r, path in store.read().referrers(balancer)] == [(other, "ip.pool")]


def test_inline_parts_exist_as_long_as_their_owner(store):
    part = f"{ROOT}/lb/pools/p"
    with store.change() as rows:
        rows.put(record(f"{ROOT}/lb", outputs={"pools": [{"id": part}]}), {})
    assert store.read().has(part.upper())
    with store.change() as rows:
        rows.put(record(f"{ROOT}/lb"), {})
    assert not store.read().has(part)


def test_removal_takes_what_is_below_and_not_what_only_sounds_alike(store):
    with store.change() as rows:
        for name in ("a", "a/b", "ab"):
            rows.put(record(f"{ROOT}/{name}"), {})
        rows.remove(f"{ROOT}/a")
    assert [each.record.id for each in store.read().all()] == [f"{ROOT}/ab"]


def test_notes_outlive_resources_until_they_are_forgotten(store):
    with store.change() as rows:
        rows.remember("vault/x", {"deleted": True})
    assert store.read().note("vault/x") == {"deleted": True}
    with store.change() as rows:
        rows.remember("vault/x", None)
    assert store.read().note("vault/x") is None


def test_writers_from_many_threads_lose_nothing(store):
    def write(number):
        for each in range(20):
            with store.change() as rows:
                rows.put(record(f"{ROOT}/{number}-{each}"), {})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(store.read().all())) == 160


WRITER = """
import sys, itertools
from pathlib import Path
from sandbox.control.kinds import Record
from sandbox.control.store import Store
store = Store(Path(sys.argv[1]))
for number in itertools.count():
    with store.change() as rows:
        rows.put(Record(id=f"/a/{number}", type="t", inputs={}, outputs={}, incarnation="i"), {})
        rows.put(Record(id=f"/b/{number}", type="t", inputs={}, outputs={}, incarnation="i"), {})
    print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged_and_halves_nothing(tmp_path):
    path = tmp_path / "cloud.sqlite"
    acknowledged = -1
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = [process.stdout.readline() for _ in range(25)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        acknowledged = max(acknowledged, *(int(line) for line in lines if line.endswith("\n")))
        store = Store(path)
        found = {each.record.id for each in store.read().all()}
        store.close()
        assert {f"/a/{n}" for n in range(acknowledged + 1)} <= found
        assert {i[3:] for i in found if i[1] == "a"} == {i[3:] for i in found if i[1] == "b"}


def test_a_file_of_another_format_is_refused(tmp_path):
    path = tmp_path / "cloud.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError) as refusal:
        Store(path)
    assert str(refusal.value) == (
        f"the sandbox's state {path} has format 99, this program writes 2; destroy its stacks "
        "with the program that made it, or run: scripts/sandbox reset"
    )


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "cloud.sqlite"
    path.write_text("not a database, and longer than its header would be " * 20)
    with pytest.raises(StoreError) as refusal:
        Store(path)
    assert str(refusal.value) == (
        f"the sandbox's state {path} can't be used: file is not a database; "
        "make it readable and writable for you, or run: scripts/sandbox reset"
    )


def test_a_trial_changes_nothing(store):
    with store.trial() as rows:
        rows.put(record(ROOT), {})
        assert rows.get(ROOT) is not None
    assert store.read().get(ROOT) is None


def test_a_closed_store_is_refused_to_who_comes_late(store):
    def late():
        with store.change():
            pass

    rows = store.read()
    store.close()
    for use in (late, store.read):
        with pytest.raises(StoreError, match="is closed: the sandbox stops"):
            use()
    assert rows.get(ROOT) is None  # a look-up under way goes on


def test_the_store_is_closed_when_a_transaction_under_way_is_over(store):
    begun, done = threading.Event(), threading.Event()

    def write():
        with store.change() as rows:
            begun.set()
            assert done.wait(10)
            rows.put(record(ROOT), {})

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(10)
    closer = threading.Thread(target=store.close)
    closer.start()
    done.set()
    closer.join(10)
    writer.join(10)
    again = Store(store.path)
    assert again.read().get(ROOT) is not None
    again.close()


def test_a_closed_store_is_one_file_whoever_still_reads(store, tmp_path):
    with store.change() as rows:
        rows.put(record(ROOT), {})
    assert store.read().get(ROOT) is not None
    store.close()
    store.close()

    shutil.copy(store.path, tmp_path / "copy.sqlite")

    copy = Store(tmp_path / "copy.sqlite")
    assert copy.read().get(ROOT) is not None
    copy.close()


def test_a_reader_sees_that_another_process_changed_something(store):
    rows = store.read()
    before = rows.edition()
    assert rows.edition() == before

    other = Store(store.path)
    with other.change() as changes:
        changes.put(record(ROOT), {})
    other.close()

    assert rows.edition() != before


def test_a_file_of_the_first_format_is_brought_up_to_date(tmp_path):
    path = tmp_path / "cloud.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            """
            CREATE TABLE resources (
                key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, parent TEXT NOT NULL,
                inputs TEXT NOT NULL, outputs TEXT NOT NULL,
                incarnation TEXT NOT NULL, urn TEXT NOT NULL, created TEXT NOT NULL
            ) WITHOUT ROWID;
            CREATE TABLE parts (key TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
            CREATE TABLE links (
                owner TEXT NOT NULL, path TEXT NOT NULL, target TEXT NOT NULL,
                PRIMARY KEY (owner, path)
            ) WITHOUT ROWID;
            CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
            INSERT INTO resources VALUES ('/a', '/A', 't', '', '{}', '{}', 'i', 'urn', 'now');
            PRAGMA user_version = 1;
            """
        )
    store = Store(path)

    found = store.read().get("/a")
    assert (found.record.id, found.record.urn, found.record.short) == ("/A", "urn", "")
    with store.change() as rows:
        rows.put(Record(id="/b", type="t", inputs={}, outputs={}, incarnation="i"), {})
    assert store.read().counts() == {"t": 2}
    store.close()


def arn(name: str) -> str:
    return f"arn:aws:ec2:eu-central-1:500000000005:thing/{name}"


def test_what_an_arn_lies_in_is_what_it_says_and_not_its_text(tmp_path):
    store = Store(tmp_path / "cloud.sqlite")
    with store.change() as rows:
        for name, parent, links in (
            ("a", "", {}),
            ("a/b", "", {"peer": arn("a")}),
            ("c", arn("a"), {"owner": arn("a")}),
            ("d", arn("c"), {"other": arn("a")}),
        ):
            record = Record(
                id=arn(name), type="t", inputs={}, outputs={}, incarnation="i", parent=parent,
                short=name,
            )  # fmt: skip
            rows.put(record, links)
    rows = store.read()

    assert [each.short for each in rows.children(arn("a"))] == ["c"]
    # What goes with it does not hold it.
    assert [(each.short, path) for each, path in rows.referrers(arn("a"))] == [("a/b", "peer")]
    assert [each.id for each in rows.short("c", "t")] == [arn("c")]
    assert rows.get(arn("A")) is None
    with store.change() as changes:
        changes.remove(arn("a"))
    assert [each.record.short for each in rows.all()] == ["a/b"]
    store.close()
