"""RDS database instances: PostgreSQL and SQL Server.

With `manageMasterUserPassword` RDS makes the master's password and keeps it in a secret of its own
(`rds!db-...`), which only RDS can delete, when the instance goes: here that is a record beside the
instance. A final snapshot stays behind as a note (`snapshot/REGION/NAME`); its name is taken.

Sources: Amazon RDS User Guide, "Settings for DB instances" (lengths, ranges, reserved names),
"Amazon RDS DB instance storage", "Working with storage autoscaling", "Deleting a DB instance",
"Password management with Amazon RDS and AWS Secrets Manager", "IAM database authentication",
"Multi-AZ DB instance deployments"; API Reference: CreateDBInstance, ModifyDBInstance,
DeleteDBInstance.
"""

from collections.abc import Iterator

from sandbox.control.aws import (
    addresses,
    database_restore,
    database_rules,
    database_secrets,
    database_storage,
    network_interfaces,
)
from sandbox.control.aws import database_classes as table
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.database_groups import (
    PARAMETER_GROUP,
    SUBNET_GROUP,
    family_of,
)
from sandbox.control.aws.keys import KEY_OR_ALIAS, key_of, verify_usable
from sandbox.control.aws.regions import zones
from sandbox.control.aws.roles import ROLE
from sandbox.control.aws.rules import required, standard
from sandbox.control.aws.security_groups import SECURITY_GROUP
from sandbox.control.kinds import (
    ApiError,
    Context,
    Identity,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    World,
)
from sandbox.control.reading import flag, number, present, text, texts

INSTANCE = "aws:rds/instance:Instance"

_COMBINATION = "InvalidParameterCombination"


def snapshot_note(region: str, name: str) -> str:
    """Where a final snapshot is kept."""
    return f"snapshot/{region}/{name.casefold()}"


def _verify(context: Context) -> Iterator[Problem]:
    values = context.inputs
    yield from required(values, "engine", "allocatedStorage")
    yield from verify_usable(context, "kmsKeyId", "masterUserSecretKmsKeyId")
    if context.previous is None and database_restore.restores(values):
        yield from database_restore.verify(context)
    elif context.previous is None:
        yield from required(values, "username")
        if not flag(values, "manageMasterUserPassword") and not (
            present(values, "password") or present(values, "passwordWo")
        ):
            yield Problem(
                "password",
                "The parameter MasterUserPassword must be provided and must not be blank.",
                "InvalidParameterValue",
            )
    else:
        yield from database_storage.verify_change(context)
        yield from _verify_version(context, context.previous)
    if number(values, "monitoringInterval") and not text(values, "monitoringRoleArn"):
        yield Problem(
            "monitoringRoleArn",
            "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other "
            "than 0.",
            _COMBINATION,
        )
    yield from _verify_group(context)
    yield from _verify_place(context)


def _verify_version(context: Context, previous: Record) -> Iterator[Problem]:
    engine = (text(context.inputs, "engine") or "").casefold()
    before = text(previous.outputs, "engineVersionActual") or ""
    now = table.actual(engine, text(context.inputs, "engineVersion") or before)
    old, new = (table.major(engine, each) for each in (before, now))
    if not old or not new or old == new:
        return
    if float(new) < float(old):
        yield Problem(
            "engineVersion", f"Cannot upgrade {engine} from {before} to {now}", _COMBINATION
        )
    elif not flag(context.inputs, "allowMajorVersionUpgrade"):
        yield Problem(
            "engineVersion",
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major "
            "version.",
            _COMBINATION,
        )


def _verify_group(context: Context) -> Iterator[Problem]:
    """The parameter group must be of the version's family."""
    name = text(context.inputs, "parameterGroupName")
    record = context.world.named(PARAMETER_GROUP, name, context.region) if name else None
    engine = (text(context.inputs, "engine") or "").casefold()
    major = table.major(engine, table.actual(engine, text(context.inputs, "engineVersion") or ""))
    family = text(record.inputs, "family") if record else None
    if family is not None and major and family != family_of(engine, major):
        yield Problem(
            "parameterGroupName",
            f"The parameter group {name} with DBParameterGroupFamily {family} can't be used for "
            f"this instance. Use a parameter group with DBParameterGroupFamily "
            f"{family_of(engine, major)}.",
            _COMBINATION,
        )


