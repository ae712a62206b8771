"""What the daemon tells the clouds about the machine that they run on, as notes of the world."""

from ipaddress import IPv4Network

from sandbox.control.kinds import World
from sandbox.control.store import Store

_POOL = "public-pool"


def apply(store: Store, pool: IPv4Network | None) -> None:
    """Say which public addresses are routed here; None: nothing is real, records only."""
    wanted = str(pool) if pool else None
    if store.read().note(_POOL) != wanted:
        with store.change() as changes:
            changes.remember(_POOL, wanted)


def public_pool(world: World) -> IPv4Network | None:
    """The public addresses that are routed on this machine; None without a fabric."""
    noted = world.note(_POOL)
    return IPv4Network(noted) if isinstance(noted, str) else None


def is_real(world: World) -> bool:
    """Whether machines run; if not, one that is to go has nothing to drain."""
    return public_pool(world) is not None
