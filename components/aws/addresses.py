"""Which addresses nodes get on AWS: a role has a subnet in each zone."""

from typing import Final

from components.parts.addresses import NodeAddresses, Span
from components.runtimes.node import Role
from components.settings.addresses import AddressPlan, divide

FIRST_ADDRESS: Final = 4
"""AWS keeps the first four addresses of a subnet (facts.md 21)."""

LAST_ADDRESS: Final = -2
"""And the last one."""

LAST_FIXED: Final = -3
"""An internal balancer has the last address that AWS leaves to us. Machines of a group, whose
addresses AWS chooses, begin at the other end as a rule: a group can give way to fixed machines
while it still runs."""


def fixed(plan: AddressPlan, role: Role, zones: int, count: int, seat: int) -> tuple[str, ...]:
    """Return the addresses of *count* machines: zones take turns, each is filled from its end.

    Those of the second *seat* are filled from the middle.
    """
    subnets = divide(plan.of(role), zones)
    turns = (divmod(index, zones) for index in range(count))
    last = subnets[0].num_addresses // 2 - 1 if seat else LAST_FIXED
    return tuple(str(subnets[zone][last - turn]) for turn, zone in turns)


def usable(plan: AddressPlan, role: Role, zones: int) -> tuple[Span, ...]:
    """Return which addresses machines of *role* can have, zone by zone."""
    return tuple(
        Span(subnet[FIRST_ADDRESS], subnet[LAST_ADDRESS]) for subnet in divide(plan.of(role), zones)
    )


ADDRESSES: Final = NodeAddresses(fixed=fixed, usable=usable)
