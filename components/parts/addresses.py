"""Which addresses nodes get: known from the address plan alone, before any node exists.

Certificates and lists of nodes are made before the nodes are, so that they need the addresses then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from components.runtimes.node import Role
from components.settings.addresses import AddressPlan


class Span(NamedTuple):
    """All addresses from one to another, both included."""

    first: IPv4Address
    last: IPv4Address


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeAddresses:
    """What one cloud says of its nodes' addresses, by address plan, role and number of zones."""

    fixed: Callable[[AddressPlan, Role, int, int, int], tuple[str, ...]]
    """Addresses of the nodes of a fixed group, in order. The last arguments are their number, and
    which of two sets of nodes they are of, that may stand beside each other: 0 or 1."""

    usable: Callable[[AddressPlan, Role, int], tuple[Span, ...]]
    """Those that nodes of a group can have: of the role's subnet, or of its part in each zone."""
