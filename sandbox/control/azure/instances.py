"""The machines of scale sets (Microsoft.Compute/virtualMachineScaleSets/virtualMachines).

Each has a number, a name, an address and a zone that last as long as it does. They are kept in the
transaction that changes their scale set, so that whatever happens afterwards, the sandbox knows
which machines there are to be.

Sources: Azure documentation, "Understand instance IDs for Azure VM Scale Set VMs" (names; the
computer name ends in the number, six digits of base 36), "Use custom scale-in policies with Azure
Virtual Machine Scale Sets" (Default: balance over zones, then the highest instance id), "Automatic
instance repairs for Azure Virtual Machine Scale Sets" (Replace deletes the machine and creates a
new one; Reimage keeps it and gives it a new disk).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from uuid import uuid4

from sandbox.control import ids, settings
from sandbox.control.azure import addresses, instance_notes
from sandbox.control.azure.arm import same
from sandbox.control.azure.quotas import SCALE_SET_KIND
from sandbox.control.kinds import CloudError, Context, Record, Transaction, World
from sandbox.control.reading import flag, mapping, number, text, texts
from sandbox.control.spreading import emptiest, leavers

NIC = "virtualMachineProfile.networkProfile.networkInterfaceConfigurations[0]"
_SUBNET = "ipConfigurations[0].subnet.id"
_PREFIX = "virtualMachineProfile.osProfile.computerNamePrefix"
_BASE_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One machine of a scale set."""

    scale_set: str
    """Id of the scale set."""
    number: int
    """Azure's instance id; never given twice in a scale set."""
    computer_name: str
    vm_id: str
    """UUID that lasts as long as the machine."""
    incarnation: str
    """UUID of its disk: another one after it was reimaged."""
    address: IPv4Address
    subnet: str
    interface_name: str
    zone: str | None
    leaving: bool
    """It is to drain and go (scale in); the capacity does not count it any more."""
    created: str
    """RFC 3339, UTC."""

    @property
    def id(self) -> str:
        """The resource id."""
        return f"{self.scale_set}/virtualMachines/{self.number}"

    @property
    def name(self) -> str:
        """The name that the cloud shows."""
        return f"{ids.name_of(self.scale_set)}_{self.number}"

    @property
    def interface(self) -> str:
        """Id of its network interface."""
        return f"{self.id}/networkInterfaces/{self.interface_name}"


def of(world: World, scale_set: str) -> tuple[Instance, ...]:
    """The machines of a scale set by number; none when there is no such scale set."""
    record = world.find(scale_set)
    return of_record(world, record) if record else ()


def of_record(world: World, record: Record) -> tuple[Instance, ...]:
    """The machines of a scale set by number, those that are leaving included."""
    found = [
        (each, instance_notes.one(world, record.id, each))
        for each in sorted(instance_notes.numbers(world, record))
    ]
    return tuple(_read(record.id, each, noted) for each, noted in found if noted)


def all_of(world: World) -> tuple[Instance, ...]:
    """The machines of all scale sets."""
    return tuple(found for record in world.of(SCALE_SET_KIND) for found in of_record(world, record))


def needed(world: World, scale_set: str, capacity: int) -> int:
    """Addresses that a scale set takes with this capacity: machines that leave keep theirs."""
    found = of(world, scale_set)
    leaving = sum(each.leaving for each in found) if settings.is_real(world) else 0
    return max(capacity + leaving, len(found) if leaving else 0)


def settle(record: Record, transaction: Transaction) -> None:
    """Make a scale set's machines as many as its capacity. Raises CloudError (SubnetIsFull)."""
    if instance_notes.index(transaction, record.id).get("incarnation") != record.incarnation:
        _drop(record.id, transaction)
    found = of_record(transaction, record)
    if not settings.is_real(transaction):
        for each in found:
            if each.leaving:
                _forget(each, transaction)
    staying = [each for each in found if not each.leaving]
    capacity = number(record.inputs, "sku.capacity") or 0
    if len(staying) < capacity:
        _grow(record, staying, capacity - len(staying), transaction)
    surplus = len(staying) - capacity
    # From the fullest zone, the highest number.
    for each in list(leavers(staying, surplus, lambda it: it.zone, lambda it: (it.number,))):
        if settings.is_real(transaction):
            _put(replace(each, leaving=True), transaction)
        else:
            _forget(each, transaction)


def settle_all(transaction: Transaction) -> None:
    """Bring every scale set's machines in line, after a change from outside.

    Raises:
        CloudError: one finds no room in its subnet; the others are in line.
    """
    refusals: list[CloudError] = []
    for record in list(transaction.of(SCALE_SET_KIND)):
        try:
            settle(record, transaction)
        except CloudError as error:
            refusals.append(error)
    for refusal in refusals:
        raise refusal


def unsettled(world: World) -> bool:
    """Whether some scale set has another number of machines than its capacity."""
    return any(
        sum(not each.leaving for each in of_record(world, record))
        != (number(record.inputs, "sku.capacity") or 0)
        for record in world.of(SCALE_SET_KIND)
    )


def forget(transaction: Transaction, machine: str) -> None:
    """Remove a machine that has gone, and free its address; one that is unknown is no error."""
    if (found := _find(transaction, machine)) is not None:
        _forget(found, transaction)


