"""Makes the database user that web nodes on AWS log in as, with tokens of their own role.

RDS gives a new server one login: the master, with a password that RDS makes and keeps in Secrets
Manager. The first web node uses it once, for a user who may do what the migrations do and who logs
in with tokens, and gives the master the role `rds_iam` in the same transaction. From then on that
password opens nothing: "IAM authentication takes precedence" (Amazon RDS User Guide, "IAM database
authentication for MariaDB, MySQL, and PostgreSQL"). Cut short anywhere, all of it or nothing has
happened. Several web nodes may do it at once.

usage: python3 -m server.aws.first_boot check <TOKEN     ends with 3 where the token is refused
       python3 -m server.aws.first_boot create <LOGIN    JSON with `username` and `password`
"""

import json
import logging
import sys
import time
from typing import Final, TextIO

import psycopg
from psycopg import sql

from server.api.migrate import LOCK, PATIENCE_SECONDS
from server.common.database import connection_string
from server.common.node import Node, read_node

IAM: Final = "rds_iam"
"""Role whose members log in with tokens, and with nothing else."""

REFUSAL: Final = "authentication failed for user"
"""What every way of PostgreSQL to check a password says, PAM's (which RDS uses for tokens) too. A
user who does not exist hears the same as one with a wrong password."""

REFUSED: Final = 3

log = logging.getLogger("first-boot")


def login(conninfo: str, seconds: float = PATIENCE_SECONDS) -> psycopg.Connection | None:
    """Return a connection, waiting for a server that does not answer yet; None where it refuses.

    Raises:
        psycopg.OperationalError: the last reason, after *seconds*.
    """
    deadline = time.monotonic() + seconds
    pause = 1.0
    while True:
        try:
            return psycopg.connect(conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            if REFUSAL in str(error):
                return None
            if time.monotonic() + pause > deadline:
                raise
            log.warning("no database yet, trying again in %d seconds: %s", pause, error)
        time.sleep(pause)
        pause = min(2 * pause, 30)


def make_user(connection: psycopg.Connection, name: str) -> None:
    """Make user *name*, who logs in with tokens, and end the password of the one who asks."""
    user = sql.Identifier(name)
    database = sql.Identifier(connection.info.dbname)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(user))
        for statement in ("GRANT CREATE ON DATABASE {database} TO {user}", "GRANT {iam} TO {user}"):
            connection.execute(
                sql.SQL(statement).format(database=database, user=user, iam=sql.Identifier(IAM))
            )
        # Last: whoever connects after this needs a token.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(IAM)))


def check(node: Node, given: TextIO) -> int:
    """Return whether the token on standard input opens the database, as a status."""
    token = given.read().strip()
    connection = login(connection_string(node.database, user=node.principal, password=token))
    if connection is None:
        log.info("the database does not let %s in yet", node.principal)
        return REFUSED
    connection.close()
    return 0


def create(node: Node, given: TextIO) -> int:
    """Make the user, with the login on standard input."""
    document = json.load(given)
    connection = login(
        connection_string(node.database, user=document["username"], password=document["password"])
    )
    if connection is None:
        # Another web node was first; what is still missing is the role's permission, which comes.
        log.info("the database's first login is over: %s was made by another node", node.principal)
        return 0
    with connection:
        make_user(connection, node.principal)
    log.info("made database user %s, and ended the master's password", node.principal)
    return 0


def main() -> None:
    """Do what the argument asks for, with the secret on standard input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    commands = {"check": check, "create": create}
    sys.exit(commands[sys.argv[1]](read_node(), sys.stdin))


if __name__ == "__main__":
    main()
