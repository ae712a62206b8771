"""Amazon RDS for PostgreSQL: what `database` makes when the settings choose this engine."""

from collections.abc import Mapping
from typing import Final

from components.aws.rds import Engine
from components.settings import DatabaseSettings

PARAMETERS: Final[Mapping[str, str]] = {
    "log_connections": "1",
    "log_disconnections": "1",
    # Milliseconds: statements that are slow, without the values in them, which are the users'.
    "log_min_duration_statement": "5000",
    "log_parameter_max_length": "0",
    # Changes of the schema and of roles; passwords reach the server as verifiers only.
    "log_statement": "ddl",
    "rds.force_ssl": "1",
    "ssl_min_protocol_version": "TLSv1.2",
}
"""Parameters that must not depend on AWS's defaults. All can change while the server runs
("Working with parameters on your RDS for PostgreSQL DB instance")."""

LOGS: Final = ("postgresql", "upgrade")
MIGRATOR: Final = "operationalization_migrator"
"""User that the web nodes' role logs in as with a token; the first web node makes it."""


def engine(settings: DatabaseSettings) -> Engine:
    """Return what is PostgreSQL's own about the server."""
    return Engine(
        name="postgres",
        version=settings.version,
        family=f"postgres{settings.version}",
        parameters={name: (value, "immediate") for name, value in PARAMETERS.items()},
        logs=LOGS,
        database=settings.name,
        licence="postgresql-license",
        identities=True,
        largest=65536,
    )