def _verify_place(context: Context) -> Iterator[Problem]:
    zone = text(context.inputs, "availabilityZone")
    if zone is not None and flag(context.inputs, "multiAz"):
        yield Problem(
            "availabilityZone",
            "Requesting a specific availability zone is not valid for Multi-AZ instances.",
            _COMBINATION,
        )
    group = text(context.inputs, "dbSubnetGroupName")
    record = context.world.named(SUBNET_GROUP, group, context.region) if group else None
    if record is None:
        yield Problem(
            "dbSubnetGroupName",
            "No default subnet detected in VPC. The sandbox's account has no default VPC: name a "
            "DB subnet group.",
            "InvalidSubnet",
        )
        return
    network = text(record.outputs, "vpcId")
    for path, target in texts(context.inputs, "vpcSecurityGroupIds[*]"):
        found = context.world.named(SECURITY_GROUP, target, context.region)
        other = text(found.inputs, "vpcId") if found else None
        if other is not None and other != network:
            yield Problem(
                path,
                f"The DB instance and EC2 security group are in different VPCs. The DB instance is "
                f"in {network} and the EC2 security group is in {other}",
                "InvalidVPCNetworkStateFault",
            )
    if zone is not None and zone not in zones_of(context.world, record, context.region):
        yield Problem(
            "availabilityZone",
            f"The DB subnet group {group} has no subnet in {zone}.",
            "InvalidVPCNetworkStateFault",
        )


def zones_of(world: World, group: Record, region: str) -> list[str]:
    """The zones of a subnet group's subnets."""
    found = (
        world.named(SUBNET, target, region) for _, target in texts(group.inputs, "subnetIds[*]")
    )
    return sorted({text(each.outputs, "availabilityZone") or "" for each in found if each})


def host_of(context: Context) -> str:
    """Its DNS name: the identifier, what the account has in the region, and the region."""
    return f"{context.name}.{_ACCOUNT_PART}.{context.region}.rds.amazonaws.com"


_ACCOUNT_PART = "c5sandbox005"
"""What all instances of an account in a region have in their names; AWS makes it up."""


def _outputs(context: Context) -> Outputs:
    values = context.inputs
    engine = (text(values, "engine") or "").casefold()
    known = table.ENGINES.get(engine)
    port = number(values, "port") or (known.port if known else 0)
    version = table.actual(engine, text(values, "engineVersion") or "")
    group = context.world.named(
        SUBNET_GROUP, text(values, "dbSubnetGroupName") or "", context.region
    )
    covered = zones_of(context.world, group, context.region) if group else []
    key = key_of(context.world, text(values, "kmsKeyId") or "")
    found: Outputs = {
        "arn": context.id,
        "identifier": context.name,
        "address": host_of(context),
        "endpoint": f"{host_of(context)}:{port}",
        "port": port,
        "hostedZoneId": "Z1RLNUO7B9Q6NB",
        "resourceId": f"db-{context.hexadecimal('resource', 26).upper()}",
        "status": "available",
        "engine": engine,
        "engineVersionActual": version,
        "engineVersion": text(values, "engineVersion") or version,
        "licenseModel": known.license if known else None,
        "availabilityZone": text(values, "availabilityZone")
        or (covered[0] if covered else next(iter(zones(context.region)), "")),
        "multiAz": bool(flag(values, "multiAz")),
        "storageType": text(values, "storageType") or "gp2",
        "caCertIdentifier": text(values, "caCertIdentifier") or database_rules.AUTHORITIES[0],
        "backupRetentionPeriod": number(values, "backupRetentionPeriod") or 0,
        "backupWindow": text(values, "backupWindow") or "02:00-02:30",
        "maintenanceWindow": (text(values, "maintenanceWindow") or "sun:04:00-sun:04:30").lower(),
        "parameterGroupName": text(values, "parameterGroupName")
        or f"default.{family_of(engine, table.major(engine, version))}",
        "networkType": "IPV4",
        "replicas": [],
        "username": database_restore.taken(context, "username"),
        "dbName": database_restore.taken(context, "dbName"),
        "kmsKeyId": key.id if key else text(values, "kmsKeyId"),
        "masterUserSecrets": [],
    }
    if flag(values, "manageMasterUserPassword"):
        found["masterUserSecrets"] = [database_secrets.output(context)]
    return found


def _changed(context: Context, transaction: Transaction) -> None:
    database_secrets.settle(context, transaction)
    _attach(context, transaction)


