"""How our meters are found in AWS's price list files: the files' own names for them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

HOURS = ("Hrs", "Hours", "hours")
ENGINES: Mapping[str, tuple[str, str]] = {
    "postgres": ("PostgreSQL", ""),
    "sqlserver-se": ("SQL Server", "Standard"),
    "sqlserver-ee": ("SQL Server", "Enterprise"),
    "sqlserver-web": ("SQL Server", "Web"),
    "sqlserver-ex": ("SQL Server", "Express"),
}
"""By the engine's name in RDS: the list's name, and that of the edition."""
VOLUMES = {"gp3": "General Purpose-GP3", "gp2": "General Purpose"}
ZONES = {
    "single-az": ("Single-AZ",),
    "multi-az": ("Multi-AZ", "Multi-AZ (SQL Server Mirror)"),
}
SIZE = r"([a-z0-9.-]+)"


@dataclass(frozen=True, slots=True)
class Query:
    """How one meter of ours is found in the file of a service."""

    service: str
    columns: Mapping[str, tuple[str, ...]]
    """By column: what it may say."""
    units: tuple[str, ...]
    usage: str = ""
    """How `usageType` ends, after the region's own letters."""
    divisor: int = 1
    """How many of ours are in one of the file's units."""


def query(name: str) -> Query | None:
    """Return how the meter *name* is found; None where nobody has worked that out."""
    for pattern, made in QUERIES:
        if found := re.fullmatch(pattern, name):
            return made(*found.groups())
    return None


def _machine(size: str, system: str) -> Query:
    columns = {
        "Product Family": ("Compute Instance", "Compute Instance (bare metal)"),
        "Instance Type": (size,),
        "Tenancy": ("Shared",),
        "Operating System": (system.capitalize(),),
        "Pre Installed S/W": ("NA", ""),
        "CapacityStatus": ("Used",),
        "License Model": ("No License required",),
    }
    return Query("AmazonEC2", columns, HOURS, f"BoxUsage:{size}")


def _volume(kind: str) -> Query:
    columns = {"Product Family": ("Storage",), "Volume API Name": (kind,)}
    return Query("AmazonEC2", columns, ("GB-Mo",), f"EBS:VolumeUsage.{kind}")


def _gp3(family: str, usage: str, unit: str, divisor: int = 1) -> Query:
    columns = {"Product Family": (family,), "Volume API Name": ("gp3",)}
    return Query("AmazonEC2", columns, (unit,), f"EBS:{usage}.gp3", divisor)


def _balancer(kind: str) -> Query:
    return _family("AWSELB", f"Load Balancer-{kind.capitalize()}", "LoadBalancerUsage", HOURS)


def _family(service: str, family: str, usage: str, units: tuple[str, ...]) -> Query:
    return Query(service, {"Product Family": (family,)}, units, usage)


def _database(engine: str, size: str, zones: str) -> Query:
    name, edition = ENGINES[engine]
    columns = {
        "Product Family": ("Database Instance",),
        "Instance Type": (size,),
        "Database Engine": (name,),
        "Database Edition": (edition,),
        "License Model": ("License included" if edition else "No license required",),
        "Deployment Option": ZONES[zones],
    }
    return Query("AmazonRDS", columns, HOURS)


def _database_storage(kind: str, zones: str) -> Query:
    columns = {
        "Product Family": ("Database Storage",),
        "Volume Type": (VOLUMES[kind],),
        "Database Engine": ("Any",),
        "Deployment Option": ZONES[zones],
    }
    return Query("AmazonRDS", columns, ("GB-Mo",))


QUERIES: Sequence[tuple[str, Callable[..., Query]]] = (
    (rf"machine {SIZE} (linux|windows)", _machine),
    (r"volume (gp2|gp3)", _volume),
    (r"volume gp3 IOPS", lambda: _gp3("System Operation", "VolumeP-IOPS", "IOPS-Mo")),
    (
        r"volume gp3 throughput",
        lambda: _gp3("Provisioned Throughput", "VolumeP-Throughput", "GiBps-mo", 1024),
    ),
    (r"nat gateway", lambda: _family("AmazonEC2", "NAT Gateway", "NatGateway-Hours", HOURS)),
    (r"(network|application) load balancer", _balancer),
    (r"public address", lambda: Query("AmazonVPC", {}, HOURS, "PublicIPv4:InUseAddress")),
    (
        r"private endpoint",
        lambda: _family("AmazonVPC", "VpcEndpoint", "VpcEndpoint-Hours", HOURS),
    ),
    (rf"rds storage ({'|'.join(VOLUMES)}) ({'|'.join(ZONES)})", _database_storage),
    (rf"rds ({'|'.join(ENGINES)}) {SIZE} ({'|'.join(ZONES)})", _database),
    (
        r"secret",
        lambda: _family(
            "AWSSecretsManager", "Secret", "AWSSecretsManager-Secrets", ("Secrets", "Secret")
        ),
    ),
    (r"key", lambda: _family("awskms", "Encryption Key", "KMS-Keys", ("Keys", "Key"))),
    (
        r"alarm",
        lambda: _family("AmazonCloudWatch", "Alarm", "CW:AlarmMonitorUsage", ("Alarms",)),
    ),
)
"""By a meter's name."""
