"""The sandbox's public addresses: one pool for all clouds, each address handed out once.

A note of the world says who has which (`public-address/ADDRESS` -> id). A note can outlive its
resource (one that went with its group), so the holder is asked.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from uuid import UUID

from sandbox.control import ids, settings
from sandbox.control.kinds import Context, Record, Transaction, World

POOL = IPv4Network("198.18.0.0/15")
"""The benchmarking range of RFC 2544, which nobody routes. A fabric routes a part of it, which it
names (`settings.py`), and has the first address itself."""


def pool(world: World) -> IPv4Network:
    """The addresses that are handed out."""
    return settings.public_pool(world) or POOL


def choose(context: Context) -> str | None:
    """The address of a new resource: it starts at a hash of it and takes the next free one.

    None when all are in use.
    """
    return choose_for(context.world, context.id, UUID(context.identifier("ipAddress")))


def choose_for(world: World, holder: str, seed: UUID) -> str | None:
    """The same for *holder*, whose search starts at *seed*."""
    found = pool(world)
    margin = 256 if found.num_addresses > 1024 else 2
    start = seed.int % (found.num_addresses - 2 * margin) + margin
    for offset in range(found.num_addresses):
        address = found[(start + offset) % found.num_addresses]
        if address in (found[0], found[1], found[-1]):
            continue  # the network's own two, and the sandbox's
        if _is_free(world, address, holder):
            return str(address)
    return None


def _is_free(world: World, address: IPv4Address, own: str) -> bool:
    holder = world.note(_note(address))
    if not isinstance(holder, str) or holder == own:
        return True
    record = world.find(holder)
    if record is None:
        return True
    return str(address) not in record.outputs.values() and lent(world, record) != str(address)


def _note(address: object) -> str:
    return f"public-address/{address}"


def take(transaction: Transaction, address: str | None, holder: str) -> None:
    """Note that *holder* has an address."""
    transaction.remember(_note(address), holder)


def give_back(transaction: Transaction, address: str | None) -> None:
    """Forget who has an address."""
    transaction.remember(_note(address), None)


def lent(world: World, record: Record) -> str | None:
    """The address of a resource that has none among its outputs: the cloud keeps it to itself."""
    noted = world.note(_lent(record.id))
    if isinstance(noted, Mapping) and noted.get("incarnation") == record.incarnation:
        found = noted.get("address")
        return found if isinstance(found, str) else None
    return None


def lend(transaction: Transaction, record: Record) -> str | None:
    """Give such a resource an address, if it has none; None: all are in use."""
    if (known := lent(transaction, record)) is not None:
        return known
    address = choose_for(transaction, record.id, UUID(record.incarnation))
    if address is not None:
        noted = {"incarnation": record.incarnation, "address": address}
        transaction.remember(_lent(record.id), noted)
        take(transaction, address, record.id)
    return address


def _lent(holder: str) -> str:
    return f"public-address-of/{ids.key(holder)}"
