"""All databases of one sandbox."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sandbox.fabric.contract import Database, FabricError, Origin
from sandbox.fabric.database import cluster
from sandbox.fabric.database.certificate import Issuer
from sandbox.fabric.database.cluster import Software
from sandbox.fabric.database.instance import NAMESPACES, Instance
from sandbox.fabric.database.keeper import Keeper, Server, Tools, Wish
from sandbox.fabric.database.product import FLEXIBLE_SERVER, Product
from sandbox.fabric.hosts import control_groups
from sandbox.fabric.hosts.control_groups import ControlGroup
from sandbox.fabric.images import Images

IMAGE = "postgresql"
_OURS = re.compile(r"[0-9a-f]{8}")
"""Folders that `settle` may remove."""


class Databases:
    """Servers that run, and go on running when this process dies.

    `HOME/databases/<hash>` has all of one server: its data, its files, its log, its guest.
    """

    def __init__(
        self,
        folder: Path,
        images: Images,
        authority: Issuer,
        tokens_public_key: Path | None,
        product: Product = FLEXIBLE_SERVER,
    ) -> None:
        """*tokens_public_key*: PEM file of whoever issues tokens for principals; None: nobody."""
        self._folder = folder.absolute()
        self._images = images
        self._tools = Tools(
            product,
            self._software,
            images.folder / "clusters",
            authority,
            tokens_public_key,
            self._instance,
        )
        self._lock = threading.Lock()
        self._keepers: dict[str, Keeper] = {}
        """By the folder's name."""
        self._current: dict[str, str] = {}
        """Database id -> name of its folder."""
        self._leaving: dict[str, Keeper] = {}

    def settle(self, databases: Sequence[Database], namespace: Callable[[str], str]) -> None:
        """Let these be the databases; starts, changes and removes go on after the return.

        *namespace*: the network namespace of a database, by its id.

        Raises:
            FabricError: a namespace is not there.
        """
        with self._lock:
            wanted = {short(database): database for database in databases}
            self._dismiss(wanted)
            before = self._current
            self._current = {database.id: name for name, database in wanted.items()}
            for name, database in wanted.items():
                where = namespace(database.id)
                after = self._leaving.get(before.get(database.id, ""))
                keeper = self._keepers.get(name) or self._keeper(name, after)
                keeper.want(Wish(database, where, _identity(where)))

    def ready(self, database_id: str, timeout: float, cancelled: threading.Event) -> None:
        """Wait until the database accepts connections, with all that is declared in place.

        Raises:
            FabricError: it does not, with the end of its log; or it is not declared.
        """
        self._of(database_id).ready(timeout, cancelled)

    def gone(self, timeout: float) -> bool:
        """Wait until nothing is left of databases that are no longer declared; True: so it is."""
        with self._lock:
            leaving = dict(self._leaving)
        for name, keeper in leaving.items():
            if not keeper.join(timeout):
                return False
            with self._lock:
                self._leaving.pop(name, None)
        return True

    def find(self, database_id: str) -> Server | None:
        """The server as it is now; None: it is not declared."""
        with self._lock:
            keeper = self._keepers.get(self._current.get(database_id, ""))
        return keeper.describe() if keeper else None

    def execute(
        self,
        database_id: str,
        statement: str,
        values: Sequence[object] = (),
        database: str = "postgres",
    ) -> list[tuple[object, ...]]:
        """Run a statement as the cloud's own superuser; return its rows, if it has any.

        Tables are found by schema and name only.

        Raises:
            FabricError: the database is not declared.
            psycopg.Error: the server's own words.
        """
        with self._of(database_id).instance.connect(database) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def recover(self) -> None:
        """Find the servers that an earlier process started; `settle` or `stop` decides on them.

        What is left of one whose folder was thrown away is ended.
        """
        end_strays(self._folder)
        with self._lock:
            for name in self._folders():
                if name not in self._keepers:
                    self._keeper(name)

    def stop(self) -> None:
        """Shut all servers down, quickly and cleanly, and wait for it; the data stays."""
        with self._lock:
            keepers = [*self._keepers.values(), *self._leaving.values()]
            for keeper in self._keepers.values():
                keeper.stop()
            self._keepers.clear()
            self._current.clear()
            self._leaving.clear()
        for keeper in keepers:
            keeper.join()

    def _of(self, database_id: str) -> Keeper:
        with self._lock:
            keeper = self._keepers.get(self._current.get(database_id, ""))
        if keeper is None:
            raise FabricError(f"no database {database_id} is declared")
        return keeper

    def _instance(self, origin: Origin) -> Instance | None:
        with self._lock:
            keeper = self._keepers.get(_name(origin.id, origin.incarnation))
        return keeper.instance if keeper else None

    def _dismiss(self, wanted: Iterable[str]) -> None:
        for name in {*self._keepers, *self._folders()}.difference(wanted, self._leaving):
            keeper = self._keepers.pop(name, None) or self._keeper(name)
            self._keepers.pop(name, None)
            keeper.remove()
            self._leaving[name] = keeper
        self._leaving = {name: one for name, one in self._leaving.items() if not one.join(0)}

    def _keeper(self, name: str, after: Keeper | None = None) -> Keeper:
        keeper = Keeper(self._folder / name, f"{_prefix(self._folder)}{name}", self._tools, after)
        self._keepers[name] = keeper
        return keeper

    def _folders(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return sorted(found.name for found in self._folder.iterdir() if _OURS.fullmatch(found.name))

    def _software(self) -> Software:
        return cluster.software(self._images.layers(IMAGE))


def end_strays(folder: Path) -> None:
    """End what is left of servers of *folder* whose own folder was thrown away."""
    for name in control_groups.named(_prefix(folder)):
        if not (folder / name.removeprefix(_prefix(folder))).is_dir():
            ControlGroup(name).remove()


def _prefix(folder: Path) -> str:
    """Begins the names of all servers of *folder*, and of no other one on this machine."""
    return f"op{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}-db-"


def short(database: Database) -> str:
    """Name of the database's folder: another incarnation has another one, and no data."""
    return _name(database.id, database.incarnation)


def _name(database_id: str, incarnation: str) -> str:
    return hashlib.sha256(f"{database_id}\n{incarnation}".encode()).hexdigest()[:8]


def _identity(namespace: str) -> int:
    try:
        return (NAMESPACES / namespace).stat().st_ino
    except FileNotFoundError as error:
        raise FabricError(
            f"network namespace {namespace} is not there: networks come before their databases"
        ) from error