def renew(transaction: Transaction, machine: str) -> Instance | None:
    """Repair a machine as its scale set's policy says, and return the one that takes its place.

    Replace: it goes, and a new one with a number of its own comes. Its address is free again, so
    that the new one often gets it. Reimage: the same machine with an empty disk. Restart: the same
    machine. None when it was leaving anyway, or unknown: nothing takes its place.

    Raises:
        CloudError: the new one finds no address (SubnetIsFull).
    """
    found = _find(transaction, machine)
    record = transaction.find(found.scale_set) if found else None
    if found is None or record is None:
        return None
    action = text(record.inputs, "automaticRepairsPolicy.repairAction") or "Replace"
    if found.leaving or action == "Replace":
        _forget(found, transaction)
        before = {each.number for each in of_record(transaction, record)}
        settle(record, transaction)
        after = of_record(transaction, record)
        return next((each for each in after if each.number not in before), None)
    if action == "Reimage":
        found = replace(found, incarnation=str(uuid4()))
        _put(found, transaction)
    return found


def kept_up(context: Context, transaction: Transaction) -> None:
    """Hook: a scale set was created or changed."""
    record = transaction.find(context.id)
    if record is not None:
        settle(record, transaction)


def release(record: Record, transaction: Transaction) -> None:
    """Hook: a scale set goes, and its machines with it."""
    _drop(record.id, transaction)


def _find(world: World, machine: str) -> Instance | None:
    place = instance_notes.split(machine)
    record = world.find(place[0]) if place else None
    if place is None or record is None:
        return None
    return next((each for each in of_record(world, record) if each.number == place[1]), None)


def _grow(
    record: Record, staying: Sequence[Instance], count: int, transaction: Transaction
) -> None:
    nic = mapping(record.inputs, NIC)
    subnet = text(nic, _SUBNET) or ""
    prefix = addresses.subnet_network(transaction, subnet)
    if prefix is None:
        raise CloudError("SubnetNotFound", f"Subnet {subnet} of {record.id} was not found.")
    room = addresses.free(transaction, subnet, prefix)
    zones = [zone for _, zone in texts(record.inputs, "zones[*]")]
    loads = Counter(each.zone or "" for each in staying)
    first = _next(transaction, record)
    made: list[Instance] = []
    for current in range(first, first + count):
        address = next(room, None)
        if address is None:
            raise addresses.full(subnet, prefix, first + count - current)
        zone = emptiest(zones, loads)
        loads[zone or ""] += 1
        vm_id = str(uuid4())
        made.append(
            Instance(
                scale_set=record.id,
                number=current,
                computer_name=(text(record.inputs, _PREFIX) or "") + _base_36(current),
                vm_id=vm_id,
                incarnation=vm_id,
                address=IPv4Address(address),
                subnet=subnet,
                interface_name=text(nic, "name") or "",
                zone=zone,
                leaving=False,
                created=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            )
        )
    for each in made:
        _put(each, transaction)
    known = [*instance_notes.numbers(transaction, record), *range(first, first + count)]
    _note(transaction, record, first + count, known)


def _drop(scale_set: str, transaction: Transaction) -> None:
    """Forget every machine of a scale set, also of one that was deleted without its hooks."""
    noted = instance_notes.index(transaction, scale_set).get("numbers")
    for each in noted if isinstance(noted, list) else []:
        found = instance_notes.one(transaction, scale_set, each)
        if found:
            _free(_read(scale_set, each, found), transaction)
    instance_notes.put_index(transaction, scale_set, None)


def _forget(gone: Instance, transaction: Transaction) -> None:
    _free(gone, transaction)
    noted = dict(instance_notes.index(transaction, gone.scale_set))
    known = noted.get("numbers")
    if isinstance(known, list):
        noted["numbers"] = [each for each in known if each != gone.number]
        instance_notes.put_index(transaction, gone.scale_set, noted)


def _free(gone: Instance, transaction: Transaction) -> None:
    if same(addresses.owner(transaction, gone.subnet, gone.address), gone.id):
        addresses.give_back(transaction, gone.subnet, gone.address)
    instance_notes.put(transaction, gone.scale_set, gone.number, None)


def _next(world: World, record: Record) -> int:
    noted = instance_notes.index(world, record.id).get("next")
    return noted if isinstance(noted, int) else 0


def _note(transaction: Transaction, record: Record, following: int, known: list[int]) -> None:
    value = {"incarnation": record.incarnation, "next": following, "numbers": known}
    instance_notes.put_index(transaction, record.id, value)


def _put(instance: Instance, transaction: Transaction) -> None:
    value = {
        "computer": instance.computer_name,
        "vm": instance.vm_id,
        "incarnation": instance.incarnation,
        "address": str(instance.address),
        "subnet": instance.subnet,
        "interface": instance.interface_name,
        "zone": instance.zone,
        "leaving": instance.leaving,
        "created": instance.created,
    }
    instance_notes.put(transaction, instance.scale_set, instance.number, value)
    addresses.take(transaction, instance.subnet, instance.address, instance.id)


def _read(scale_set: str, own: int, noted: Mapping[str, object]) -> Instance:
    return Instance(
        scale_set=scale_set,
        number=own,
        computer_name=text(noted, "computer") or "",
        vm_id=text(noted, "vm") or "",
        incarnation=text(noted, "incarnation") or "",
        address=IPv4Address(text(noted, "address") or ""),
        subnet=text(noted, "subnet") or "",
        interface_name=text(noted, "interface") or "",
        zone=text(noted, "zone"),
        leaving=flag(noted, "leaving") or False,
        created=text(noted, "created") or "",
    )


def _base_36(value: int) -> str:
    digits = ""
    for _ in range(6):
        value, digit = divmod(value, 36)
        digits = _BASE_36[digit] + digits
    return digits
