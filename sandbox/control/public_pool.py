"""The sandbox's public addresses: one pool for all clouds, each address handed out once.

A note of the world says who has which (`public-address/ADDRESS` -> id). A note can outlive its
resource (one that went with its group), so the holder is asked.
"""

from ipaddress import IPv4Address, IPv4Network
from uuid import UUID

from sandbox.control import settings
from sandbox.control.kinds import Context, Transaction, World

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
    found = pool(context.world)
    margin = 256 if found.num_addresses > 1024 else 2
    start = UUID(context.identifier("ipAddress")).int % (found.num_addresses - 2 * margin) + margin
    for offset in range(found.num_addresses):
        address = found[(start + offset) % found.num_addresses]
        if address in (found[0], found[1], found[-1]):
            continue  # the network's own two, and the sandbox's
        if _is_free(context.world, address, context.id):
            return str(address)
    return None


def _is_free(world: World, address: IPv4Address, own: str) -> bool:
    holder = world.note(_note(address))
    if not isinstance(holder, str) or holder == own:
        return True
    record = world.find(holder)
    return record is None or str(address) not in record.outputs.values()


def _note(address: object) -> str:
    return f"public-address/{address}"


def take(transaction: Transaction, address: str | None, holder: str) -> None:
    """Note that *holder* has an address."""
    transaction.remember(_note(address), holder)


def give_back(transaction: Transaction, address: str | None) -> None:
    """Forget who has an address."""
    transaction.remember(_note(address), None)
