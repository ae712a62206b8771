"""The subscription's quota of vCPUs in a region, and what machines take of it.

Source: Azure documentation, "Check vCPU quotas" and "Azure subscription and service limits".
"""

from collections.abc import Iterator, Mapping

from sandbox.control import limits
from sandbox.control.azure.counts import COUNTS
from sandbox.control.azure.locations import normal
from sandbox.control.azure.online_deployments import CORES, REGIONAL_CORES
from sandbox.control.azure.sizes import size_of
from sandbox.control.kinds import Context, Problem, Record, Transaction, Values, World
from sandbox.control.reading import number, text

SCALE_SET_KIND = "azure-native:compute:VirtualMachineScaleSet"
MACHINE_KIND = "azure-native:compute:VirtualMachine"

VCPUS = "azure-native:vcpus"
REGIONAL_VCPUS = 20_000
"""In each region: room for two node groups of 1,000 nodes, twice."""


def cores_of(record: Record) -> int:
    """VCPUs that a machine or scale set takes of the quota."""
    scale_set = record.type == SCALE_SET_KIND
    name = text(record.inputs, "sku.name" if scale_set else "hardwareProfile.vmSize")
    size = size_of(name) if name else None
    count = (number(record.inputs, "sku.capacity") or 0) if scale_set else 1
    return count * size.vcpus if size else 0


def _quota_note(location: str) -> str:
    return f"vcpus/{location}"


def _location(values: Values) -> str:
    return normal(text(values, "location") or "")


def _used(world: World, location: str) -> int:
    noted = world.note(_quota_note(location))
    return noted if isinstance(noted, int) else 0


def verify_quota(context: Context, path: str, needed: int) -> Iterator[Problem]:
    """The region's vCPUs: what all machines take must stay within the subscription's quota.

    What they take is a note, so that a thousand machines are not counted a thousand times.
    """
    location = _location(context.inputs)
    extra = needed - (cores_of(context.previous) if context.previous else 0)
    used = _used(context.world, location)
    most = limits.most(context.world, VCPUS, location, REGIONAL_VCPUS)
    if extra > 0 and used + extra > most:
        yield Problem(
            path,
            "Operation could not be completed as it results in exceeding approved Total Regional "
            f"Cores quota. Additional details - Deployment Model: Resource Manager, Location: "
            f"{location}, Current Limit: {most}, Current Usage: {used}, Additional "
            f"Required: {extra}, (Minimum) New Limit Required: {used + extra}.",
            "QuotaExceeded",
        )


def take_cores(context: Context, transaction: Transaction) -> None:
    """Count a machine or scale set that was created or changed."""
    record = transaction.find(context.id)
    if record is not None:
        before = cores_of(context.previous) if context.previous else 0
        _count(record, cores_of(record) - before, transaction)


def give_cores_back(record: Record, transaction: Transaction) -> None:
    """Count a machine or scale set that goes."""
    _count(record, -cores_of(record), transaction)


def _count(record: Record, change: int, transaction: Transaction) -> None:
    location = _location(record.inputs)
    used = max(0, _used(transaction, location) + change)
    transaction.remember(_quota_note(location), used or None)


def usual() -> Mapping[str, int]:
    """Every quota with Azure's own limit."""
    counts = {f"azure-native:{count.name}": count.most for count in COUNTS.values()}
    return {VCPUS: REGIONAL_VCPUS, CORES: REGIONAL_CORES, **counts}
