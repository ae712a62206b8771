"""An RDS instance that begins with another one's backup (RestoreDBInstanceToPointInTime).

It is a new instance of the source's engine, with its logins and databases, and with at least its
storage. Any moment will do that lies in the source's retention. The sandbox keeps no past, and
copies what the source has when the instance is made (`sandbox.fabric.database.restoring`); the
latest restorable time is thus always now, where RDS's is up to five minutes ago.

Sources: Amazon RDS API Reference, "RestoreDBInstanceToPointInTime" (exactly one source, exactly one
of RestoreTime and UseLatestRestorableTime; errors); Amazon RDS User Guide, "Restoring a DB instance
to a specified time" (storage, engine), "Backup retention period" (0 turns backups off).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from sandbox.control.kinds import Context, Problem, Record, Values, World
from sandbox.control.moments import earliest_restore, moment
from sandbox.control.reading import flag, number, present, text

INSTANCE: Final = "aws:rds/instance:Instance"
FROM: Final = "restoreToPointInTime"
IDENTIFIER: Final = f"{FROM}.sourceDbInstanceIdentifier"
RESOURCE: Final = f"{FROM}.sourceDbiResourceId"
MOMENT: Final = f"{FROM}.restoreTime"
LATEST: Final = f"{FROM}.useLatestRestorableTime"

_VALUE = "InvalidParameterValue"
_COMBINATION = "InvalidParameterCombination"


def restores(values: Values) -> bool:
    """Whether an instance of these inputs begins with a backup."""
    return present(values, FROM)


def rules(values: Values) -> Iterator[Problem]:
    """What RDS refuses from the inputs alone."""
    if not restores(values):
        return
    if text(values, IDENTIFIER) and text(values, RESOURCE):
        yield Problem(RESOURCE, "name the source in one way only", _COMBINATION)
    if present(values, f"{FROM}.sourceDbInstanceAutomatedBackupsArn"):
        yield Problem(
            f"{FROM}.sourceDbInstanceAutomatedBackupsArn",
            "the sandbox does not emulate this: name the source's identifier",
        )
    written, latest = text(values, MOMENT), flag(values, LATEST)
    if written is not None and latest:
        yield Problem(
            MOMENT,
            "RestoreTime can't be specified if the UseLatestRestorableTime parameter is enabled.",
            _COMBINATION,
        )
    if written is not None and moment(written) is None:
        yield Problem(
            MOMENT, f"must be a moment in UTC such as 2026-01-31T12:00:00Z, got {written!r}", _VALUE
        )


def source_of(world: World, values: Values, region: str) -> Record | None:
    """Return the instance that is restored from; None: there is none."""
    name, resource = text(values, IDENTIFIER), text(values, RESOURCE)
    for record in world.of(INSTANCE):
        known = text(record.outputs, "identifier") or ""
        if record.id.split(":")[3] == region and (
            record.short == resource if name is None else known == name.lower()
        ):
            return record
    return None


def verify(context: Context) -> Iterator[Problem]:
    """What RDS refuses of a restore when the instance is made."""
    values = context.inputs
    if not (text(values, IDENTIFIER) or text(values, RESOURCE)):
        yield Problem(IDENTIFIER, "a restore needs its source", "InvalidParameterValue")
    elif (source := source_of(context.world, values, context.region)) is None:
        named = text(values, IDENTIFIER) or text(values, RESOURCE)
        yield Problem(IDENTIFIER, f"DBInstance {named} not found.", "DBInstanceNotFound")
    else:
        yield from _same_server(values, source)
        yield from _moment(values, source)
    if not text(values, MOMENT) and not flag(values, LATEST):
        yield Problem(
            MOMENT, "give a restore time, or use the latest restorable time", _COMBINATION
        )


def _same_server(values: Values, source: Record) -> Iterator[Problem]:
    engine, found = text(values, "engine"), text(source.outputs, "engine")
    if engine is not None and engine.casefold() != found:
        yield Problem(
            "engine", f"must be the source's, {found}, to restore from it, got {engine}", _VALUE
        )
    size, least = number(values, "allocatedStorage"), number(source.inputs, "allocatedStorage")
    if size is not None and least is not None and size < least:
        yield Problem(
            "allocatedStorage", f"must be at least the source's {least} GiB, got {size}", _VALUE
        )
    encrypted = flag(source.inputs, "storageEncrypted")
    if encrypted and flag(values, "storageEncrypted") is False:
        yield Problem("storageEncrypted", "must be true: the source's backup is encrypted", _VALUE)


def _moment(values: Values, source: Record) -> Iterator[Problem]:
    days = number(source.outputs, "backupRetentionPeriod") or 0
    if not days:
        yield Problem(
            IDENTIFIER,
            f"Point In Time Restore is not enabled for {text(source.outputs, 'identifier')}: its "
            f"backup retention period is 0",
            "PointInTimeRestoreNotEnabled",
        )
        return
    asked, made, now = moment(text(values, MOMENT) or ""), moment(source.created), datetime.now(UTC)
    if asked is None or made is None:
        return
    earliest = earliest_restore(made, days, now)
    if not earliest <= asked <= now:
        yield Problem(
            MOMENT,
            f"The specified instance cannot be restored to a time later than {_shown(now)} or "
            f"before {_shown(earliest)}",
            _VALUE,
        )


def taken(context: Context, name: str) -> str | None:
    """Return what an instance has of its source, or was given itself: `username`, `dbName`.

    The source may be gone when the instance changes.
    """
    own = text(context.inputs, name)
    if own is not None or not restores(context.inputs):
        return own
    before = context.previous or source_of(context.world, context.inputs, context.region)
    return text(before.outputs, name) if before else None


def _shown(found: datetime) -> str:
    return f"{found:%Y-%m-%dT%H:%M:%SZ}"