def _attach(context: Context, transaction: Transaction) -> None:
    """Give it an address, in the zone where it runs; it keeps the one that it has."""
    record = transaction.find(context.id)
    group = transaction.named(
        SUBNET_GROUP, text(context.inputs, "dbSubnetGroupName") or "", context.region
    )
    if record is None or group is None:
        return
    zone = text(record.outputs, "availabilityZone")
    subnets = (
        transaction.named(SUBNET, target, context.region)
        for _, target in texts(group.inputs, "subnetIds[*]")
    )
    inside = [each for each in subnets if each and text(each.outputs, "availabilityZone") == zone]
    kept = interface_of(transaction, record)
    subnet = next(iter(inside), None)
    if subnet is None:
        return
    address = text(kept.outputs, "privateIp") if kept else None
    groups = [target for _, target in texts(context.inputs, "vpcSecurityGroupIds[*]")]
    network_interfaces.place(
        context,
        transaction,
        subnet,
        address or addresses.next_free(transaction, subnet),
        groups,
        kind="interface",
        description="RDSNetworkInterface",
    )


def interface_of(world: World, instance: Record) -> Record | None:
    """The network interface of an instance."""
    interfaces = world.children(instance.id)
    return next((each for each in interfaces if each.type == network_interfaces.INTERFACE), None)


def _deleting(record: Record, transaction: Transaction) -> None:
    if flag(record.inputs, "deletionProtection"):
        raise ApiError(
            _COMBINATION,
            "Cannot delete protected DB Instance, please disable deletion protection and try "
            "again.",
        )
    _take_snapshot(record, transaction)
    database_secrets.remove(record, transaction)


def _take_snapshot(record: Record, transaction: Transaction) -> None:
    if flag(record.inputs, "skipFinalSnapshot"):
        return
    name, region = text(record.inputs, "finalSnapshotIdentifier"), record.id.split(":")[3]
    if not name:
        raise ApiError(
            _COMBINATION,
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    if transaction.note(snapshot_note(region, name)) is not None:
        raise ApiError(
            "DBSnapshotAlreadyExists",
            f"Cannot create the snapshot because a snapshot with the identifier {name} already "
            "exists.",
        )
    transaction.remember(
        snapshot_note(region, name),
        {"instance": record.id, "engine": record.outputs.get("engineVersionActual")},
    )


KINDS = (
    Kind(
        type=INSTANCE,
        identity=Identity(
            arn="arn:{partition}:rds:{region}:{account}:db:{name}",
            id=lambda context: f"db-{context.hexadecimal('resource', 26).upper()}",
        ),
        name_property="identifier",
        prefix_property="identifierPrefix",
        name=Name(
            pattern=r"[a-z](-?[a-z0-9])*",
            maximum=63,
            words="lower case letters, digits and single hyphens; starts with a letter, no hyphen "
            "at the end",
            automatic=str.lower,
        ),
        not_found=("DBInstanceNotFound", "DBInstance {id} not found."),
        exists=("DBInstanceAlreadyExists", "DB instance already exists"),
        references={
            "dbSubnetGroupName": (SUBNET_GROUP,),
            "parameterGroupName": (PARAMETER_GROUP,),
            "vpcSecurityGroupIds[*]": (SECURITY_GROUP,),
            "kmsKeyId": KEY_OR_ALIAS,
            "masterUserSecretKmsKeyId": KEY_OR_ALIAS,
            "performanceInsightsKmsKeyId": KEY_OR_ALIAS,
            "monitoringRoleArn": (ROLE,),
        },
        # Whose backup it began with is nothing to an instance that is made.
        unchecked=(database_restore.RESOURCE,),
        weak=(
            "kmsKeyId",
            "masterUserSecretKmsKeyId",
            "performanceInsightsKmsKeyId",
            "monitoringRoleArn",
        ),
        replace_on=(
            "availabilityZone",
            "backupTarget",
            "characterSetName",
            "dbName",
            "engine",
            "kmsKeyId",
            "restoreToPointInTime",
            "storageEncrypted",
            "timezone",
            "username",
        ),
        unordered=("vpcSecurityGroupIds", "enabledCloudwatchLogsExports"),
        write_only=("passwordWo",),
        secrets=("password",),
        rules=standard(database_rules.rules),
        verify=_verify,
        outputs=_outputs,
        created=_changed,
        updated=_changed,
        deleting=_deleting,
    ),
)
