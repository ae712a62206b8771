"""Connections to the environment's database: TLS, verified against the system's trust store."""

from psycopg.conninfo import make_conninfo

from server.common.node import Database

TRUST_STORE = "/etc/ssl/certs/ca-certificates.crt"
"""libpq 15 has no word for the system's store; this file is it on Debian."""


def connection_string(
    database: Database, *, user: str, password: str, trust: str = TRUST_STORE
) -> str:
    """Return how *user* reaches *database*; a server that proves another name is refused."""
    return make_conninfo(
        host=database.host,
        port=database.port,
        dbname=database.name,
        user=user,
        password=password,
        sslmode="verify-full",
        sslrootcert=trust,
        connect_timeout=5,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        # Also for a server that went away with a question unanswered: TCP alone asks for minutes.
        tcp_user_timeout=20_000,
        application_name="operationalization",
    )
