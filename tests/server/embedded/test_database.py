"""The file on a one-box's disk: who may read it, and what outlives a crash."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from server.api.schema import Migration, read_migrations
from server.embedded.database import connect, connect_to_read, transaction
from server.embedded.migrate import migrate
from tests.support.stores import EMBEDDED, database_in

ROOT = Path(__file__).resolve().parents[3]
API, LOADER, WORKER = 61_001, 61_002, 61_003
INSERT = "INSERT INTO service VALUES (?, '1', '', '', '[]', '[]', '', 'ann', '2026-01-01', x'00')"
REVISION = "SELECT revision FROM catalogue"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="users of several ids: needs root")


@pytest.fixture
def path(tmp_path):
    return database_in(tmp_path)


def test_a_transaction_is_done_as_a_whole_or_not_at_all(path):
    with closing(connect(path)) as connection:
        with pytest.raises(sqlite3.IntegrityError), transaction(connection):
            connection.executemany(INSERT, [["iris"], ["iris"]])

        assert connection.execute("SELECT count(*) FROM service").fetchone() == (0,)
        assert connection.execute(REVISION).fetchone() == (1,)


def test_each_change_of_a_service_makes_the_catalogue_newer(path):
    with closing(connect(path)) as connection:
        found = [connection.execute(REVISION).fetchone()[0]]
        for statement in (
            INSERT.replace("?", "'iris'"),
            "UPDATE service SET description = 'better'",
            "DELETE FROM service",
        ):
            connection.execute(statement)
            found.append(connection.execute(REVISION).fetchone()[0])

    assert found == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["", "9", "a/b", "a b", "é", "a\n", "a" * 65])
def test_a_name_that_could_not_be_a_file_is_refused_by_the_database_too(path, name):
    with closing(connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(INSERT, [name])


def test_it_is_durable_and_in_write_ahead_mode(path):
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"


def test_a_file_that_is_not_there_is_not_made_by_the_way(tmp_path):
    for opens in (connect, connect_to_read):
        with pytest.raises(sqlite3.OperationalError), closing(opens(tmp_path / "none")) as found:
            found.execute("SELECT 1 FROM sqlite_master")
    assert list(tmp_path.iterdir()) == []


def test_migrations_run_once(path):
    with closing(connect(path)) as connection:
        migrate(connection, read_migrations(EMBEDDED))
        done = connection.execute("SELECT number FROM migration").fetchall()

    assert done == [(number + 1,) for number in range(len(list(EMBEDDED.glob("*.sql"))))]


def test_a_migration_that_fails_leaves_nothing_of_itself(path):
    wrong = Migration(2, "wrong", "CREATE TABLE half (a); INSERT INTO none VALUES (1);")
    with closing(connect(path)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such table: none"):
            migrate(connection, [*read_migrations(EMBEDDED), wrong])

        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchall()
        assert connection.execute("SELECT max(number) FROM migration").fetchone() == (1,)


def test_a_later_release_may_have_gone_ahead(path):
    with closing(connect(path)) as connection:
        connection.execute("INSERT INTO migration (number, name) VALUES (2, 'later')")
        migrate(connection, read_migrations(EMBEDDED))


def test_what_was_answered_outlives_a_killed_process(path):
    """Publishes until it is killed: whatever it has said to be published is there."""
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from server.embedded.database import connect, transaction\n"
        "connection = connect(Path(sys.argv[1]))\n"
        "for number in range(1_000_000):\n"
        "    with transaction(connection):\n"
        f"        connection.execute({INSERT!r}, [f'a{{number}}'])\n"
        "    print(number, flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        said = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    with closing(connect(path)) as connection:
        kept = {name for (name,) in connection.execute("SELECT name FROM service")}
        checked = connection.execute("PRAGMA integrity_check").fetchone()

    assert {f"a{int(line)}" for line in said if line.endswith("\n")} <= kept
    assert checked == ("ok",)


READER = """
connection = connect_to_read(Path(sys.argv[1]))
for line in sys.stdin:
    try:
        print(connection.execute(line).fetchall(), flush=True)
    except sqlite3.Error as error:
        print(f"{type(error).__name__}: {error}", flush=True)
