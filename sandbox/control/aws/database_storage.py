"""Storage of RDS instances: types, sizes, IOPS, growth.

Sources: Amazon RDS User Guide, "Amazon RDS DB instance storage" (ranges of each type, 400 GiB from
which gp3 takes IOPS of one's own), "Managing capacity automatically with Amazon RDS storage
autoscaling" (10 percent more at least), "Increasing DB instance storage capacity" (it never
shrinks).
"""

from collections.abc import Iterator

from sandbox.control.aws import database_classes as table
from sandbox.control.kinds import Context, Problem, Values
from sandbox.control.reading import flag, number, text

_INVALID = "InvalidParameterValue"
_COMBINATION = "InvalidParameterCombination"


def rules(values: Values) -> Iterator[Problem]:
    """What RDS refuses of storage from the inputs alone."""
    engine, kind = (text(values, "engine") or "").casefold(), text(values, "storageType") or "gp2"
    storage, size = table.STORAGE.get(kind), number(values, "allocatedStorage")
    if storage is None:
        yield Problem("storageType", f"Invalid storage type: {kind}", _INVALID)
        return
    most = table.SQL_SERVER_LARGEST if engine.startswith("sqlserver") else storage.largest
    if size is not None and not storage.smallest <= size <= most:
        yield Problem(
            "allocatedStorage",
            f"Invalid storage size for engine name {engine or 'postgres'} and storage type {kind}: "
            f"{size}; it is {storage.smallest} to {most} GiB",
            _INVALID,
        )
    iops = number(values, "iops")
    if storage.iops and iops is None and "iops" not in values and size is not None:
        yield Problem("iops", f"is required with storage type {kind}", _COMBINATION)
    if kind == "gp2" and iops:
        yield Problem("iops", "can't be given with storage type gp2", _COMBINATION)
    throughput = number(values, "storageThroughput")
    own = iops is not None or throughput is not None
    if kind == "gp3" and own and size is not None and size < table.GP3_TIER and _has_tier(engine):
        yield Problem(
            "iops" if iops is not None else "storageThroughput",
            "You can't specify IOPS or storage throughput for engine postgres and a storage size "
            f"less than {table.GP3_TIER}.",
            _COMBINATION,
        )
    if kind != "gp3" and throughput:
        yield Problem("storageThroughput", "goes with storage type gp3 only", _COMBINATION)
    yield from _growth(values, size, most)


def _has_tier(engine: str) -> bool:
    return not engine.startswith("sqlserver")


def _growth(values: Values, size: int | None, most: int) -> Iterator[Problem]:
    limit = number(values, "maxAllocatedStorage")
    if not limit or size is None:
        return
    if limit > most or limit <= size:
        yield Problem(
            "maxAllocatedStorage",
            f"Max storage size must be greater than storage size ({size}) and at most {most}, got "
            f"{limit}",
            _COMBINATION,
        )
    elif limit * 10 < size * 11:
        yield Problem(
            "maxAllocatedStorage",
            f"Invalid max storage size: {limit} is less than 10 percent more than {size}.",
            _COMBINATION,
        )


def verify_change(context: Context) -> Iterator[Problem]:
    """Storage only grows, by 10 percent at least."""
    before = number(context.previous.inputs if context.previous else {}, "allocatedStorage")
    now = number(context.inputs, "allocatedStorage")
    if before is None or now is None or now == before:
        return
    if now < before:
        yield Problem(
            "allocatedStorage",
            f"Requested storage size ({now}) cannot be less than the current size ({before})",
            _COMBINATION,
        )
    elif now * 10 < before * 11 and not flag(context.inputs, "upgradeStorageConfig"):
        yield Problem(
            "allocatedStorage",
            f"Invalid storage size {now}: it must grow by at least 10 percent from {before}.",
            _COMBINATION,
        )
