"""The compute node: runs services and sessions for web nodes (facts.md 3, 7, 13.4).

How the product's nodes talk to each other is not documented; these paths are the stand-ins' own.
"""

import logging
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from server.api.errors import ApiError
from stand_ins.product import appsettings
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import Stores
from stand_ins.product.compute import clients, rserve
from stand_ins.product.compute.shells import Pool, Shell, ShellError
from stand_ins.product.place import home_of
from stand_ins.product.serving import Answer, Call, Route, Server
from stand_ins.versions import Version

DATABASE = "x-stand-in-database"
"""A web node says which database it uses: `postgresql:<id>` or `sqlite:<id>`."""
FRESH_SECONDS = 60.0
OPERATIONS = ("execute", "snapshot", "load", "objects", "object", "files", "file")
"""Of a session, in the words of shell.R."""

log = logging.getLogger("stand_in")


@dataclass
class Session:
    """A shell for one user alone, and what was said in it."""

    shell: Shell
    history: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, request: dict[str, object]) -> dict[str, object]:
        """Return the shell's answer; requests take turns."""
        with self.turn:
            answer = self.shell.ask(request)
        if request["operation"] == "execute":
            self.history.append(str(request.get("code", "")))
            self.console.append(str(answer["consoleOutput"]))
        return answer


@dataclass
class Node:
    """What answers on a compute node."""

    version: Version
    pool: Pool
    services: Path
    """Definitions of services by their digests, which R shells read."""
    logs: str
    sessions: dict[str, Session] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    """Of services that have their own, by digest (facts.md 13.3, since 9.3)."""
    _sqlite: tuple[str, float] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def routes(self) -> list[Route]:
        """Return the paths that web nodes use."""
        return [
            Route("GET", "/", self.greet),
            Route("GET", "/status", self.status),
            Route("PUT", "/services/{digest}", self.keep),
            Route("POST", "/services/{digest}/consume", self.consume),
            Route("GET", "/services/{digest}/pool", self.pool_status),
            Route("POST", "/services/{digest}/pool", self.open_pool),
            Route("DELETE", "/services/{digest}/pool", self.close_pool),
            Route("POST", "/sessions", self.open),
            Route("POST", "/sessions/{handle}/cancel", self.cancel),
            Route("GET", "/sessions/{handle}/said", self.said),
            Route("DELETE", "/sessions/{handle}", self.end),
            Route("POST", "/sessions/{handle}/{operation}", self.ask),
        ]

    def guard(self, call: Call) -> None:
        """Refuse a second web node with a SQLite database of its own (facts.md 3, R1).

        Raises:
            ApiError: 409.
        """
        engine, _, known = call.headers.get(DATABASE, "").partition(":")
        if engine != "sqlite":
            return
        now = time.monotonic()
        with self._lock:
            if self._sqlite and self._sqlite[0] != known and now - self._sqlite[1] < FRESH_SECONDS:
                raise ApiError(
                    409,
                    "another web node with a SQLite database uses this compute node: several web "
                    "nodes need SQL Server or PostgreSQL",
                )
            self._sqlite = (known, now)

    def greet(self, _call: Call) -> Answer:
        """Say what this is."""
        return Answer({"name": f"{self.version.stand_in} compute node (stand-in)"})

    def status(self, _call: Call) -> Answer:
        """Report the pool (facts.md 13.4)."""
        active, there = self.pool.counts()
        return Answer(
            {"most": self.pool.most, "active": active, "there": there, "open": self.pool.can_open}
            | {"logPath": self.logs}
        )

    def keep(self, call: Call) -> Answer:
        """Keep a service's definition for `consume`."""
        path = self._definition(call)
        new = path.with_suffix(f".{threading.get_ident()}")
        new.write_bytes(call.body)
        new.chmod(0o644)
        new.replace(path)
        return Answer({}, 201)

    def consume(self, call: Call) -> Answer:
        """Run a service once; 404 when its definition must be sent first."""
        if not self._definition(call).exists():
            raise ApiError(404, "the definition of this service is not here yet")
        request = {
            "operation": "consume",
            "service": call.parameters["digest"],
            "inputs": call.body.decode() or "{}",
        }
        try:
            with self.pools.get(request["service"], self.pool).shell() as shell:
                return Answer(shell.ask(request))
        except ShellError as error:
            raise ApiError(503, str(error)) from error

    def _definition(self, call: Call) -> Path:
        digest = call.parameters["digest"]
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ApiError(400, "a definition is named by its SHA-256")
        return self.services / f"{digest}.json"

    def open(self, call: Call) -> Answer:
        """Begin a session: a shell for one user alone."""
        handle = str(call.json().get("handle", ""))
        if not re.fullmatch(r"[0-9a-f-]{36}", handle):
            raise ApiError(400, "a session has a handle")
        try:
            self.sessions[handle] = Session(self.pool.take())
        except ShellError as error:
            raise ApiError(503, str(error)) from error
        return Answer({}, 201)

    def ask(self, call: Call) -> Answer:
        """Execute code in a session, take its snapshot, load one, list objects."""
        handle, operation = call.parameters["handle"], call.parameters["operation"]
        if operation not in OPERATIONS:
            raise ApiError(404, "a session has no such operation")
        session = self._session(call)
        try:
            return Answer(session.ask(call.json() | {"operation": operation}))
        except ShellError as error:
            self._end(handle)
            raise ApiError(503, str(error)) from error

    def cancel(self, call: Call) -> Answer:
        """Interrupt what a session executes."""
        self._session(call).shell.cancel()
        return Answer({})

    def said(self, call: Call) -> Answer:
        """Return what was executed in a session, and what it printed."""
        session = self._session(call)
        return Answer({"history": session.history, "console": "".join(session.console)})

    def _session(self, call: Call) -> Session:
        found = self.sessions.get(call.parameters["handle"])
        if found is None:
            raise ApiError(404, "this compute node has no such session")
        return found

    def open_pool(self, call: Call) -> Answer:
        """Give a service shells of its own, which never come from the others (facts.md 14.3)."""
        sizes, digest = call.json(), call.parameters["digest"]
        if not self._definition(call).exists():
            raise ApiError(404, "the definition of this service is not here yet")
        opened = Pool(self.pool.port, sizes["InitialPoolSize"], sizes["MaxPoolSize"])
        before, self.pools[digest] = self.pools.get(digest), opened
        if before is not None:
            before.close()
        threading.Thread(target=opened.fill, daemon=True).start()
        return self.pool_status(call)

    def pool_status(self, call: Call) -> Answer:
        """Say how far it is."""
        found = self.pools.get(call.parameters["digest"])
        status = "NotFound" if found is None else "Success" if found.filled else "Pending"
        return Answer({"status": status})

    def close_pool(self, call: Call) -> Answer:
        """Let the service use the node's pool again."""
        found = self.pools.pop(call.parameters["digest"], None)
        if found is not None:
            found.close()
        return self.pool_status(call)

    def end(self, call: Call) -> Answer:
        """End a session with its process."""
        if not self._end(call.parameters["handle"]):
            raise ApiError(404, "this compute node has no such session")
        return Answer({})

    def _end(self, handle: str) -> bool:
        session = self.sessions.pop(handle, None)
        if session is not None:
            self.pool.drop(session.shell)
        return session is not None


