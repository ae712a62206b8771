"""Private addresses in subnets: what is reserved, what is taken, what comes next.

AWS keeps the first four addresses of a subnet and the last one (Amazon VPC User Guide, "Subnet
sizing for IPv4"). Which free one it gives to who asks for none is not said; here it is the lowest.
Each address in use is a note of the world (`address/ARN OF THE SUBNET/ADDRESS` -> ARN of its
owner), so that a look-up costs the same with three nodes and with a thousand.
"""

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from itertools import islice

from sandbox.control.kinds import ApiError, Context, Problem, Record, Transaction, World
from sandbox.control.reading import text

SUBNET = "aws:ec2/subnet:Subnet"

RESERVED = 5


def network(written: str | None) -> IPv4Network | None:
    """The IPv4 network that *written* says, host bits clear; None when it says none."""
    try:
        return IPv4Network(written) if written and "/" in written else None
    except (AddressValueError, NetmaskValueError, ValueError):
        return None


def address(written: str | None) -> IPv4Address | None:
    """The IPv4 address that *written* is, or None."""
    try:
        return IPv4Address(written) if written else None
    except (AddressValueError, ValueError):
        return None


def block(subnet: Record) -> IPv4Network:
    """The addresses of a subnet (or a VPC) that exists."""
    found = network(text(subnet.outputs, "cidrBlock"))
    if found is None:
        raise ValueError(f"{subnet.id} has no CIDR block")
    return found


def is_reserved(found: IPv4Address, inside: IPv4Network) -> bool:
    """Whether AWS keeps the address for itself."""
    offset = int(found) - int(inside.network_address)
    return offset < RESERVED - 1 or found == inside.broadcast_address


def _note(subnet: Record, found: object) -> str:
    return f"address/{subnet.id}/{found}"


def _first(world: World, subnet: Record) -> int:
    """The place below which none is free, so that a thousand machines need no million looks."""
    noted = world.note(_note(subnet, "first"))
    return noted if isinstance(noted, int) else RESERVED - 1


def _begin(transaction: Transaction, subnet: Record, place: int) -> None:
    transaction.remember(_note(subnet, "first"), place if place >= RESERVED else None)


def _place(subnet: Record, found: str) -> int:
    return int(IPv4Address(found)) - int(block(subnet).network_address)


def owner(world: World, subnet: Record, found: IPv4Address) -> str:
    """ARN of what has the address now, or ""."""
    noted = world.note(_note(subnet, found))
    return noted if isinstance(noted, str) else ""


def free(world: World, subnet: Record) -> Iterator[str]:
    """The free addresses of a subnet from the lowest on."""
    inside = block(subnet)
    for number in range(_first(world, subnet), inside.num_addresses - 1):
        found = inside[number]
        if not owner(world, subnet, found):
            yield str(found)


def next_free(world: World, subnet: Record, besides: frozenset[str] = frozenset()) -> str:
    """The lowest free address of a subnet. Raises ApiError (InsufficientFreeAddressesInSubnet)."""
    for found in free(world, subnet):
        if found not in besides:
            return found
    raise full(subnet)


def has_room(world: World, subnet: Record, needed: int) -> bool:
    """Whether a subnet has *needed* free addresses."""
    return len(list(islice(free(world, subnet), needed))) == needed


def full(subnet: Record) -> ApiError:
    """The refusal of a subnet that has no room."""
    return ApiError(
        "InsufficientFreeAddressesInSubnet",
        f"The specified subnet {subnet.short} does not have enough free addresses to satisfy the "
        "request.",
    )


def take(transaction: Transaction, subnet: Record, found: str, holder: str) -> None:
    """Note that *holder* (an ARN) has an address."""
    transaction.remember(_note(subnet, IPv4Address(found)), holder)
    if (place := _place(subnet, found)) == _first(transaction, subnet):
        _begin(transaction, subnet, place + 1)


def give_back(transaction: Transaction, subnet: Record, found: str) -> None:
    """Forget who has an address."""
    transaction.remember(_note(subnet, IPv4Address(found)), None)
    if RESERVED - 1 <= (place := _place(subnet, found)) < _first(transaction, subnet):
        _begin(transaction, subnet, place)


def verify(context: Context, path: str, subnet: Record, wanted: str) -> Iterator[Problem]:
    """An address that a program chose must lie in the subnet, and be neither reserved nor taken."""
    found, inside = address(wanted), block(subnet)
    if found is None or found not in inside:
        yield Problem(path, "Address does not fall within the subnet's address range",
                      "InvalidParameterValue")  # fmt: skip
    elif is_reserved(found, inside):
        yield Problem(
            path, "Address is in subnet's reserved address range", "InvalidParameterValue"
        )
    elif (by := owner(context.world, subnet, found)) and not _is_own(context, by):
        yield Problem(path, f"Address {wanted} is in use.", "InvalidIPAddress.InUse")


def _is_own(context: Context, holder: str) -> bool:
    record = context.world.find(holder)
    return holder == context.id or (record is not None and record.parent == context.id)
