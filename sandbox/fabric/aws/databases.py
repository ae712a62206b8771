"""RDS's PostgreSQL instances as databases.

Sources: Amazon RDS User Guide, "Working with parameter groups", "Password management with Amazon
RDS and AWS Secrets Manager", "IAM database authentication for MariaDB, MySQL, and PostgreSQL".
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sandbox.control import ids
from sandbox.control.aws import database_restore, database_secrets
from sandbox.control.aws.databases import INSTANCE as INSTANCE
from sandbox.control.kinds import Record, World
from sandbox.control.reading import elements, flag, text
from sandbox.fabric.contract import Database, Origin

PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"
_FIRST_FORCED = 15
"""Version of PostgreSQL from which on rds.force_ssl is 1 unless a group says otherwise."""


def is_emulated(record: Record) -> bool:
    """Whether the sandbox can run it: PostgreSQL; of SQL Server there is none to install."""
    return record.type != INSTANCE or text(record.outputs, "engine") == "postgres"


def of(world: World, interfaces: Sequence[Record]) -> Iterator[Database]:
    """Every database, with its interfaces."""
    ports: dict[str, list[str]] = defaultdict(list)
    for interface in interfaces:
        ports[interface.parent].append(interface.short)
    for record in world.of(INSTANCE):
        if not is_emulated(record):
            continue
        version = text(record.outputs, "engineVersionActual") or ""
        name = text(record.outputs, "dbName")
        yield Database(
            id=ids.key(record.id),
            incarnation=record.incarnation,
            name=text(record.outputs, "identifier") or record.short,
            host=text(record.outputs, "address") or "",
            version=version,
            administrator=text(record.outputs, "username") or "",
            password=database_secrets.password_of(world, record) or "",
            ports=tuple(ports[record.id]),
            databases=(name,) if name else (),
            parameters=_parameters(world, record, version),
            directory_login=bool(flag(record.inputs, "iamDatabaseAuthenticationEnabled")),
            origin=_origin(world, record),
        )


def _origin(world: World, record: Record) -> Origin | None:
    """Return whose contents an instance begins with, if it does."""
    if not database_restore.restores(record.inputs):
        return None
    region = record.id.split(":")[3]
    source = database_restore.source_of(world, record.inputs, region)
    named = text(record.inputs, database_restore.IDENTIFIER) or ""
    return Origin(
        id=ids.key(source.id) if source else named,
        incarnation=source.incarnation if source else "",
    )


def _parameters(world: World, record: Record, version: str) -> dict[str, str]:
    major = version.partition(".")[0]
    forced = major.isdecimal() and int(major) >= _FIRST_FORCED
    found = {"rds.force_ssl": "1" if forced else "0"}
    group = world.named(PARAMETER_GROUP, text(record.inputs, "parameterGroupName") or "")
    for _, parameter in elements(group.inputs, "parameters") if group else ():
        name, value = text(parameter, "name"), text(parameter, "value")
        if name and value is not None:
            found[name.lower()] = value
    return found