def kestrel(root: Section) -> int:
    """Return the port that the file says.

    Raises:
        ConfigurationError: there is none.
    """
    port = root.section("Kestrel").get("Port", int, 0)
    if not 0 < port < 65_536:
        raise ConfigurationError("Kestrel.Port must be a port")
    return port


def https(version: Version, root: Section, stores: Stores) -> ssl.SSLContext | None:
    """Return how a node ends TLS itself, or None for HTTP (facts.md 12.3)."""
    section = root.section("Kestrel")
    if not section.flag("HttpsEnabled"):
        return None
    certificate = section.section("HttpsCertificate")
    if not certificate.flag("Enabled"):
        raise ConfigurationError("Kestrel.HttpsEnabled needs Kestrel.HttpsCertificate.Enabled")
    return stores.find(certificate, thumbprints=version.thumbprints).server_context()


def pool(root: Section, port: int) -> Pool:
    """Return the pool that the file asks for.

    Raises:
        ConfigurationError: its sizes are wrong.
    """
    sizes = root.section("Pool")
    initial, most = sizes.get("InitialSize", int, 5), sizes.get("MaxSize", int, 80)
    if not 0 < initial <= most:
        raise ConfigurationError("Pool.InitialSize must be 1 to Pool.MaxSize")
    return Pool(port, initial, most)


def main(version: Version) -> None:
    """Run in the foreground.

    Raises:
        ConfigurationError: the file is wrong, or set-up was not here.
    """
    path = appsettings.path_of(version, "compute")
    settings = appsettings.read(path)
    if not settings.configured:
        raise ConfigurationError("the compute node was not set up")
    root = settings.root
    port = kestrel(root)
    context = https(version, root, Stores(home_of("root")))
    shells = pool(root, rserve.port_of(version))
    services = rserve.home(version) / "services"
    services.mkdir(mode=0o755, parents=True, exist_ok=True)
    node = Node(version, shells, services, str(path.parent / "logs"))
    threading.Thread(target=shells.fill, daemon=True).start()
    check = clients.required(root, context)

    def guard(call: Call) -> None:
        if check is not None:
            check(call)
        node.guard(call)

    Server(port, node.routes(), version.stand_in, context=context, guard=guard).run()
