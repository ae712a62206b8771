"""What web nodes keep: services, snapshots, sessions, tokens, compute URIs (facts.md 10)."""

import json
import socket
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.connection import Target
from stand_ins.product.database import Database, Work, connect
from stand_ins.product.schema import steps
from stand_ins.versions import Version

FRESH = timedelta(seconds=30)
"""How long a web node counts as running that has said so in a file database."""


@dataclass(frozen=True)
class Service:
    """A published version."""

    name: str
    version: str
    definition: dict[str, Any]
    published_by: str
    created_at: str


class Store:
    """The rows of one database, at the product's own version."""

    def __init__(self, version: Version, target: Target) -> None:
        """Connect, and take the tables over.

        Raises:
            ConfigurationError: they belong to a newer version, or another web node's file.
            DatabaseAwayError: it cannot be reached.
        """
        self.version = version
        self.engine = target.engine
        self._by = "published_by" if version.order >= 3 else "owner"
        self.database: Database = connect(target)
        try:
            with self.database.work(alone=True) as work:
                self._take_over(work)
                self.id = _meta(work, "id") or ""
        except BaseException:
            self.database.close()
            raise
        if self.engine == "sqlite":
            self.say_running()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def _take_over(self, work: Work) -> None:
        work.run("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        stored = _meta(work, "order")
        for statement in steps(int(stored) if stored else None, self.version.order):
            work.run(statement)
        _set_meta(work, "order", str(self.version.order))
        if _meta(work, "id") is None:
            _set_meta(work, "id", str(uuid.uuid4()))

    def check_version(self) -> bool:
        """Return whether the database is still of this version."""
        with self.database.work() as work:
            return _meta(work, "order") == str(self.version.order)

    def say_running(self) -> None:
        """Say in a file that this machine uses it, unless another one does (facts.md 3, R1).

        Raises:
            ConfigurationError: another web node uses it.
        """
        host, now = socket.gethostname(), datetime.now(UTC)
        with self.database.work() as work:
            known = json.loads(_meta(work, "web_node") or "null")
            other = known is not None and known["host"] != host
            if other and now - datetime.fromisoformat(known["at"]) < FRESH:
                raise ConfigurationError(
                    f"web node {known['host']} uses this SQLite file: several web nodes need "
                    "SQL Server or PostgreSQL"
                )
            _set_meta(work, "web_node", json.dumps({"host": host, "at": now.isoformat()}))

    def services(self, name: str | None = None) -> list[Service]:
        """Return all services, or the versions of one, oldest first."""
        with self.database.work() as work:
            rows = work.run(
                f"SELECT name, version, definition, {self._by}, created_at FROM service "  # noqa: S608
                "ORDER BY name, created_at, version"
            )
        found = [Service(n, v, json.loads(d), by, at) for n, v, d, by, at in rows]
        return [service for service in found if name in (None, service.name)]

    def service(self, name: str, version: str) -> Service | None:
        """Return one version."""
        with self.database.work() as work:
            rows = work.run(
                f"SELECT definition, {self._by}, created_at FROM service "  # noqa: S608
                "WHERE name = :name AND version = :version",
                {"name": name, "version": version},
            )
        return Service(name, version, json.loads(rows[0][0]), *rows[0][1:]) if rows else None

    def add_service(self, service: Service) -> bool:
        """Add a version; False when it exists."""
        with self.database.work() as work:
            rows = work.run(
                f"INSERT INTO service (name, version, definition, {self._by}, created_at) "  # noqa: S608
                "VALUES (:name, :version, :definition, :by, :at) "
                "ON CONFLICT (name, version) DO NOTHING RETURNING name",
                {
                    "name": service.name,
                    "version": service.version,
                    "definition": json.dumps(service.definition),
                    "by": service.published_by,
                    "at": service.created_at,
                },
            )
        return bool(rows)

    def change_service(self, name: str, version: str, definition: dict[str, Any]) -> bool:
        """Replace what a version is; False when it is gone."""
        return self._one(
            "UPDATE service SET definition = :definition WHERE name = :name "
            "AND version = :version RETURNING name",
            {"name": name, "version": version, "definition": json.dumps(definition)},
        )

    def remove_service(self, name: str, version: str) -> bool:
        """Remove a version; False when it is gone."""
        return self._one(
            "DELETE FROM service WHERE name = :name AND version = :version RETURNING name",
            {"name": name, "version": version},
        )

    def add_snapshot(self, name: str, owner: str, data: bytes) -> str:
        """Keep a session's workspace; return its id."""
        known = str(uuid.uuid4())
        with self.database.work() as work:
            work.run(
                "INSERT INTO snapshot VALUES (:id, :name, :owner, :at, :data)",
                {"id": known, "name": name, "owner": owner, "at": _now(), "data": data},
            )
        return known

    def snapshots(self, owner: str) -> list[dict[str, Any]]:
        """Return the snapshots of a user, without what is in them."""
        with self.database.work() as work:
            rows = work.run(
                "SELECT id, name, owner, created_at FROM snapshot WHERE owner = :owner "
                "ORDER BY created_at, id",
                {"owner": owner},
            )
        return [
            {"id": known, "displayName": name, "owner": by, "creationTime": at}
            for known, name, by, at in rows
        ]

    def snapshot(self, known: str) -> tuple[str, bytes] | None:
        """Return a snapshot's owner and content."""
        with self.database.work() as work:
            rows = work.run("SELECT owner, data FROM snapshot WHERE id = :id", {"id": known})
        return (rows[0][0], bytes(rows[0][1])) if rows else None

    def remove_snapshot(self, known: str, owner: str) -> bool:
        """Remove a user's snapshot; False when it is not there."""
        return self._one(
            "DELETE FROM snapshot WHERE id = :id AND owner = :owner RETURNING id",
            {"id": known, "owner": owner},
        )

    def add_session(self, name: str, node: str, handle: str, owner: str) -> str:
        """Remember that *node* holds a session; return its id."""
        known = str(uuid.uuid4())
        values = {"id": known, "name": name, "node": node, "handle": handle, "owner": owner}
        with self.database.work() as work:
            work.run(
                "INSERT INTO session VALUES (:id, :name, :node, :handle, :owner, :at)",
                values | {"at": _now()},
            )
        return known

    def sessions(self, owner: str) -> list[dict[str, Any]]:
        """Return the sessions of a user."""
        with self.database.work() as work:
            rows = work.run(
                "SELECT id, name, node, handle, created_at FROM session WHERE owner = :owner "
                "ORDER BY created_at, id",
                {"owner": owner},
            )
        keys = ("id", "name", "node", "handle", "creationTime")
        return [dict(zip(keys, row, strict=True)) for row in rows]

    def remove_session(self, known: str) -> bool:
        """Forget a session; False when it is not there."""
        return self._one("DELETE FROM session WHERE id = :id RETURNING id", {"id": known})

    def add_refresh_token(
        self, digest: str, username: str, role: str, started: datetime, ends: datetime
    ) -> None:
        """Remember a refresh token by its digest, and forget those that have ended."""
        with self.database.work() as work:
            work.run("DELETE FROM refresh_token WHERE expires_at < :now", {"now": _now()})
            work.run(
                "INSERT INTO refresh_token VALUES (:digest, :username, :role, :started, :ends)",
                {
                    "digest": digest,
                    "username": username,
                    "role": role,
                    "started": started.isoformat(),
                    "ends": ends.isoformat(),
                },
            )

    def take_refresh_token(self, digest: str) -> tuple[str, str, datetime] | None:
        """Use up a refresh token: return its user, role and start of chain if it was good."""
        with self.database.work() as work:
            rows = work.run(
                "DELETE FROM refresh_token WHERE digest = :digest "
                "RETURNING username, role, chain_started, expires_at",
                {"digest": digest},
            )
        if not rows or rows[0][3] < _now():
            return None
        return rows[0][0], rows[0][1], datetime.fromisoformat(rows[0][2])

    def uris(self) -> list[str]:
        """Return the compute nodes' URIs of the database, as they were entered (9.2.1+)."""
        with self.database.work() as work:
            rows = work.run("SELECT entry FROM compute_uri WHERE removed = 0 ORDER BY entry")
        return [row[0] for row in rows]

    def seed_uris(self, entries: Iterable[str]) -> None:
        """Take a file's URIs over; one that was removed since stays away."""
        with self.database.work() as work:
            for entry in entries:
                work.run(
                    "INSERT INTO compute_uri VALUES (:entry, 0) ON CONFLICT (entry) DO NOTHING",
                    {"entry": entry},
                )

    def change_uris(
        self, *, add: Iterable[str] = (), remove: Iterable[str] = (), replace: bool = False
    ) -> list[str]:
        """Add and remove URIs, or have those of *add* alone; return what there is."""
        with self.database.work() as work:
            if replace:
                work.run("UPDATE compute_uri SET removed = 1")
            for entry in remove:
                work.run("UPDATE compute_uri SET removed = 1 WHERE entry = :e", {"e": entry})
            for entry in add:
                work.run(
                    "INSERT INTO compute_uri VALUES (:e, 0) "
                    "ON CONFLICT (entry) DO UPDATE SET removed = 0",
                    {"e": entry},
                )
        return self.uris()

    def _one(self, statement: str, values: dict[str, Any]) -> bool:
        with self.database.work() as work:
            return bool(work.run(statement, values))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _meta(work: Work, key: str) -> str | None:
    rows = work.run("SELECT value FROM meta WHERE key = :key", {"key": key})
    return str(rows[0][0]) if rows else None


def _set_meta(work: Work, key: str, value: str) -> None:
    work.run(
        "INSERT INTO meta VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value",
        {"key": key, "value": value},
    )
