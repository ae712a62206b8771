"""The web node: what its file makes of it, its routes, and its process (facts.md 3, 8.5, 13.3)."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from server.api.errors import ApiError
from server.api.store import DatabaseAwayError
from server.api.tokens import Tokens
from stand_ins.product import appsettings, connection, passwords, uris
from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import Pair, Stores
from stand_ins.product.compute.node import https, kestrel
from stand_ins.product.place import home_of
from stand_ins.product.serving import Answer, Call, Route, Server
from stand_ins.product.store import Store
from stand_ins.product.web import openid
from stand_ins.product.web.backends import Backends
from stand_ins.product.web.batch import Batch
from stand_ins.product.web.compute_nodes import ComputeNodes
from stand_ins.product.web.directory import ldap
from stand_ins.product.web.login import Directory, LocalAccount, Login, NoPasswords, Verify
from stand_ins.product.web.pools import Pools
from stand_ins.product.web.roles import declared
from stand_ins.product.web.services import Services
from stand_ins.product.web.sessions import Sessions
from stand_ins.product.web.signing import tokens
from stand_ins.product.web.status import Status
from stand_ins.versions import Version

WATCH_SECONDS = 5.0
UNCONFIGURED_SECONDS = 2.0

log = logging.getLogger("stand_in")


@dataclass
class Watch:
    """Whether this web node may go on: a newer version may have taken its database over."""

    store: Store
    reason: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def run(self) -> None:
        """Look every few seconds."""
        while not self._stop.wait(WATCH_SECONDS):
            self.look()

    def look(self) -> None:
        """Look once."""
        try:
            if not self.store.check_version():
                self.reason = (
                    "the database belongs to another version now: two versions never share one"
                )
            elif self.store.engine == "sqlite":
                self.store.say_running()
        except ConfigurationError as error:
            self.reason = str(error)
        except DatabaseAwayError as error:
            log.warning("the database is away: %s", error)

    def guard(self, _call: Call) -> None:
        """Refuse everything once it may not.

        Raises:
            ApiError: 503.
        """
        if self.reason:
            raise ApiError(503, self.reason)


def client_certificate(version: Version, root: Section, stores: Stores) -> Pair | None:
    """Return what this node shows to compute nodes, if anything (facts.md 12.3).

    The TLS page names `BackEndConfiguration` for every version (9.3): it is read everywhere.
    """
    for name in dict.fromkeys((version.section, "BackEndConfiguration")):
        section = root.section(name).section("ClientCertificate")
        if section.flag("Enabled"):
            return stores.find(section, thumbprints=version.thumbprints)
    return None


@dataclass(frozen=True)
class Way:
    """How users sign in on this web node."""

    name: str
    tokens: Tokens
    directory: Directory
    verify: Verify


def way(version: Version, root: Section, stores: Stores) -> Way:
    """Return how users sign in.

    Raises:
        ConfigurationError: two ways are enabled, or one is wrong.
    """
    roles = declared(version, root)
    server = ldap(version, root, stores, roles)
    authority = openid.openid(version, root, stores, roles)
    if server and authority:
        raise ConfigurationError("Authentication: LDAP and AzureActiveDirectory exclude each other")
    signed = tokens(version, root, stores)
    if authority is not None:
        return Way("azureActiveDirectory", signed, NoPasswords(), authority.verify)
    if server is not None:
        return Way("ldap", signed, server, signed.verify)
    known = root.section("Authentication").text("AdminPassword")
    if not passwords.is_hash(known):
        raise ConfigurationError("Authentication.AdminPassword is no hash of a password")
    return Way("local", signed, LocalAccount(version.account, known), signed.verify)


def declared_uris(version: Version, root: Section) -> list[str]:
    """Return the entries of the file.

    Raises:
        ConfigurationError: one is wrong, or none is there where the version needs one.
    """
    known = uris.declared(version, root)
    if not known and version.needs_uris:
        raise ConfigurationError(f"{version.section} is missing URIs")
    return known


def entries(store: Store, known: list[str]) -> Callable[[], list[str]]:
    """Return what tells the compute nodes: the file, or the database that it seeds (11)."""
    if not store.version.uris_in_database:
        return lambda: known
    store.seed_uris(known)
    return store.uris


def routes(login: Login, services: Services, status: Status, sessions: Sessions) -> list[Route]:
    """Return the paths of facts.md 13.3 that every version has."""
    return [
        Route("POST", "/login", login.log_in),
        Route("POST", "/login/refreshToken", login.refresh),
        Route("DELETE", "/login/refreshToken", login.revoke),
        Route("GET", "/status", status.get),
        Route("GET", "/services", services.list_all),
        Route("GET", "/services/{name}", services.list_all),
        Route("POST", "/services/{name}", services.publish),
        Route("GET", "/services/{name}/{version}", services.get),
        Route("POST", "/services/{name}/{version}", services.publish),
        Route("PATCH", "/services/{name}/{version}", services.change),
        Route("DELETE", "/services/{name}/{version}", services.remove),
        Route("GET", "/api/{name}/{version}/swagger.json", services.describe),
        Route("POST", "/api/{name}/{version}", services.consume),
        Route("GET", "/sessions", sessions.list_all),
        Route("POST", "/sessions", sessions.open),
        Route("DELETE", "/sessions/{session}", sessions.end),
        Route("DELETE", "/sessions/{session}/force", sessions.end),
        Route("POST", "/sessions/{session}/execute", sessions.execute),
        Route("POST", "/sessions/{session}/cancel", sessions.cancel),
        Route("GET", "/sessions/{session}/history", sessions.history),
        Route("GET", "/sessions/{session}/console-output", sessions.console_output),
        Route("GET", "/sessions/{session}/files", sessions.files),
        Route("GET", "/sessions/{session}/files/{name}", sessions.file),
        Route("GET", "/sessions/{session}/workspace", sessions.objects),
        Route("GET", "/sessions/{session}/workspace/{name}", sessions.object),
        Route("POST", "/sessions/{session}/snapshot", sessions.snapshot),
        Route("POST", "/sessions/{session}/loadsnapshot/{snapshot}", sessions.load),
        Route("GET", "/snapshots", sessions.list_snapshots),
        Route("GET", "/snapshots/{snapshot}", sessions.get_snapshot),
        Route("DELETE", "/snapshots/{snapshot}", sessions.remove_snapshot),
    ]


def later_routes(version: Version, nodes: ComputeNodes, batch: Batch, pools: Pools) -> list[Route]:
    """Return the paths that only later versions have."""
    found = []
    if version.batch:
        path = "/api/{name}/{version}/batch"
        found += [
            Route("POST", path, batch.start),
            Route("GET", path, batch.list_all),
            Route("GET", f"{path}/{{execution}}", batch.get),
        ]
    if version.realtime:
        path = "/realtime-services/{name}"
        methods = (
            ("POST", path),
            ("POST", f"{path}/{{version}}"),
            ("PATCH", f"{path}/{{version}}"),
        )
        found += [Route(method, each, _no_realtime) for method, each in methods]
    if version.pools:
        path = "/services/{name}/{version}/pool"
        found += [
            Route("GET", path, pools.get),
            Route("POST", path, pools.open),
            Route("DELETE", path, pools.close),
        ]
    if version.compute_nodes:
        found += [
            Route("GET", "/computenodes", nodes.get),
            Route("POST", "/computenodes", nodes.replace),
            Route("PUT", "/computenodes", nodes.add),
            Route("DELETE", "/computenodes", nodes.remove),
        ]
    return found


def _no_realtime(_call: Call) -> Answer:
    raise ApiError(501, "realtime services need RevoScaleR, which a stand-in does not have")


def server(version: Version) -> Server:
    """Return the web node of this machine, listening.

    Raises:
        ConfigurationError: its file is wrong.
        DatabaseAwayError: its database cannot be reached.
    """
    path = appsettings.path_of(version, "web")
    root = appsettings.read(path).root
    port = kestrel(root)
    stores = Stores(home_of(version.web_user))
    context = https(version, root, stores)
    client = client_certificate(version, root, stores)
    threads = root.get("MaxNumberOfThreadsPerBatchExecution", int, 100)
    signing_in, known = way(version, root, stores), declared_uris(version, root)
    # The database comes last: a mistake elsewhere in the file must not cost it its old version.
    store = Store(version, connection.target(version, root, path.parent, stores))
    signed = Login(store, signing_in.tokens, signing_in.directory, signing_in.verify)
    backends = Backends(entries(store, known), f"{store.engine}:{store.id}", client)
    services = Services(store, signed, backends)
    status = Status(store, signed, backends, {"type": signing_in.name}, str(path.parent / "logs"))
    sessions = Sessions(store, signed, backends)
    watch = Watch(store)
    for run in (watch.run, backends.watch):
        threading.Thread(target=run, daemon=True).start()
    nodes, batch = ComputeNodes(store, signed, backends), Batch(signed, services, threads)
    paths = [
        *later_routes(version, nodes, batch, Pools(signed, services, backends)),
        *routes(signed, services, status, sessions),
    ]
    origins = cors(root)
    found = Server(
        port, paths, version.stand_in, context=context, guard=watch.guard, origins=origins
    )
    found.ends += [watch.stop, backends.stop, store.close]
    return found


def cors(root: Section) -> list[str]:
    """Return whose pages may call (9.5)."""
    section = root.section("CORS")
    return section.texts("Origins") if section.flag("Enabled") else []


def main(version: Version) -> None:
    """Run in the foreground; later versions wait for set-up, earlier ones end (facts.md 8.5).

    Raises:
        ConfigurationError: the file is wrong, or set-up was not here.
    """
    path = appsettings.path_of(version, "web")
    while not appsettings.read(path).configured:
        if not version.recovers:
            raise ConfigurationError("the web node was not set up")
        log.error("Web Node was not able to start because it is not configured")
        time.sleep(UNCONFIGURED_SECONDS)
    server(version).run()
