"""One server's folder and process: start, stop, settings, and a way in for its administrators."""

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from sandbox.fabric.contract import FabricError
from sandbox.fabric.database.cluster import ACCOUNT, AS_ACCOUNT, Software
from sandbox.fabric.database.guest import layout
from sandbox.fabric.database.settings import PORT, RESOLVER
from sandbox.fabric.hosts import Guest, Plan

NAMESPACES: Final = Path("/run/netns")
_PROGRAM: Final = Path(layout.__file__).parent
_START: Final = 60.0
"""Seconds until a server accepts connections: a crash with much to replay takes the longest."""
_STOP: Final = 15.0
_CHECK: Final = 20.0
_RELOAD: Final = 5.0
_SESSION: Final = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "default_transaction_read_only": "off",
        "idle_in_transaction_session_timeout": "0",
        "idle_session_timeout": "0",
        "lock_timeout": "0",
        # Nothing that users put into `public` may stand in for what we call.
        "search_path": "pg_catalog",
        "statement_timeout": "0",
    }.items()
)
"""Whatever is declared for everybody else."""
_LOG_LIMIT: Final = 16 << 20
"""Bytes; the log before these is kept once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where a server runs."""

    name: str
    """Unique on this machine, for its process."""
    hostname: str
    namespace: str


