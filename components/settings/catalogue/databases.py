"""Managed database servers: sizes, connection limits, versions, storage.

Sources: "Limits in Azure Database for PostgreSQL flexible server", "Resource limits for single
databases using the vCore purchasing model" (Azure SQL), "Quotas and constraints for Amazon RDS"
and, for memory, "DB instance class types".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.settings.catalogue.machines import AWS_VCPUS

GIB = 2**30


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSize:
    """What a server of this size has."""

    name: str
    memory: float
    """GiB."""
    connections: int
    """Connections left for nodes, the service's own already taken off."""
    burstable: bool


_FLEXIBLE_RESERVED = 15
"""Connections that flexible server keeps for replication and monitoring."""

_FLEXIBLE_CONNECTIONS: Mapping[int, int] = {
    # GiB of memory: max_connections
    2: 50,
    4: 429,
    8: 859,
    16: 1718,
    32: 3437,
}
_FLEXIBLE_MOST = 5000

_FLEXIBLE_FAMILIES: tuple[tuple[str, tuple[int, ...], int, bool], ...] = (
    # name with # for the vCores, vCores on offer, GiB a vCore, burstable
    ("Standard_B#ms", (2, 4, 8, 12, 16, 20), 4, True),
    ("Standard_D#s_v3", (2, 4, 8, 16, 32, 48, 64), 4, False),
    ("Standard_D#ds_v4", (2, 4, 8, 16, 32, 48, 64), 4, False),
    ("Standard_D#ds_v5", (2, 4, 8, 16, 32, 48, 64, 96), 4, False),
    ("Standard_D#ads_v5", (2, 4, 8, 16, 32, 48, 64, 96), 4, False),
    ("Standard_E#s_v3", (2, 4, 8, 16, 32, 48), 8, False),
    ("Standard_E#ds_v4", (2, 4, 8, 16, 20, 32, 48), 8, False),
    ("Standard_E#ds_v5", (2, 4, 8, 16, 20, 32, 48), 8, False),
    ("Standard_E#ads_v5", (2, 4, 8, 16, 20, 32, 48), 8, False),
)

_RDS_DIVISOR = 9531392
_RDS_SYSTEM_SHARE = 0.1
"""Part of the memory that the formula does not see, because the system and agents use it: the
documents say only that it is some, so we take more than was ever seen."""
_RDS_RESERVED = 15
_RDS_FAMILIES: Mapping[str, float] = {
    # family: GiB a vCPU
    "db.m5": 4,
    "db.m6i": 4,
    "db.m7i": 4,
    "db.r5": 8,
    "db.r6i": 8,
    "db.r7i": 8,
}
_RDS_BURSTABLE: Mapping[str, float] = {
    # size of db.t3: GiB
    "small": 2,
    "medium": 4,
    "large": 8,
    "xlarge": 16,
    "2xlarge": 32,
}

_AZURE_SQL_SESSIONS = 30_000
_RDS_SQL_SERVER_CONNECTIONS = 32_767


def _flexible() -> Iterator[DatabaseSize]:
    sizes = [("Standard_B1ms", 2, True), ("Standard_B2s", 4, True)]
    sizes += [
        (pattern.replace("#", str(vcores)), vcores * memory, burstable)
        for pattern, counts, memory, burstable in _FLEXIBLE_FAMILIES
        for vcores in counts
    ]
    for name, memory, burstable in sizes:
        allowed = _FLEXIBLE_CONNECTIONS.get(memory, _FLEXIBLE_MOST) - _FLEXIBLE_RESERVED
        yield DatabaseSize(name=name, memory=memory, connections=allowed, burstable=burstable)


def _azure_sql() -> Iterator[DatabaseSize]:
    for vcores in (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 32, 40, 80):
        yield DatabaseSize(
            name=f"GP_Gen5_{vcores}",
            memory=vcores * 5.1,
            connections=_AZURE_SQL_SESSIONS,
            burstable=False,
        )


def _rds_classes() -> Iterator[tuple[str, float, bool]]:
    for size, memory in _RDS_BURSTABLE.items():
        yield f"db.t3.{size}", memory, True
    for family, ratio in _RDS_FAMILIES.items():
        for size, vcpus in AWS_VCPUS.items():
            yield f"{family}.{size}", vcpus * ratio, False


def _rds_postgresql() -> Iterator[DatabaseSize]:
    for name, memory, burstable in _rds_classes():
        seen = int(memory * GIB * (1 - _RDS_SYSTEM_SHARE)) // _RDS_DIVISOR
        allowed = min(seen, 5000) - _RDS_RESERVED
        yield DatabaseSize(name=name, memory=memory, connections=allowed, burstable=burstable)


def _rds_sql_server() -> Iterator[DatabaseSize]:
    for name, memory, burstable in _rds_classes():
        yield DatabaseSize(
            name=name,
            memory=memory,
            connections=_RDS_SQL_SERVER_CONNECTIONS,
            burstable=burstable,
        )


SIZES: Mapping[tuple[str, str], Mapping[str, DatabaseSize]] = {
    ("azure", "postgresql"): {size.name: size for size in _flexible()},
    ("azure", "sqlserver"): {size.name: size for size in _azure_sql()},
    ("aws", "postgresql"): {size.name: size for size in _rds_postgresql()},
    ("aws", "sqlserver"): {size.name: size for size in _rds_sql_server()},
}
"""Known server sizes by cloud, engine and name."""

VERSIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("azure", "postgresql"): ("14", "15", "16", "17"),
    ("aws", "postgresql"): ("14", "15", "16", "17"),
    # Azure SQL Database has one version; the server resource calls it so.
    ("azure", "sqlserver"): ("12.0",),
    ("aws", "sqlserver"): ("2019", "2022"),
    ("azure", "sqlite"): ("3",),
    ("aws", "sqlite"): ("3",),
}
"""Engine versions that can be chosen, by cloud and engine."""

STORAGE: Mapping[tuple[str, str], Sequence[int]] = {
    # GiB. Flexible server offers the sizes of premium disks and nothing between.
    ("azure", "postgresql"): (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767),
    ("azure", "sqlserver"): range(1, 1024 + 1),
    ("aws", "postgresql"): range(20, 65536 + 1),
    ("aws", "sqlserver"): range(20, 16384 + 1),
}
"""Storage that can be chosen, by cloud and engine."""

SERVER_DATABASES = frozenset(
    [
        "postgres",
        "template0",
        "template1",
        "azure_maintenance",
        "azure_sys",
        "rdsadmin",
        "master",
        "model",
        "msdb",
        "tempdb",
        "resource",
    ]
)
"""Databases that a server of either engine and cloud already has."""
