"""What is worth waking somebody for, as a table of metrics and thresholds.

AWS measures no memory of a machine and no answers of its vault, so that two of Azure's alerts have
no twin; in their place is one on machines that a group wants and does not have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import pulumi

from components.parts import DatabasePart, MonitoringArgs
from components.settings.catalogue import databases

GIB: Final = 2**30
LOW_STORAGE: Final = 0.1
"""Part of the storage that the database began with and that should be left at least."""

BUSY: Final = 90
"""Percent."""

Dimensions = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One condition of one metric, or of the difference of two (the service's "metrics" page)."""

    name: str
    namespace: str
    metric: str
    operator: Literal["LessThanThreshold", "GreaterThanThreshold"]
    threshold: float
    why: str
    statistic: Literal["Average", "Maximum", "Minimum", "SampleCount"] = "Average"
    minutes: Literal[5, 15] = 5
    missing: Literal["missing", "breaching", "notBreaching"] = "missing"
    """What no data mean."""

    less: str = ""
    """Another metric, which is taken off the first one."""

    dimensions: Dimensions = field(default_factory=dict)


def of_balancer(args: MonitoringArgs) -> Dimensions:
    """Return the dimensions of the balancer as a whole."""
    arn = args.load_balancer.id
    return {"LoadBalancer": arn.apply(lambda arn: arn.partition("loadbalancer/")[2])}


def of_targets(args: MonitoringArgs) -> Dimensions:
    """Return the dimensions of the balancer's targets."""
    arn = args.load_balancer.pool_id
    return {**of_balancer(args), "TargetGroup": arn.apply(lambda arn: arn.rpartition(":")[2])}


def of_database(server: DatabasePart) -> Dimensions:
    """Return the dimensions of the database *server*."""
    return {"DBInstanceIdentifier": server.server_name}


def of_group(name: pulumi.Output[str]) -> Dimensions:
    """Return the dimensions of an auto-scaling group."""
    return {"AutoScalingGroupName": name}


def of_machine(name: pulumi.Output[str]) -> Dimensions:
    """Return the dimensions of a machine."""
    return {"InstanceId": name}


def load_balancer(args: MonitoringArgs) -> Iterator[Alarm]:
    """Yield the alarms of the balancer's targets."""
    dimensions = of_targets(args)
    yield Alarm(
        name="data-path",
        namespace="AWS/NetworkELB",
        metric="HealthyHostCount",
        statistic="Maximum",
        operator="LessThanThreshold",
        threshold=1,
        missing="breaching",
        why="Critical: no web node is ready, so that clients reach nobody",
        dimensions=dimensions,
    )
    yield Alarm(
        name="web-ready",
        namespace="AWS/NetworkELB",
        metric="UnHealthyHostCount",
        statistic="Maximum",
        operator="GreaterThanThreshold",
        threshold=0,
        minutes=15,
        why="Not every web node is ready",
        dimensions=dimensions,
    )


def database(args: MonitoringArgs, server: DatabasePart) -> Iterator[Alarm]:
    """Yield the alarms of the database *server*."""
    settings = args.database_settings
    dimensions = of_database(server)
    namespace = "AWS/RDS"
    yield _busy("database-cpu", namespace, dimensions)
    yield Alarm(
        name="database-storage",
        namespace=namespace,
        metric="FreeStorageSpace",
        statistic="Minimum",
        operator="LessThanThreshold",
        threshold=round(settings.storage * GIB * LOW_STORAGE),
        minutes=15,
        why="The database server has little storage left, and has not grown it",
        dimensions=dimensions,
    )
    allowed = databases.SIZES["aws", settings.engine][settings.size].connections
    yield Alarm(
        name="database-connections",
        namespace=namespace,
        metric="DatabaseConnections",
        statistic="Maximum",
        operator="GreaterThanThreshold",
        threshold=allowed * BUSY // 100,
        why=f"The server refuses connections past {allowed}",
        dimensions=dimensions,
    )
    yield Alarm(
        name="database-alive",
        namespace=namespace,
        metric="CPUUtilization",
        statistic="SampleCount",
        operator="LessThanThreshold",
        threshold=1,
        # A server that is down reports nothing at all.
        missing="breaching",
        why="Critical: the database server is down: no service can be published or first loaded",
        dimensions=dimensions,
    )


def group(role: str, name: pulumi.Output[str]) -> Iterator[Alarm]:
    """Yield the alarms of an auto-scaling group."""
    dimensions = of_group(name)
    yield _busy(f"{role}-cpu", "AWS/EC2", dimensions)
    yield Alarm(
        name=f"{role}-missing",
        namespace="AWS/AutoScaling",
        metric="GroupDesiredCapacity",
        less="GroupInServiceInstances",
        operator="GreaterThanThreshold",
        threshold=0,
        minutes=15,
        why=f"Fewer {role} nodes serve than there should be: new ones do not become ready",
        dimensions=dimensions,
    )


def machine(role: str, number: int, name: pulumi.Output[str]) -> Iterator[Alarm]:
    """Yield the alarms of a machine of a fixed group; AWS has none for several machines."""
    dimensions = of_machine(name)
    yield _busy(f"{role}-{number}-cpu", "AWS/EC2", dimensions)
    yield Alarm(
        name=f"{role}-{number}-alive",
        namespace="AWS/EC2",
        metric="StatusCheckFailed",
        statistic="Maximum",
        operator="GreaterThanThreshold",
        threshold=0,
        missing="breaching",
        why=f"The {role} node {number} is down, and nothing but a person brings it back",
        dimensions=dimensions,
    )


def _busy(name: str, namespace: str, dimensions: Dimensions) -> Alarm:
    return Alarm(
        name=name,
        namespace=namespace,
        metric="CPUUtilization",
        operator="GreaterThanThreshold",
        threshold=BUSY,
        minutes=15,
        why=f"CPUUtilization has been over {BUSY} % for 15 minutes",
        dimensions=dimensions,
    )
