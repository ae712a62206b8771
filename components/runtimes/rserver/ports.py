"""Who listens where on a node: the port that others call, and the product's own behind it.

On Linux NGINX listens on the port that others call, and Kestrel on the next one, whichever the
settings choose. A one-box shows its web port alone: its compute part stays on the port of compute
nodes, which the host's firewall keeps to itself.
"""

from typing import NamedTuple

from components.runtimes.node import Role
from components.runtimes.rserver.versions import Family
from components.settings.server import ServerSettings


class Ports(NamedTuple):
    """One port for each part."""

    web: int
    compute: int


class Listening(NamedTuple):
    """What others call, and what the product listens on."""

    shown: Ports
    own: Ports


def ports(server: ServerSettings, family: Family, role: Role) -> Listening:
    """Return the ports of a *role* node."""
    shown = Ports(server.ports.web, server.ports.compute)
    # IIS hands a port of its own choosing to the web node (facts.md 17), whatever its file says.
    step = 1 if family == "linux" else 0
    own = Ports(shown.web + step, shown.compute + (0 if role == "one-box" else step))
    return Listening(shown, own)
