"""A flexible server that begins with another one's backup (createMode PointInTimeRestore).

It is a new server in the source's region, of the source's version, with its logins, and with at
least its storage. Any moment will do that lies in the source's retention; the sandbox keeps no
past, and copies what the source has when the server is made (`sandbox.fabric.database.restoring`).

Sources: Azure documentation, "Backup and restore in Azure Database for PostgreSQL" (point-in-time
recovery, backup retention, "the first snapshot backup is scheduled immediately after a server is
created"), "Point-in-time restore"; the REST specification's create-only properties (pointInTimeUTC,
sourceServerResourceId).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from sandbox.control.azure.arm import one_of
from sandbox.control.azure.locations import normal
from sandbox.control.kinds import Context, Problem, Record, Values, World
from sandbox.control.moments import earliest_restore, moment
from sandbox.control.reading import number, present, text

MODE: Final = "PointInTimeRestore"
EMPTY: Final = ("Default", "Create")
SOURCE: Final = "sourceServerResourceId"
MOMENT: Final = "pointInTimeUTC"
INHERITED: Final = ("version", "sku", "storage")
"""What it has of its source where nothing is said."""

_INVALID = "InvalidParameterValue"
_RETENTION = 7
"""Days, where the source says nothing."""


def restores(values: Values) -> bool:
    """Whether a server of these inputs begins with a backup."""
    return text(values, "createMode") == MODE


def rules(values: Values) -> Iterator[Problem]:
    """What Azure refuses from the inputs alone."""
    yield from one_of(values, "createMode", (*EMPTY, MODE), _INVALID)
    written = text(values, MOMENT)
    if written is not None and moment(written) is None:
        yield Problem(
            MOMENT,
            f"must be a moment in UTC such as 2026-01-31T12:00:00Z, got {written!r}",
            _INVALID,
        )
    if restores(values):
        for path in ("administratorLogin", "administratorLoginPassword"):
            if present(values, path):
                yield Problem(
                    path, f"leave it out with createMode {MODE}: it is the source's", _INVALID
                )
        return
    for path in (SOURCE, MOMENT):
        if present(values, path):
            yield Problem(path, f"needs createMode {MODE}", _INVALID)


def source_of(world: World, values: Values, kind: str) -> Record | None:
    """Return the server that is restored from; None: there is none."""
    found = world.find(text(values, SOURCE) or "")
    return found if found is not None and found.type == kind else None


def verify(context: Context) -> Iterator[Problem]:
    """What Azure refuses of a restore when the server is made."""
    values = context.inputs
    for path in (SOURCE, MOMENT):
        if not present(values, path):
            yield Problem(path, f"is needed with createMode {MODE}", "MissingRequiredParameter")
    source = source_of(context.world, values, context.type)
    if source is None:
        if present(values, SOURCE):
            yield Problem(
                SOURCE,
                f"The source server {text(values, SOURCE)} was not found.",
                "SourceServerNotFound",
            )
        return
    place, here = text(source.outputs, "location") or "", text(values, "location") or ""
    if normal(place) != normal(here):
        yield Problem(
            "location",
            f"a restored server is where its source is, in {place}, got {here}",
            _INVALID,
        )
    yield from _same_server(values, source)
    yield from _moment(values, source)


def _same_server(values: Values, source: Record) -> Iterator[Problem]:
    version, found = text(values, "version"), text(source.outputs, "version")
    if version is not None and version != found:
        yield Problem(
            "version",
            f"a restored server has its source's version, {found}, got {version}",
            _INVALID,
        )
    size = number(values, "storage.storageSizeGB")
    least = number(source.outputs, "storage.storageSizeGB")
    if size is not None and least is not None and size < least:
        yield Problem(
            "storage.storageSizeGB",
            f"must be at least the source's {least} GiB, got {size}",
            _INVALID,
        )


def _moment(values: Values, source: Record) -> Iterator[Problem]:
    asked, now = moment(text(values, MOMENT) or ""), datetime.now(UTC)
    made = moment(source.created)
    if asked is None or made is None:
        return
    days = number(source.outputs, "backup.backupRetentionDays") or _RETENTION
    earliest = earliest_restore(made, days, now)
    if asked > now:
        yield Problem(MOMENT, f"lies in the future: it is {now:%Y-%m-%dT%H:%M:%SZ}", _INVALID)
    elif asked < earliest:
        yield Problem(
            MOMENT,
            f"is before the earliest restore point, {earliest:%Y-%m-%dT%H:%M:%SZ}: backups begin "
            f"with the server and are kept {days} days",
            _INVALID,
        )


def inherited(context: Context) -> dict[str, object]:
    """Return the outputs that come from the source, or were taken from it when it was made."""
    source = source_of(context.world, context.inputs, context.type)
    before = context.previous or source
    if before is None:
        return {}
    found: dict[str, object] = {"administratorLogin": text(before.outputs, "administratorLogin")}
    for name in INHERITED:
        if not present(context.inputs, name):
            found[name] = before.outputs.get(name)
    return found
