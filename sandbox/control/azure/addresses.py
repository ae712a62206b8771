"""Private addresses in subnets: what is reserved, what is taken, what comes next.

Azure keeps the first four addresses of a subnet and the last one ("Azure Virtual Network
frequently asked questions"), and hands out the lowest free address to who asks for none. Each
address in use is a note of the world (`address/SUBNET/ADDRESS` -> id of its owner), so that a
look-up costs the same with three nodes and with a thousand.
"""

from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import NamedTuple

from sandbox.control.azure import instance_notes
from sandbox.control.azure.arm import name_of, same
from sandbox.control.kinds import (
    CloudError,
    Context,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.paths import strings
from sandbox.control.reading import elements, number, text, texts

INTERFACE = "azure-native:network:NetworkInterface"
BALANCER = "azure-native:network:LoadBalancer"
SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"

RESERVED = 5


def network(prefix: str) -> IPv4Network | None:
    """The IPv4 network that *prefix* writes, host bits clear; None when it writes none."""
    try:
        return IPv4Network(prefix)
    except (AddressValueError, NetmaskValueError, ValueError):
        return None


def address(written: str) -> IPv4Address | None:
    """The IPv4 address that *written* is, or None."""
    try:
        return IPv4Address(written)
    except (AddressValueError, ValueError):
        return None


def subnet_prefix(values: Values) -> IPv4Network | None:
    """The (first) prefix of a subnet's inputs."""
    given = text(values, "addressPrefix") or next(
        (found for _, found in texts(values, "addressPrefixes[*]")), None
    )
    return network(given) if given else None


def subnet_network(world: World, subnet: str) -> IPv4Network | None:
    """The prefix of an existing subnet."""
    record = world.find(subnet)
    return subnet_prefix(record.inputs) if record else None


def is_reserved(found: IPv4Address, prefix: IPv4Network) -> bool:
    """Whether Azure keeps the address for itself."""
    offset = int(found) - int(prefix.network_address)
    return offset < RESERVED - 1 or found == prefix.broadcast_address


def _note(subnet: str, found: IPv4Address) -> str:
    return f"address/{subnet.casefold()}/{found}"


def owner(world: World, subnet: str, found: IPv4Address) -> str:
    """Id of the resource that has the address now, or "".

    A note can outlive its resource (a group that was deleted whole), so the owner is asked.
    """
    noted = world.note(_note(subnet, found))
    if not isinstance(noted, str):
        return ""
    record = world.find(noted)
    if record is None:
        return noted if instance_notes.holds(world, noted, str(found)) else ""
    held = any(value == str(found) for _, value in strings(record.outputs))
    return record.id if held else ""


def verify_address(context: Context, path: str, subnet: str, wanted: str) -> Iterator[Problem]:
    """A static address must lie in the subnet, and be neither reserved nor taken."""
    prefix, found = subnet_network(context.world, subnet), address(wanted)
    if prefix is None:
        return
    if found is None or found not in prefix:
        yield Problem(
            path,
            f"IP configuration {path} is using the private IP address {wanted} which is not within "
            f"the address range {prefix} of subnet {name_of(subnet)}.",
            "PrivateIPAddressNotInSubnet",
        )
    elif is_reserved(found, prefix):
        yield Problem(
            path,
            f"Private static IP address {wanted} falls within reserved IP range of subnet prefix "
            f"{prefix}.",
            "PrivateIPAddressInReservedRange",
        )
    elif (by := owner(context.world, subnet, found)) and not same(by, context.id):
        yield Problem(
            path,
            f"IP address {wanted} is already allocated to resource {by}.",
            "PrivateIPAddressIsAllocated",
        )


def next_free(context: Context, subnet: str, besides: set[str]) -> str:
    """The lowest free address of a subnet, "" when there is no such subnet.

    Raises CloudError (SubnetIsFull).
    """
    prefix = subnet_network(context.world, subnet)
    if prefix is None:
        return ""
    for found in free(context.world, subnet, prefix, context.id):
        if found not in besides:
            return found
    raise full(subnet, prefix, 1)


def free(world: World, subnet: str, prefix: IPv4Network, own: str = "") -> Iterator[str]:
    """The free addresses of a subnet from the lowest on; what *own* has counts as free."""
    first = int(prefix.network_address) + RESERVED - 1
    for candidate in range(first, int(prefix.broadcast_address)):
        found = IPv4Address(candidate)
        by = owner(world, subnet, found)
        if not by or same(by, own):
            yield str(found)


def full(subnet: str, prefix: IPv4Network, needed: int) -> CloudError:
    """The refusal of a subnet that has no room."""
    return CloudError("SubnetIsFull", _full(subnet, prefix, needed))


def _full(subnet: str, prefix: IPv4Network, needed: int) -> str:
    return (
        f"Subnet {name_of(subnet)} with address prefix {prefix} does not have enough capacity for "
        f"{needed} IP addresses."
    )


def verify_room(context: Context, path: str, subnet: str, needed: int) -> Iterator[Problem]:
    """A subnet must have room for *needed* more addresses beside what others hold of it."""
    prefix = subnet_network(context.world, subnet)
    if prefix is None:
        return
    used = 0
    for record, where in context.world.referrers(subnet):
        if same(record.id, context.id):
            continue
        if record.type == SCALE_SET and where.endswith("subnet.id"):
            machines = len(instance_notes.numbers(context.world, record))
            used += max(number(record.inputs, "sku.capacity") or 0, machines)
        elif record.type in (INTERFACE, BALANCER):
            used += 1
    if used + needed > prefix.num_addresses - RESERVED:
        yield Problem(path, _full(subnet, prefix, needed), "SubnetIsFull")


def allocated(context: Context, configurations: str) -> list[dict[str, object]]:
    """The elements of an input list (NIC or frontend configurations), each with its address.

    Azure keeps a dynamic address while the configuration stays in its subnet.
    """
    earlier: dict[str, Values] = {}
    if context.previous is not None:
        earlier = {
            text(old, "name") or "": old
            for _, old in elements(context.previous.outputs, configurations)
        }
    found: list[dict[str, object]] = []
    given: set[str] = {a for _, a in texts(context.inputs, f"{configurations}[*].privateIPAddress")}
    for _, configuration in elements(context.inputs, configurations):
        result = dict(configuration)
        subnet = text(configuration, "subnet.id")
        if subnet and not text(configuration, "privateIPAddress"):
            old = earlier.get(text(configuration, "name") or "", {})
            kept = text(old, "privateIPAddress")
            stays = kept is not None and same(text(old, "subnet.id") or "", subnet)
            result["privateIPAddress"] = kept if stays else next_free(context, subnet, given)
            given.add(str(result["privateIPAddress"]))
        found.append(result)
    return found


def hold(target: str, outputs: Values, configurations: str, transaction: Transaction) -> None:
    """Note every private address of a resource as its own."""
    for _, configuration in elements(outputs, configurations):
        subnet, given = text(configuration, "subnet.id"), text(configuration, "privateIPAddress")
        found = address(given) if given else None
        if subnet and found:
            take(transaction, subnet, found, target)


def take(transaction: Transaction, subnet: str, found: IPv4Address, target: str) -> None:
    """Note that *target* has an address."""
    transaction.remember(_note(subnet, found), target)


def give_back(transaction: Transaction, subnet: str, found: IPv4Address) -> None:
    """Forget who has an address."""
    transaction.remember(_note(subnet, found), None)


def release(outputs: Values, configurations: str, transaction: Transaction) -> None:
    """Forget the private addresses of a resource that goes."""
    for _, configuration in elements(outputs, configurations):
        subnet, given = text(configuration, "subnet.id"), text(configuration, "privateIPAddress")
        found = address(given) if given else None
        if subnet and found:
            give_back(transaction, subnet, found)


class Keeping(NamedTuple):
    """A kind's hooks that keep the notes of who has which address."""

    created: Callable[[Context, Transaction], None]
    updated: Callable[[Context, Transaction], None]
    deleting: Callable[[Record, Transaction], None]


def keeping(configurations: str) -> Keeping:
    """Return the hooks of a kind whose private addresses are in the list *configurations*."""

    def created(context: Context, transaction: Transaction) -> None:
        record = transaction.find(context.id)
        if record is not None:
            hold(context.id, record.outputs, configurations, transaction)

    def updated(context: Context, transaction: Transaction) -> None:
        if context.previous is not None:
            release(context.previous.outputs, configurations, transaction)
        created(context, transaction)

    def deleting(record: Record, transaction: Transaction) -> None:
        release(record.outputs, configurations, transaction)

    return Keeping(created, updated, deleting)
