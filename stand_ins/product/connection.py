"""Which database a web node is told to use, and how to reach it (facts.md 8.5, 9.1, 10)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from psycopg.conninfo import make_conninfo

from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.product.certificates import Stores
from stand_ins.versions import Version

TRUST_STORE = "/etc/ssl/certs/ca-certificates.crt"
ENGINES = ("sqlserver", "postgresql", "defaultDb")

_WORDS = {
    "userid": "user",
    "username": "user",
    "host": "host",
    "server": "host",
    "port": "port",
    "database": "dbname",
    "password": "password",
    "timeout": "connect_timeout",
    "applicationname": "application_name",
}
"""Words of Npgsql's connection strings, and libpq's for the same."""

_IGNORED = ("pooling", "minpoolsize", "minimumpoolsize", "maximumpoolsize", "commandtimeout")
_READ_HERE = ("sslmode", "trustservercertificate", "maxpoolsize")


@dataclass(frozen=True)
class Target:
    """A database: a file, or how to reach a server."""

    engine: Literal["sqlite", "postgresql"]
    where: str
    most: int = 20
    """Connections that this node may hold."""


def target(version: Version, root: Section, folder: Path, stores: Stores) -> Target:
    """Return the database that the web node's file names; a file's path counts from *folder*.

    Raises:
        ConfigurationError: none is enabled, or several, or the string is wrong.
    """
    strings = root.section("ConnectionStrings")
    enabled = [name for name in ENGINES if strings.section(name).flag("Enabled")]
    if not enabled:
        raise ConfigurationError(f"ConnectionStrings: none of {', '.join(ENGINES)} is enabled")
    if len(enabled) > 1 and version.order > 2:
        raise ConfigurationError(f"ConnectionStrings: {' and '.join(enabled)} are both enabled")
    # 9.0's own file says that SQL Server wins.
    chosen = strings.section(enabled[0])
    connection = chosen.text("Connection")
    if not connection:
        raise ConfigurationError(f"{chosen.name}Connection is empty")
    if chosen.flag("Encrypted"):
        connection = stores.decrypt(connection, f"{chosen.name}Connection")
    if enabled[0] == "sqlserver":
        raise ConfigurationError("this stand-in cannot speak to SQL Server: use postgresql")
    if enabled[0] == "defaultDb":
        return Target("sqlite", str(folder / connection))
    return postgresql(connection)


def postgresql(connection: str) -> Target:
    """Return how libpq reaches what an Npgsql string names.

    Raises:
        ConfigurationError: a word is unknown, or host or database are missing.
    """
    words = _words(connection)
    given = {_WORDS[word]: value for word, value in words.items() if word in _WORDS}
    for needed in ("host", "dbname", "user"):
        if not given.get(needed):
            raise ConfigurationError(f"the connection string of postgresql names no {needed}")
    mode = words.get("sslmode", "Disable").lower()
    if mode not in ("disable", "prefer", "require"):
        raise ConfigurationError("SSL Mode must be Disable, Prefer or Require")
    if mode != "disable" and words.get("trustservercertificate", "false").lower() != "true":
        # The driver of these years verifies whatever it encrypts.
        given |= {"sslmode": "verify-full", "sslrootcert": TRUST_STORE}
    else:
        given["sslmode"] = mode
    given.setdefault("connect_timeout", "15")
    given["tcp_user_timeout"] = "20000"
    most = min(int(words.get("maxpoolsize", "100")), 20)
    return Target("postgresql", make_conninfo("", **given), most)


def _words(connection: str) -> dict[str, str]:
    found = {}
    for word, value in _PAIR.findall(connection):
        key = re.sub(r"\s", "", word).lower()
        if key not in (*_WORDS, *_IGNORED, *_READ_HERE):
            raise ConfigurationError(f"the connection string has the unknown word {word.strip()!r}")
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        found[key] = value[1:-1] if quoted else value
    return found


_PAIR = re.compile(r"""([^=;]+)=\s*('[^']*'|"[^"]*"|[^;]*?)\s*(?:;|$)""")
