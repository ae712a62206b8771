"""The database as a node reaches it, with the node's own login.

The open runtime's nodes have psycopg; web nodes of R Server and ML Server have psql where their
database is PostgreSQL. Of another server only whether it can be reached is found out: the product's
own report says the rest.
"""

import glob
import hashlib
import os
import socket
import time

from operations.diagnosis.node import ground

LOGINS = {
    "web": ("operationalization_api", "database-api"),
    "one-box": ("operationalization_api", "database-api"),
    "compute": ("operationalization_loader", "database-loader"),
}
"""Role and secret, by the role of a node of the open runtime (server/api/migrate.py)."""
TRUST = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
SECONDS = 6
MIGRATIONS = ground.PROGRAMS + "/../server/api/migrations/*.sql"

TABLES = (
    "SELECT c.relname, c.relkind::text,"
    " has_table_privilege(c.oid, 'SELECT'),"
    " CASE WHEN c.relkind = 'S' THEN false ELSE has_table_privilege(c.oid, 'INSERT') END"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'operationalization' AND c.relkind IN ('r', 'v', 'p')"
    " ORDER BY c.relname"
)
ROLES = (
    "SELECT rolname, rolcanlogin, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls"
    " FROM pg_roles WHERE rolname LIKE 'operationalization%' ORDER BY rolname"
)
NODES = "SELECT host(address), port FROM operationalization.serving_node ORDER BY address"


def look(node: "dict[str, object]") -> "dict[str, object]":
    """Return whether the database can be reached and lets the node in, and what is in it."""
    where = node.get("database")
    if not isinstance(where, dict) or not where.get("host"):
        return {"kind": "file"}
    if node.get("role") == "compute" and node.get("product") != "plumber":
        # Theirs run what web nodes send them, and nothing lets them through to the database.
        return {"kind": "none"}
    name, secret = _login(node)
    address = (str(where["host"]), int(where["port"]))
    try:
        socket.create_connection(address, SECONDS).close()
    except OSError as error:
        return {"kind": "server", "state": "unreachable", "words": ground.cut(error)}
    facts = {"kind": "server", "state": "reached", "login": name}  # type: dict[str, object]
    if not name:
        return facts
    password = ground.secret_of(node, secret)
    if node.get("product") == "plumber":
        facts.update(_asked(where, name, password))
    else:
        facts.update(_tried(where, name, password))
    return facts


def _login(node: "dict[str, object]") -> "tuple[str, str]":
    if node.get("product") == "plumber":
        return LOGINS.get(str(node.get("role")), ("", ""))
    own = ground.section(node).get("database")
    if isinstance(own, dict) and own.get("engine") == "postgresql":
        return str(own["login"]), str(own["secret"])
    return "", ""


def trust() -> "str":
    """Return the file with all authorities that the system trusts."""
    return next((each for each in TRUST if os.path.exists(each)), TRUST[0])


def _asked(where: "dict[str, object]", name: "str", password: "str") -> "dict[str, object]":
    import psycopg  # noqa: PLC0415 - only nodes of the open runtime have it

    try:
        connection = psycopg.connect(
            host=str(where["host"]),
            port=int(str(where["port"])),
            dbname=str(where["name"]),
            user=name,
            password=password,
            sslmode="verify-full",
            sslrootcert=trust(),
            connect_timeout=SECONDS,
            options="-c statement_timeout=5000 -c default_transaction_read_only=on",
            application_name="diagnosis",
        )
    except psycopg.Error as error:
        return refusal(str(error))
    try:
        return _content(connection)
    except psycopg.Error as error:
        return {"state": "open", "words": ground.cut(error)}
    finally:
        connection.close()


def _content(connection: "object") -> "dict[str, object]":
    def rows(query: "str") -> "list[tuple[object, ...]]":
        return list(connection.execute(query).fetchall())  # type: ignore[attr-defined]

    before = time.time()
    theirs = float(str(rows("SELECT extract(epoch FROM clock_timestamp())")[0][0]))
    facts = {
        "state": "open",
        "ahead": round(theirs - (before + time.time()) / 2, 1),
        "tables": [[row[0], row[2], row[3]] for row in rows(TABLES)],
        "roles": [list(row) for row in rows(ROLES)],
    }  # type: dict[str, object]
    readable = [row[0] for row in rows(TABLES) if row[2]]
    if "serving_node" in readable:
        facts["nodes"] = ["{}:{}".format(row[0], row[1]) for row in rows(NODES)]
    return facts


def _tried(where: "dict[str, object]", name: "str", password: "str") -> "dict[str, object]":
    variables = dict(os.environ)
    variables.update(
        PGPASSWORD=password,
        PGSSLMODE="verify-full",
        PGSSLROOTCERT=trust(),
        PGCONNECT_TIMEOUT=str(SECONDS),
    )
    command = ["psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align"]
    command += ["--host", str(where["host"]), "--port", str(where["port"])]
    command += ["--username", name, "--dbname", str(where["name"])]
    code, _, error = ground.run(command + ["--command", ROLES], variables=variables)
    return {"state": "open"} if code == 0 else refusal(error)


def refusal(words: "str") -> "dict[str, object]":
    """Return what a failed connection means: libpq has words for it, and no codes."""
    low = words.lower()
    state = "refused"
    if "password authentication failed" in low or "does not exist" in low:
        state = "login"
    elif "certificate" in low or "ssl" in low:
        state = "untrusted"
    elif "timeout" in low or "could not translate" in low or "refused" in low:
        state = "unreachable"
    return {"state": state, "words": ground.cut(words)}


def migrated(node: "dict[str, object]") -> "bool | None":
    """Return whether the node has run its own migrations; None where it has none."""
    found = sorted(glob.glob(MIGRATIONS))
    if not found or node.get("role") == "compute":
        return None
    whole = hashlib.sha256()
    for path in found:
        with open(path, "rb") as stream:
            whole.update(stream.read())
    try:
        with open(ground.KEPT + "/migrated", encoding="ascii") as stream:
            return stream.read().split()[0] == whole.hexdigest()
    except (OSError, IndexError):
        return False
