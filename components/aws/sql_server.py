"""Amazon RDS for SQL Server, for the runtimes that use it.

Logins are SQL Server's own: the R Server family logs in with a user and password (facts.md section
10), and RDS has no tokens for this engine. Who logs in first makes the database: RDS makes none.
"""

from collections.abc import Mapping
from typing import Final

from components.aws.rds import Engine
from components.settings import DatabaseSettings

MAJORS: Final[Mapping[str, str]] = {"2019": "15.00", "2022": "16.00"}
"""Version of the engine by the year in its name."""

EDITION: Final = "sqlserver-se"
"""Standard: the smallest one with a standby in another zone."""

LOGS: Final = ("agent", "error")


def engine(settings: DatabaseSettings) -> Engine:
    """Return what is SQL Server's own about the server."""
    major = MAJORS[settings.version]
    return Engine(
        name=EDITION,
        version=major,
        family=f"{EDITION}-{major.removesuffix('0')}",
        # The engine reads it at its start only.
        parameters={"rds.force_ssl": ("1", "pending-reboot")},
        logs=LOGS,
        database=None,
        licence="license-included",
        identities=False,
        largest=16384,
    )
