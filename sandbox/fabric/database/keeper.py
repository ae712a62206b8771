"""One database's life: a thread that makes its server match what is declared, and keeps it so."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path

import psycopg

from sandbox.fabric.contract import Database, FabricError, Origin
from sandbox.fabric.database import certificate, cluster, contents, restoring, settings
from sandbox.fabric.database.certificate import Issuer
from sandbox.fabric.database.cluster import Software
from sandbox.fabric.database.instance import Instance, Site
from sandbox.fabric.database.product import Product

_LOG = logging.getLogger(__name__)

_PAUSES = (0.1, 0.5, 2.0, 5.0, 15.0)
"""Seconds before each further attempt after a failure; the last one from then on."""
_LOOK = 0.1
"""Seconds between looks at whether whoever waits has given up."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every server is made with."""

    product: Product
    software: Callable[[], Software]
    """Raises FabricError: there is no image."""
    templates: Path
    authority: Issuer
    tokens_public_key: Path | None
    """None: tokens are checked by the platform."""
    find: Callable[[Origin], Instance | None]
    """The server that another one is restored from; None: it is gone."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a server is to be."""

    database: Database
    namespace: str
    identity: int
    """Of the namespace: another one may get the name of one that has gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server, for a person."""

    database_id: str
    name: str
    running: bool
    problem: str
    """Why it is not as declared; empty: it is, or is about to be."""
    version: str
    """`declared 16, the sandbox runs 15`."""
    without_effect: tuple[str, ...]
    """Declared parameters that mean something to the cloud's own service only."""
    log: Path


class _Goal(Enum):
    SERVE = auto()
    STOP = auto()
    REMOVE = auto()