"""


@pytest.fixture
def shared(tmp_path_factory):
    """The folder of a machine, as schema.sh makes it, with the API's open connection."""
    folder = Path(tmp_path_factory.mktemp("machine"))
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    home = folder / "database"
    home.mkdir()
    os.chown(home, API, LOADER)
    home.chmod(0o2750)
    return home


BECOME = """
import os, sqlite3, sys
from pathlib import Path
from server.api.schema import read_migrations
from server.embedded.database import connect, connect_to_read, transaction
from server.embedded.migrate import migrate
user = int(sys.argv.pop(1))
os.setgroups([]), os.setgid(user), os.setuid(user), os.umask(0o027)
"""
"""Python itself may lie where only root looks, so it becomes another user when it has begun."""


def as_user(user, program, *arguments, **kinds):
    command = [sys.executable, "-c", BECOME + program, str(user), *arguments]
    return subprocess.Popen(command, cwd=ROOT, text=True, **kinds)


WRITER = """
connection = connect(Path(sys.argv[1]), create=True)
migrate(connection, read_migrations(Path(sys.argv[2])))
connection.execute("SELECT revision FROM catalogue").fetchall()
print("open", flush=True)
for line in sys.stdin:
    with transaction(connection):
        connection.execute(line)
    connection.execute("SELECT revision FROM catalogue").fetchall()
    print("done", flush=True)
"""


@pytest.fixture
def writer(shared):
    path = shared / "operationalization.sqlite"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with as_user(API, WRITER, str(path), str(EMBEDDED), **pipes) as process:
        assert process.stdout.readline() == "open\n"
        yield process
        process.stdin.close()


def ask(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline().rstrip("\n")


@as_root
def test_the_loaders_user_reads_what_is_written_and_cannot_write(shared, writer):
    path = shared / "operationalization.sqlite"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with as_user(LOADER, READER, str(path), **pipes) as reader:
        assert ask(reader, REVISION) == "[(1,)]"
        for number in range(2, 6):
            assert ask(writer, INSERT.replace("?", f"'a{number}'")) == "done"
            assert ask(reader, REVISION) == f"[({number},)]"
        refused = ask(reader, "DELETE FROM service")
        reader.stdin.close()

    assert refused == "OperationalError: attempt to write a readonly database"
    # Nor does another way of opening it help: the file system itself refuses.
    with as_user(LOADER, f"open({str(path)!r}, 'ab')", stderr=subprocess.PIPE) as other:
        assert "PermissionError" in other.stderr.read()
    with as_user(LOADER, f"open({str(shared / 'new')!r}, 'w')", stderr=subprocess.PIPE) as other:
        assert "PermissionError" in other.stderr.read()


@as_root
def test_nobody_else_looks_into_the_folder(shared, writer):
    for file in shared.iterdir():
        mode = file.stat()
        assert (mode.st_uid, mode.st_gid, stat.S_IMODE(mode.st_mode)) == (API, LOADER, 0o640)
    program = f"import os; os.listdir({str(shared)!r})"
    with as_user(WORKER, program, stderr=subprocess.PIPE) as worker:
        assert "PermissionError" in worker.stderr.read()


@as_root
def test_a_reader_finds_the_database_again_after_its_writer(shared):
    """While nobody has it open there is no shared index: the reader is refused, later it is not."""
    path = shared / "operationalization.sqlite"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}

    def opened():
        process = as_user(API, WRITER, str(path), str(EMBEDDED), **pipes)
        assert process.stdout.readline() == "open\n"
        return process

    with opened():
        pass
    with as_user(LOADER, READER, str(path), **pipes) as reader:
        assert ask(reader, REVISION).startswith("OperationalError: ")
        reader.stdin.close()
    with opened() as killed:
        ask(killed, INSERT.replace("?", "'iris'"))
        killed.kill()
    deadline = time.monotonic() + 5
    with opened(), as_user(LOADER, READER, str(path), **pipes) as reader:
        while (answer := ask(reader, REVISION)) != "[(2,)]":
            assert time.monotonic() < deadline, answer
        reader.stdin.close()