class Instance:
    """One server. Not for two threads at once, `connect` and `running` aside."""

    def __init__(self, folder: Path, superuser: str) -> None:
        self.folder = folder
        self.cluster = folder / "cluster"
        self.guest = Guest(folder / "guest")
        self._superuser = superuser
        self._settings = folder / "settings"
        self._log = self.cluster / "log" / "postgresql.log"
        self._begin = 0

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.guest.running

    def adopt(self) -> bool:
        """Take over what an earlier daemon started; False: nothing runs, and nothing is left."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.guest.recover()

    def is_in(self, namespace: str) -> bool:
        """Whether it was started in this network namespace, and not in one of its name before."""
        try:
            started = json.loads((self.folder / "site.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return False
        return bool(started == _identity(namespace))

    def start(self, site: Site, found: Software, given_up: Callable[[], bool]) -> None:
        """Start, and return when it accepts connections. Raises FabricError.

        *given_up*: whether nobody wants it any more; it is then left as far as it is.
        """
        self._begin = self._log.stat().st_size if self._log.exists() else 0
        (self.cluster / "data" / "postmaster.pid").unlink(missing_ok=True)
        (self.folder / "site.json").write_text(json.dumps(_identity(site.namespace)))
        self.guest.start(
            Plan(
                name=site.name,
                hostname=site.hostname,
                layers=found.layers,
                namespace=site.namespace,
                command=(
                    *AS_ACCOUNT,
                    *("/usr/bin/python3", "-B", "-m", "sandbox.fabric.database.guest.server"),
                    found.binaries,
                ),
                binds={self.cluster: layout.CLUSTER},
                read_only=self._shown(),
                environment={"PYTHONPATH": layout.PATH, "LANG": "C.UTF-8"},
            )
        )
        self._await_start(given_up)

    def _shown(self) -> dict[Path, str]:
        """What the guest sees of this machine's files, and can't change."""
        shown = {self._settings: layout.SETTINGS, _PROGRAM: layout.PROGRAM}
        if (resolver := self._settings / RESOLVER).exists():
            shown[resolver] = "/etc/resolv.conf"
        return shown

    def _await_start(self, given_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START
        while not self._accepts():
            if self.guest.wait(0.01):
                raise FabricError(self._words("does not start"))
            if given_up():
                raise FabricError("is to end while it starts")
            if time.monotonic() > deadline:
                self.stop()
                raise FabricError(self._words(f"accepts no connection after {_START:.0f} seconds"))

    def _accepts(self) -> bool:
        # The line that pg_ctl reads too; a connection that comes too early would be logged.
        try:
            lines = (self.cluster / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, the data is complete on disk. Nothing runs after."""
        self.guest.stop(_STOP, signal.SIGINT)

    def remove(self) -> None:
        """Stop, and take every file away."""
        self.stop()
        self.guest.remove()
        shutil.rmtree(self.folder, ignore_errors=False)

    def answers(self) -> bool:
        """Whether somebody listens."""
        try:
            with self._socket() as folder, socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(1.0)
                asking.connect(f"{folder}/.s.PGSQL.{PORT}")
        except (OSError, FabricError):
            return False
        return True

    @contextmanager
    def connect(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A session of the superuser, each statement a transaction of its own.

        It finds nothing without its schema but what is PostgreSQL's.

        Raises:
            FabricError: the server never ran.
            psycopg.Error: the server's own words.
        """
        with (
            self._socket() as folder,
            psycopg.connect(
                host=folder,
                user=self._superuser,
                dbname=database,
                connect_timeout=10,
                autocommit=True,
                application_name="sandbox",
                options=_SESSION,
            ) as connection,
        ):
            yield connection

    @contextmanager
    def _socket(self) -> Iterator[str]:
        """The folder of the server's socket, by a short path."""
        # A socket's path has 107 characters at most; the home's may have more.
        try:
            folder = os.open(self.cluster / "socket", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise FabricError(f"the server in {self.folder} has no files yet") from error
        try:
            yield f"/proc/self/fd/{folder}"
        finally:
            os.close(folder)

    def write(self, files: Mapping[str, bytes], found: Software) -> dict[str, bytes]:
        """Write what the server reads; return what had another content before."""
        self._settings.mkdir(parents=True, exist_ok=True)
        os.chown(self._settings, 0, found.group)
        self._settings.chmod(0o750)
        before: dict[str, bytes] = {}
        for name, content in files.items():
            path = self._settings / name
            old = self.read(name)
            if content != old:
                before[name] = old
                draft = path.with_name(f"{name}.new")
                draft.touch(mode=0o640)
                draft.write_bytes(content)
                os.chown(draft, 0, found.group)
                draft.replace(path)
        return before

    def read(self, name: str) -> bytes:
        """What `write` wrote; nothing when it never did."""
        path = self._settings / name
        return path.read_bytes() if path.exists() else b""

    def check(self, found: Software) -> None:
        """Let PostgreSQL itself read postgresql.conf, beside the running server.

        Raises:
            FabricError: it refuses a parameter, in its own words.
        """
        command = [
            *(f"{found.binaries}/postgres", "-D", layout.DATA, "-C", "data_directory"),
            *("-c", f"config_file={layout.SETTINGS}/postgresql.conf"),
        ]
        done = self.guest.run(command, _CHECK, user=ACCOUNT)
        if done.code:
            raise FabricError(f"refuses its parameters:\n{done.output.strip()}")

    def reload(self) -> bool:
        """Make the running server read its files; True: some parameter needs a restart.

        Raises:
            FabricError: it does not.
        """
        with self.connect() as connection:
            (loaded,) = _row(connection, "SELECT pg_conf_load_time()")
            connection.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + _RELOAD
            # The main process reads first and tells its sessions then; ours hears it last.
            while _row(connection, "SELECT pg_conf_load_time()") == (loaded,):
                if time.monotonic() > deadline:
                    raise FabricError(self._words("does not read its settings again"))
                connection.execute("SELECT pg_sleep(0.002)")
            (pending,) = _row(connection, "SELECT bool_or(pending_restart) FROM pg_settings")
            return bool(pending)

    def _words(self, what: str) -> str:
        return f"{what}; the end of its log:\n{self.log_end()}"

    def log_end(self, lines: int = 15) -> str:
        """The last lines of what the server wrote since it was started last."""
        said = ""
        if self._log.exists():
            with self._log.open("rb") as log:
                log.seek(max(self._begin, self._log.stat().st_size - 16_384))
                said = log.read().decode("utf-8", "replace").strip()
        console = self.folder / "guest" / "console.log"
        if not said and console.exists():
            said = console.read_text(encoding="utf-8", errors="replace").strip()
        hint = "\n(the disk is full: free some space)" if "No space left" in said else ""
        return "\n".join(said.splitlines()[-lines:] or ["(empty)"]) + hint

    def trim_log(self) -> None:
        """Begin the log anew when it is long; the one before is kept once."""
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            # In place: the server goes on writing at the end of this very file.
            with suppress(OSError):  # a full disk; then the earlier lines are lost
                shutil.copyfile(self._log, self._log.with_suffix(".log.1"))
            os.truncate(self._log, 0)
            self._begin = 0


def _row(connection: psycopg.Connection, query: str) -> tuple[object, ...]:
    row = connection.execute(query.encode()).fetchone()
    return row if row is not None else (None,)


def _identity(namespace: str) -> dict[str, object]:
    try:
        return {"name": namespace, "inode": (NAMESPACES / namespace).stat().st_ino}
    except FileNotFoundError as error:
        raise FabricError(
            f"network namespace {namespace} is not there: the network comes before its databases"
        ) from error