class Keeper:
    """One server and its thread."""

    def __init__(
        self, folder: Path, name: str, tools: Tools, after: "Keeper | None" = None
    ) -> None:
        """*name*: of its process, unique on this machine. *after*: whose place it takes."""
        self.instance = Instance(folder, tools.product.superuser)
        self._name = name
        self._tools = tools
        self._after = after
        self._changed = threading.Condition()
        self._goal = _Goal.SERVE
        self._wish: Wish | None = None
        self._done: Wish | None = None
        self._problem: FabricError | None = None
        self._failures = 0
        self._next = 0.0
        self._renewal = datetime.max.replace(tzinfo=UTC)
        self._died = False
        self._adopted = False
        self._thread: threading.Thread | None = None

    # What others ask; quick, from any thread.

    def want(self, wish: Wish) -> None:
        """From now on the server is to be like this."""
        with self._changed:
            if wish != self._wish:
                self._wish = wish
                self._next = 0.0
                self._failures = 0
                self._problem = None
                self._changed.notify_all()
            self._begin()

    def stop(self) -> None:
        """End the server; its data stays. Returns at once."""
        self._end(_Goal.STOP)

    def remove(self) -> None:
        """End the server and take its data away. Returns at once."""
        self._end(_Goal.REMOVE)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end that was asked for; True: it has come."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    @property
    def problem(self) -> FabricError | None:
        """Why it is not as declared."""
        with self._changed:
            return self._problem

    def ready(self, timeout: float, cancelled: threading.Event) -> None:
        """Wait until the server is as declared. Raises FabricError."""
        deadline = time.monotonic() + timeout
        with self._changed:
            if self._problem is not None:
                # Whoever asks wants to know how it is now.
                self._problem = None
                self._next = 0.0
                self._changed.notify_all()
            # A server that has just died counts as serving until its end is noticed.
            while not (self._serves() and self.instance.answers()):
                if self._problem is not None:
                    raise self._problem
                if cancelled.is_set():
                    raise FabricError("nobody waits for the database any more")
                if time.monotonic() > deadline:
                    raise FabricError(
                        f"the database is not ready after {timeout:.0f} seconds; the end of its "
                        f"log:\n{self.instance.log_end()}"
                    )
                self._changed.wait(_LOOK)

    def describe(self) -> Server | None:
        """The server as it is now; None: nobody has said what it is to be."""
        with self._changed:
            wish, problem = self._wish, self._problem
        if wish is None:
            return None
        database = wish.database
        runs = cluster.version_of(self.instance.cluster) or "nothing yet"
        return Server(
            database_id=database.id,
            name=database.name,
            running=self.instance.running,
            problem=str(problem or ""),
            version=f"declared {database.version}, the sandbox runs {runs}",
            without_effect=settings.without_effect(database, self._tools.product),
            log=self.instance.cluster / "log" / "postgresql.log",
        )

    def _serves(self) -> bool:
        done = self._done is not None and self._done == self._wish
        return done and not self._died and self.instance.running

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _end(self, goal: _Goal) -> None:
        with self._changed:
            self._goal = goal
            self._changed.notify_all()
            self._begin()

    # The thread.

    def _run(self) -> None:
        if self._after is not None:
            self._after.join()
            self._after = None
        while (wish := self._await_work()) is not None:
            try:
                self._settle(wish)
                problem = None
            except FabricError as error:
                problem = FabricError(f"database {wish.database.name}: {error}")
            except psycopg.Error as error:
                problem = FabricError(
                    f"database {wish.database.name}: {str(error).strip()}; the end of its log:\n"
                    f"{self.instance.log_end()}"
                )
            except OSError as error:
                problem = FabricError(f"database {wish.database.name}: {error}")
            self._note(wish, problem)
        try:
            self._adopt()
            if self._goal is _Goal.REMOVE:
                self.instance.remove()
            else:
                self.instance.stop()
        except (FabricError, OSError):
            _LOG.exception("database in %s does not end", self.instance.folder)

    def _await_work(self) -> Wish | None:
        with self._changed:
            while self._goal is _Goal.SERVE:
                pause = self._next - time.monotonic()
                if self._wish is not None and pause <= 0 and self._is_due():
                    if self._died:
                        self._died = False
                        self._done = None
                    return self._wish
                self._changed.wait(pause if pause > 0 else self._until_renewal())
                self.instance.trim_log()
        return None

    def _is_due(self) -> bool:
        return self._wish != self._done or self._died or datetime.now(UTC) >= self._renewal

    def _until_renewal(self) -> float:
        left = (self._renewal - datetime.now(UTC)).total_seconds()
        return min(max(left, 0.1), 3600.0)

    def _note(self, wish: Wish, problem: FabricError | None) -> None:
        with self._changed:
            if problem is None:
                self._done = wish
                self._failures = 0
                self._next = 0.0
            else:
                self._done = None
                self._next = time.monotonic() + _PAUSES[min(self._failures, len(_PAUSES) - 1)]
                self._failures += 1
            if wish == self._wish:
                if problem is not None and str(problem) != str(self._problem or ""):
                    _LOG.error("%s", problem)
                self._problem = problem
            self._changed.notify_all()

    def _settle(self, wish: Wish) -> None:
        found = self._tools.software()
        self._adopt()
        cluster.prepare(
            self.instance.cluster,
            self._tools.templates,
            found,
            self._tools.product.superuser,
            wish.namespace,
            self._restore(wish.database, found),
        )
        if runs := cluster.version_of(self.instance.cluster):
            _require_version(runs, found)
        if self.instance.running and not self.instance.is_in(wish.namespace):
            self.instance.stop()
        self._configure(wish, found)
        with self.instance.connect() as connection:
            contents.settle(
                connection,
                wish.database,
                self._tools.product,
                self.instance.folder / "declared.json",
            )

    def _restore(self, database: Database, found: Software) -> Callable[[Path], None] | None:
        """Return what fills the data folder of a server that is restored from another one."""
        origin = database.origin
        if origin is None:
            return None

        def fill(target: Path) -> None:
            source = self._tools.find(origin)
            if source is None:
                raise FabricError(
                    f"is to be restored from {origin.id}, which is gone before its contents were "
                    f"copied: restore from a server that is there"
                )
            restoring.copy(source, self._tools.product.superuser, found, target)

        return fill

    def _adopt(self) -> None:
        if not self._adopted:
            if self.instance.adopt():
                self._watch()
            self._adopted = True

    def _configure(self, wish: Wish, found: Software) -> None:
        before = self.instance.write(self._files(wish.database), found)
        try:
            if not self.instance.running:
                self._start(wish, found)
            elif before:
                if "postgresql.conf" in before:
                    self.instance.check(found)
                if self.instance.reload():
                    self.instance.stop()
                    self._start(wish, found)
        except FabricError:
            # What ran before is better than nothing, and the caller hears what is wrong.
            restored = {name: content for name, content in before.items() if content}
            if "postgresql.conf" in restored:
                self.instance.write(restored, found)
                if not self.instance.running:
                    self._start(wish, found)
            raise

    def _start(self, wish: Wish, found: Software) -> None:
        site = Site(name=self._name, hostname=wish.database.name, namespace=wish.namespace)
        self.instance.start(site, found, lambda: self._goal is not _Goal.SERVE)
        self._watch()

    def _watch(self) -> None:
        threading.Thread(target=self._await_death, name=f"{self._name}-watch", daemon=True).start()

    def _await_death(self) -> None:
        while not self.instance.guest.wait(3600.0):
            pass
        with self._changed:
            if not self.instance.running:
                self._died = True
                self._changed.notify_all()

    def _files(self, database: Database) -> dict[str, bytes]:
        files = dict(settings.files(database, self._tools.product))
        if self._tools.tokens_public_key is not None:
            files["tokens.pem"] = self._tools.tokens_public_key.read_bytes()
        due = certificate.due(self.instance.read(settings.CERTIFICATE), database.host)
        if due <= datetime.now(UTC):
            chain, key = self._tools.authority.issue([database.host])
            files[settings.CERTIFICATE] = chain + key
            due = certificate.due(chain, database.host)
        self._renewal = due
        return files


def _require_version(runs: str, found: Software) -> None:
    if runs != found.version:
        raise FabricError(
            f"its data was written by PostgreSQL {runs}, the image has {found.version}: put the "
            f"earlier image back, or destroy the database and deploy it again"
        )
