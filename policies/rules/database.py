"""The database: who reaches it, what is kept of it, what it tells, and that it can't be lost."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import Any

from policies.ground import Ground
from policies.kinds import POSTGRES, RDS, RDS_CLUSTER, SQL_DATABASE, SQL_SERVER
from policies.openings import GROUP, GROUP_RULE, INGRESS, NSG, NSG_RULE, is_within, openings
from policies.reading import UNKNOWN, Resource, World, items, text
from policies.rule import (
    Check,
    Finding,
    Rule,
    Severity,
    Stance,
    must,
    not_true,
    true,
    undecided,
)

PORTS = {5432: "PostgreSQL", 1433: "SQL Server"}
FEWEST_DAYS = 7
ADDRESSES = 256
"""Of a firewall rule: more is a network, and no machine that somebody looked up."""
LOCAL = ("local", "zone")


def _closed(path: str) -> Check:
    return must(path, lambda value: value == "Disabled", "it can be reached from the internet")


def _range(resource: Resource, _: Ground) -> Iterator[Finding]:
    first, last = resource("startIpAddress"), resource("endIpAddress")
    if UNKNOWN in (first, last):
        yield undecided("startIpAddress")
    elif first == last == "0.0.0.0":  # noqa: S104 -- how Azure says "all of Azure"
        yield Finding("it lets in whatever runs in Azure, whoever pays for it")
    elif _number(last) - _number(first) >= ADDRESSES:
        yield Finding(f"it lets in {first} to {last}")


def _number(address: Any) -> int:
    return int(IPv4Address(str(address)))


def _callers(resource: Resource, ground: Ground) -> Iterator[Finding]:
    if ground.nodes is None:
        return
    for opening in openings(resource):
        names = sorted(name for port, name in PORTS.items() if opening.covers(port))
        for peer in opening.peers if names else ():
            if not is_within(peer, ground.node_ranges):
                yield Finding(f"{opening} lets {peer} in to {' and '.join(names)}")
        yield from (undecided(path) for path in opening.unknown)


def _days(path: str) -> Check:
    def check(resource: Resource, _: Ground) -> Iterator[Finding]:
        value = resource(path)
        if value is UNKNOWN:
            yield undecided(path)
        elif value is None or int(value) < FEWEST_DAYS:
            yield Finding(f"its backups are kept for {text(value)} days, less than {FEWEST_DAYS}")

    return check


def _is(*wanted: str) -> Callable[[Any], bool]:
    return lambda value: str(value) in wanted


def _stays(resource: Resource, ground: Ground) -> Iterator[Finding]:
    if ground.gives_up(resource.name):
        return
    yield from must("deletionProtection", true, "AWS would delete it when asked")(resource, ground)
    if resource("skipFinalSnapshot") is True:
        yield Finding("it is deleted without a last snapshot")
    if resource.type == RDS and resource("deleteAutomatedBackups", True) is True:
        yield Finding("its backups are deleted with it")


def _logs(resource: Resource, _: Ground) -> Iterator[Finding]:
    if (
        resource("replicateSourceDb") is None
        and not items(resource("enabledCloudwatchLogsExports"))[0]
    ):
        yield Finding("none of its logs leave it")


def _audited(world: World, _: Ground) -> Iterator[Finding]:
    kind = "azure-native:sql:ExtendedServerBlobAuditingPolicy"
    audited: set[str] = set()
    for each in world.of(kind):
        if each("state") == "Enabled":
            audited.update(each.refers.get("serverName", ()), [str(each("serverName"))])
    for server in world.of(SQL_SERVER):
        if server.urn not in audited and server("serverName") not in audited:
            yield Finding("nothing audits who does what in it", server)


RULES = (
    Rule(
        id="database-private",
        why="The database has no address that the internet reaches",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_113", "CKV2_AZURE_57", "CKV_AWS_17", "RDS.2"),
        fix="switch public access off; nodes reach it through a private endpoint or a subnet group",
        checks={
            RDS: must("publiclyAccessible", not_true, "it can be reached from the internet"),
            "aws:rds/clusterInstance:ClusterInstance": must(
                "publiclyAccessible", not_true, "it can be reached from the internet"
            ),
            POSTGRES: _closed("network.publicNetworkAccess"),
            SQL_SERVER: _closed("publicNetworkAccess"),
        },
    ),
    Rule(
        id="database-firewall",
        why="A firewall rule of the database names machines, not a part of the internet",
        severity=Severity.CRITICAL,
        stance=Stance.REFUSES,
        ids=("CKV_AZURE_11", "CKV2_AZURE_26", "CKV2_AZURE_34"),
        fix="take the rule away; what must reach the database belongs into the network",
        checks=dict.fromkeys(
            ("azure-native:dbforpostgresql:FirewallRule", "azure-native:sql:FirewallRule"), _range
        ),
    ),
    Rule(
        id="database-port-nodes-only",
        why="Nodes reach the database, and nobody else",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        fix="let the rule name the subnets of nodes",
        checks=dict.fromkeys((NSG, NSG_RULE, GROUP, INGRESS, GROUP_RULE), _callers),
    ),
    Rule(
        id="database-backups",
        why="A week of the database can be brought back",
        severity=Severity.HIGH,
        stance=Stance.REFUSES,
        ids=("CKV_AWS_133", "RDS.11"),
        fix=f"set database.backupRetentionDays to {FEWEST_DAYS} or more",
        checks={
            RDS: _days("backupRetentionPeriod"),
            RDS_CLUSTER: _days("backupRetentionPeriod"),
            POSTGRES: _days("backup.backupRetentionDays"),
            "azure-native:sql:BackupShortTermRetentionPolicy": _days("retentionDays"),
        },
    ),
    Rule(
        id="database-standby",
        why="A second server takes over when one fails",
        severity=Severity.MEDIUM,
        stance=Stance.KEEPS,
        ids=("CKV_AZURE_229", "CKV_AWS_157", "RDS.5"),
        fix="set database.highAvailability: true",
        checks={
            RDS: must("multiAz", true, "it has no standby in another zone"),
            POSTGRES: must(
                "highAvailability.mode",
                _is("ZoneRedundant", "SameZone"),
                "it has no standby in another zone",
            ),
            SQL_DATABASE: must("zoneRedundant", true, "it has no standby in another zone"),
        },
    ),
    Rule(
        id="database-geo-backup",
        why="Backups outlive the location",
        severity=Severity.MEDIUM,
        stance=Stance.KEEPS,
        ids=("CKV_AZURE_136",),
        fix="set database.geoRedundantBackup: true; it can only be chosen when a server is made",
        checks={
            POSTGRES: must(
                "backup.geoRedundantBackup", _is("Enabled"), "its backups are in one location"
            ),
            SQL_DATABASE: must(
                "requestedBackupStorageRedundancy",
                _is("Geo", "GeoZone", "None"),
                "its backups are in one location",
            ),
        },
    ),
    Rule(
        id="database-deletion",
        why="AWS itself refuses to delete a database that others depend on, and keeps a last copy",
        severity=Severity.HIGH,
        stance=Stance.KEEPS,
        ids=("CKV_AWS_139", "CKV_AWS_293", "RDS.8"),
        fix="set deletionProtection, skipFinalSnapshot: false and deleteAutomatedBackups: false",
        checks={RDS: _stays, RDS_CLUSTER: _stays},
    ),
    Rule(
        id="database-logs",
        why="Who logged in to the database can be read up later, outside of it",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV_AWS_129", "RDS.9"),
        fix="set enabledCloudwatchLogsExports",
        checks={RDS: _logs, RDS_CLUSTER: _logs},
    ),
    Rule(
        id="database-audit",
        why="SQL Server on Azure tells who did what in it",
        severity=Severity.MEDIUM,
        stance=Stance.PROTECTS,
        ids=("CKV_AZURE_23",),
        fix="add an ExtendedServerBlobAuditingPolicy with state Enabled",
        world=_audited,
    ),
)
