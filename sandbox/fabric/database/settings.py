"""The server's own files: postgresql.conf, pg_hba.conf, pg_ident.conf."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from sandbox.fabric.contract import Database, FabricError
from sandbox.fabric.database.guest.layout import (
    DATA,
    PREFIX,
    SETTINGS,
    SOCKET,
)
from sandbox.fabric.database.product import OWN_SETTINGS, Product

PORT: Final = 5432
CERTIFICATE: Final = "server.pem"
"""Chain and key in one file: they are of each other, whatever ends a writer half-way."""
RESOLVER: Final = "resolv.conf"
_MAP: Final = "platform"
_YES: Final = frozenset({"on", "true", "yes", "1"})
_NO: Final = frozenset({"off", "false", "no", "0"})


def files(database: Database, product: Product) -> Mapping[str, bytes]:
    """Return what is to be in the settings folder, but for keys and certificates.

    Raises:
        FabricError: a parameter is refused.
    """
    texts = {
        "postgresql.conf": _configuration(database, product),
        "pg_hba.conf": "\n".join(_logins(database, product)) + "\n",
        "pg_ident.conf": f"{_MAP} root {_quoted(product.superuser)}\n",
        "directory.json": _directory(database, product),
    }
    if product.resolver:
        texts[RESOLVER] = f"nameserver {product.resolver}\n"
    return {name: text.encode() for name, text in texts.items()}


def _directory(database: Database, product: Product) -> str:
    """Return what the guest's `logins.Directory` reads, but for the key."""
    return json.dumps(
        {
            "principals": dict(sorted(database.principals.items())),
            "tenant": database.tenant,
            "audiences": list(product.audiences),
        }
    )


def without_effect(database: Database, product: Product) -> tuple[str, ...]:
    """Declared parameters that only the cloud's own service knows; nothing follows from them."""
    return tuple(
        name
        for name in sorted(database.parameters)
        if name.lower().startswith(product.prefixes)
        and name.lower() not in (product.transport, product.accepted)
    )


def _configuration(database: Database, product: Product) -> str:
    values = dict(product.defaults)
    for name, value in database.parameters.items():
        if name.lower() in OWN_SETTINGS:
            raise FabricError(
                f"database {database.name}: parameter {name} is the service's own and can't be "
                f"changed; take it out"
            )
        if name.lower() not in (product.transport, product.accepted):
            values[name.lower()] = value
    values |= {
        "listen_addresses": "0.0.0.0",  # noqa: S104 (of a namespace of its own)
        "port": str(PORT),
        "unix_socket_directories": SOCKET,
        "unix_socket_permissions": "0700",
        "data_directory": DATA,
        "hba_file": f"{SETTINGS}/pg_hba.conf",
        "ident_file": f"{SETTINGS}/pg_ident.conf",
        "ssl": "on",
        "ssl_cert_file": f"{SETTINGS}/{CERTIFICATE}",
        "ssl_key_file": f"{SETTINGS}/{CERTIFICATE}",
        "fsync": "on",
        "full_page_writes": "on",
        "log_destination": "stderr",
        "log_line_prefix": values.get("log_line_prefix", "%m [%p] %q%u@%d %h "),
        "timezone": values.get("timezone", "UTC"),
        "log_timezone": "UTC",
    }
    return "".join(f"{name} = {_literal(value)}\n" for name, value in values.items())


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")
    return f"'{escaped}'"


def _logins(database: Database, product: Product) -> Iterator[str]:
    """Lines of pg_hba.conf; the first that matches decides, none: "no pg_hba.conf entry"."""
    superuser = _quoted(product.superuser)
    yield f"local all {superuser} peer map={_MAP}"
    # For copies of it, which other servers begin with: `all` does not mean these.
    yield f"local replication {superuser} peer map={_MAP}"
    yield "local all all reject"
    yield f"host all {superuser} all reject"
    server, port = product.logins
    asked = f'ldap ldapserver={server} ldapport={port} ldapprefix="{PREFIX}"'
    if product.token_role:
        # Whoever is a member has no other way in, whatever password there is.
        members = f"+{_quoted(product.token_role)}"
        yield f"hostssl all {members} all {asked if database.directory_login else 'reject'}"
        yield f"host all {members} all reject"
    for role in sorted(database.principals):
        # PostgreSQL's `pam` can't: pam_exec cuts a password at 511 characters, a token is longer.
        how = asked if database.directory_login else "reject"
        yield f"hostssl all {_quoted(role)} all {how}"
    if database.password_login:
        kind = "hostssl" if _forces_tls(database, product) else "host"
        yield f"{kind} all all all {_method(database, product)}"


def _forces_tls(database: Database, product: Product) -> bool:
    value = database.parameters.get(product.transport, "on").lower()
    if value not in _YES | _NO:
        raise FabricError(
            f"database {database.name}: parameter {product.transport} must be on or off, "
            f"got {value!r}"
        )
    return value in _YES


def _method(database: Database, product: Product) -> str:
    """Return how passwords are checked: `md5` takes verifiers of either kind (pg_hba.conf)."""
    accepted = database.parameters.get(product.accepted, "md5").lower()
    return "md5" if "md5" in accepted else "scram-sha-256"


def _quoted(name: str) -> str:
    """A name that pg_hba.conf takes literally. Raises FabricError: it can't be written there."""
    if any(character in name for character in "\n\r\0"):
        raise FabricError(f"role name {name!r} has a line break in it; choose another one")
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
