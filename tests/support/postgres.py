"""A PostgreSQL of its own for tests: on a Unix socket, without durability, gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path
    superuser: str

    def conninfo(self, user: str, database: str = "postgres", password: str = "") -> str:
        """Return how *user* reaches *database*."""
        return make_conninfo(
            host=str(self.folder), user=user, dbname=database, password=password or None
        )


def binaries() -> Path | None:
    """Return the folder with `initdb` and `postgres`, newest version first, or None."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[-3]),
        reverse=True,
    )
    if found:
        return found[0].parent
    program = shutil.which("postgres")
    return Path(program).resolve().parent if program else None


@contextmanager
def running() -> Iterator[Server]:
    """Start a server and stop it; as root it runs as user `postgres`, which initdb demands."""
    folder = binaries()
    assert folder is not None
    user = "postgres" if os.geteuid() == 0 else None
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() else Path("/tmp")
    with tempfile.TemporaryDirectory(prefix="postgres-", dir=place) as home:
        if user:
            shutil.chown(home, user)
        data = Path(home) / "data"
        run = [folder / "initdb", "-D", data, "-U", "master", "--no-sync", "-A", "trust"]
        subprocess.run(run, check=True, capture_output=True, user=user, cwd=home)
        (data / "pg_hba.conf").write_text("local all master trust\nlocal all all scram-sha-256\n")
        options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
        control = [folder / "pg_ctl", "-D", data, "-l", Path(home) / "log", "-w"]
        start = [*control, "-o", options, "start"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, user=user, cwd=home)
        try:
            yield Server(Path(home), "master")
        finally:
            stop = [*control, "-m", "fast", "stop"]
            subprocess.run(stop, check=True, capture_output=True, user=user, cwd=home)


@contextmanager
def database(server: Server, name: str, owner: str) -> Iterator[str]:
    """Create a database that *owner* owns and drop it afterwards; yields its name."""
    with psycopg.connect(server.conninfo(server.superuser), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" OWNER "{owner}"')
        try:
            yield name
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
