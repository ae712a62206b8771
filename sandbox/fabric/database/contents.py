"""What the service keeps inside of a server: its roles, the declared logins, the databases."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from sandbox.fabric.contract import Database, FabricError
from sandbox.fabric.database import scram
from sandbox.fabric.database.product import Product

_KEPT = frozenset({"postgres", "template0", "template1"})
_WRITER = "LOGIN CREATEROLE CREATEDB INHERIT"


@dataclass(kw_only=True)
class Known:
    """What was declared last time, to tell what is no longer declared from what users made."""

    logins: list[str] = field(default_factory=list)
    databases: list[str] = field(default_factory=list)
    verifier: str = ""
    """Of the administrator's declared password; who changes it in the server keeps the change."""


def read(file: Path) -> Known:
    """Return what *file* says; nothing when it is not there."""
    try:
        return Known(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Known()


def _write(file: Path, known: Known) -> None:
    draft = file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(known)), encoding="utf-8")
    draft.replace(file)


def settle(
    connection: psycopg.Connection, database: Database, product: Product, file: Path
) -> None:
    """Make roles and databases what is declared. *file*: where `Known` is kept.

    Raises:
        FabricError: a declared name is the service's own.
        psycopg.Error: the server's own words.
    """
    known = read(file)
    declared = [database.administrator, *database.principals]
    taken = {product.superuser, product.administrators, *product.directory}
    if clash := sorted(taken.intersection(declared)):
        raise FabricError(
            f"database {database.name}: the role {', '.join(clash)} is the service's own: give "
            f"the administrator another name"
        )
    # Written before anything is made: what a crash leaves half-way is known as declared.
    names = sorted({*known.databases, *database.databases} - _KEPT)
    logins = sorted({*known.logins, *declared})
    if (names, logins) != (known.databases, known.logins):
        known.databases, known.logins = names, logins
        _write(file, known)

    with connection.transaction():
        _settle_roles(connection, product)
        _settle_administrator(connection, database, product, known)
        for role in sorted(database.principals):
            _settle_login(connection, role, (product.administrators, *product.directory))
        gone = [role for role in known.logins if role not in declared]
        _dismiss(connection, gone, (product.administrators, *product.directory))
    _settle_databases(connection, database, product, known)

    final = Known(logins=sorted(declared), verifier=known.verifier)
    final.databases = sorted(set(database.databases) - _KEPT)
    if final != read(file):
        _write(file, final)


def _settle_roles(connection: psycopg.Connection, product: Product) -> None:
    present = _present(connection, (product.administrators, *product.directory))
    for role in (product.administrators, *product.directory):
        if role not in present:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    _join(connection, product.administrators, product.administrators_may)


def _settle_administrator(
    connection: psycopg.Connection, database: Database, product: Product, known: Known
) -> None:
    role = database.administrator
    is_new = role not in _present(connection, [role])
    _settle_login(connection, role, (product.administrators,))
    if not database.password:
        return
    if is_new or not scram.is_of(database.password, known.verifier):
        # Never the password itself: statements that fail are logged.
        known.verifier = connection.pgconn.encrypt_password(
            database.password.encode(), role.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(known.verifier)
            )
        )


def _settle_login(connection: psycopg.Connection, role: str, groups: Sequence[str]) -> None:
    name = sql.Identifier(role)
    if role not in _present(connection, [role]):
        connection.execute(sql.SQL(f"CREATE ROLE {{}} {_WRITER}").format(name))
    else:
        connection.execute(sql.SQL(f"ALTER ROLE {{}} {_WRITER}").format(name))
    _join(connection, role, groups)


def _dismiss(connection: psycopg.Connection, roles: Iterable[str], groups: Sequence[str]) -> None:
    """Take every right of a declared login back; what it owns stays, so the role does too."""
    for role in sorted(_present(connection, roles)):
        name = sql.Identifier(role)
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN NOCREATEROLE NOCREATEDB").format(name))
        for group in groups:
            connection.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(group), name))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role]
        )


def _join(connection: psycopg.Connection, member: str, groups: Sequence[str]) -> None:
    rows = connection.execute(
        "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid "
        "JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %s",
        [member],
    )
    has = {name for (name,) in rows}
    for group in groups:
        if group not in has:
            connection.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(member))
            )


def _settle_databases(
    connection: psycopg.Connection, database: Database, product: Product, known: Known
) -> None:
    named = database.administrator if product.owned_by_administrator else product.administrators
    owner = sql.Identifier(named)
    rows = connection.execute(
        "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate"
    )
    owners: dict[str, str] = dict(rows.fetchall())
    if owners.get("postgres") != named:
        connection.execute(sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(owner))
    for name in database.databases:
        if name not in owners:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8'").format(
                    sql.Identifier(name), owner
                )
            )
    for name in known.databases:
        if name in owners and name not in database.databases:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def _present(connection: psycopg.Connection, roles: Iterable[str]) -> set[str]:
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(roles)])
    return {name for (name,) in rows}
