"""Which addresses nodes get on Azure: a role has one subnet, whatever the zones."""

from typing import Final

from components.parts.addresses import NodeAddresses, Span
from components.runtimes.node import Role
from components.settings.addresses import AddressPlan

FIRST_ADDRESS: Final = 4
"""Azure keeps the first four addresses of a subnet (facts.md 21)."""

LAST_ADDRESS: Final = -2
"""And the last one."""


def fixed(plan: AddressPlan, role: Role, zones: int, count: int, seat: int) -> tuple[str, ...]:
    """Return the addresses of *count* machines of *role*: the first ones of its subnet.

    Those of the second *seat* begin in its middle.
    """
    del zones
    subnet = plan.of(role)
    first = subnet.num_addresses // 2 if seat else FIRST_ADDRESS
    return tuple(str(subnet[first + index]) for index in range(count))


def usable(plan: AddressPlan, role: Role, zones: int) -> tuple[Span, ...]:
    """Return which addresses machines of *role* can have."""
    del zones
    subnet = plan.of(role)
    return (Span(subnet[FIRST_ADDRESS], subnet[LAST_ADDRESS]),)


ADDRESSES: Final = NodeAddresses(fixed=fixed, usable=usable)
