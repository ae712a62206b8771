"""What is worth waking somebody for, as a table of metrics and thresholds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import pulumi

from components.parts import DatabasePart, MonitoringArgs
from components.settings.catalogue import databases, machines

GIB: Final = 2**30
LOW_MEMORY: Final = 0.1
"""Part of a node's memory that should be left."""

BUSY: Final = 90
"""Percent."""

CRITICAL: Final = 1
WARNING: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One condition of one metric ("Supported metrics with Azure Monitor")."""

    name: str
    namespace: str
    metric: str
    operator: Literal["LessThan", "GreaterThan"]
    threshold: float
    why: str
    aggregation: Literal["Average", "Maximum", "Minimum"] = "Average"
    severity: int = WARNING
    minutes: Literal[5, 15] = 5
    """Window that is looked at each minute for 5, each 5 minutes for 15."""

    dimensions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Name and values of each dimension that counts; none for all of the metric."""


LOAD_BALANCER: Final = (
    Alert(
        name="data-path",
        namespace="Microsoft.Network/loadBalancers",
        metric="VipAvailability",
        operator="LessThan",
        threshold=100,
        severity=CRITICAL,
        why="Clients cannot reach the load balancer all of the time",
    ),
    Alert(
        name="web-ready",
        namespace="Microsoft.Network/loadBalancers",
        metric="DipAvailability",
        operator="LessThan",
        threshold=100,
        why="Not every web node is ready",
    ),
)

VAULT: Final = (
    Alert(
        name="vault-availability",
        namespace="Microsoft.KeyVault/vaults",
        metric="Availability",
        operator="LessThan",
        threshold=100,
        why="New nodes may not get their secrets",
    ),
)


def database_namespace(engine: str) -> str:
    """Return the type of what has the metrics of a database of *engine*."""
    if engine == "postgresql":
        return "Microsoft.DBforPostgreSQL/flexibleServers"
    return "Microsoft.Sql/servers/databases"


def measured(database: DatabasePart, engine: str) -> pulumi.Output[str]:
    """Return the id of what has the database's metrics: on Azure SQL the database itself."""
    if engine == "postgresql":
        return database.id
    return pulumi.Output.concat(database.id, f"/databases/{database.name}")


def nodes_namespace(kind: str) -> str:
    """Return the type of what has the metrics of a group's nodes."""
    return "Microsoft.Compute/" + (
        "virtualMachines" if kind == "fixed" else "virtualMachineScaleSets"
    )


def database(args: MonitoringArgs) -> tuple[Alert, ...]:
    """Return the alerts of the database's engine."""
    settings = args.database_settings
    namespace = database_namespace(settings.engine)
    if settings.engine != "postgresql":
        return (
            _busy("database-cpu", namespace, "cpu_percent"),
            _busy("database-storage", namespace, "storage_percent"),
        )
    allowed = databases.SIZES["azure", "postgresql"][settings.size].connections
    return (
        _busy("database-cpu", namespace, "cpu_percent"),
        _busy("database-storage", namespace, "storage_percent"),
        Alert(
            name="database-connections",
            namespace=namespace,
            metric="active_connections",
            operator="GreaterThan",
            threshold=allowed * BUSY // 100,
            aggregation="Maximum",
            why=f"The server refuses connections past {allowed}",
        ),
        Alert(
            name="database-alive",
            namespace=namespace,
            metric="is_db_alive",
            operator="LessThan",
            threshold=1,
            aggregation="Maximum",
            severity=CRITICAL,
            why="The database server is down: no service can be published or first loaded",
        ),
    )


def nodes(role: str, kind: str, size: str) -> Iterator[Alert]:
    """Yield the alerts of a group's nodes."""
    namespace = nodes_namespace(kind)
    yield _busy(f"{role}-cpu", namespace, "Percentage CPU")
    memory = machines.MACHINES["azure"][size].memory
    yield Alert(
        name=f"{role}-memory",
        namespace=namespace,
        metric="Available Memory Bytes",
        operator="LessThan",
        threshold=round(memory * GIB * LOW_MEMORY),
        minutes=15,
        why=f"The {role} nodes run out of memory",
    )


def _busy(name: str, namespace: str, metric: str) -> Alert:
    return Alert(
        name=name,
        namespace=namespace,
        metric=metric,
        operator="GreaterThan",
        threshold=BUSY,
        minutes=15,
        why=f"{metric} has been over {BUSY} % for 15 minutes",
    )
