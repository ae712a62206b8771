"""The address plan: which part of the environment's range belongs to which subnet.

The range is cut into slots at fixed places, so that one group's growth never moves another
group's subnet:

    compute    the upper half; free in a one-box
    web        the first quarter; the machine's in a one-box
    endpoints  the first half of the second quarter
    public     the other half of it (AWS only: NAT gateways and public load balancers)

A node subnet begins where its slot does. It holds twice the group's maximum, because a replaced
group runs beside the old one, and grows in steps of four, so that most changes of a maximum leave
it as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import NamedTuple

from components.settings.environment import Cloud, NodesEnvironment, Role

RESERVED = 5
"""Addresses of a subnet that both clouds keep for themselves (facts.md 21)."""

NODE_PREFIXES: Mapping[Cloud, tuple[int, ...]] = {
    "azure": (24, 22, 20, 18, 16),
    "aws": (22, 20, 18, 16),
}
"""Sizes of a node subnet, smallest first; on AWS four zones share it."""

ENDPOINTS_PREFIX = 25
"""Room for 11 private endpoints in each of eight zones; there are about five in all."""

FEWEST_PARTS = 4
"""Parts of a range that is cut by zones, spare ones too: a third zone, or a fourth, moves none of
the others, whose nodes and database could not follow."""

SMALLEST_SUBNET = {"azure": 29, "aws": 28}
"""Prefix of the smallest subnet that the cloud accepts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressPlan:
    """The subnets' ranges; on AWS `divide` cuts each into one a zone."""

    network: IPv4Network
    nodes: Mapping[Role, IPv4Network]
    """By role; the one that clients call comes first."""

    endpoints: IPv4Network
    public: IPv4Network

    @property
    def front(self) -> Role:
        """Role of the nodes that clients call."""
        return next(iter(self.nodes))

    @property
    def purposes(self) -> tuple[str, ...]:
        """What the environment's own subnets are for, those of nodes first."""
        return (*self.nodes, "endpoints")

    @property
    def subnets(self) -> tuple[IPv4Network, ...]:
        """All ranges."""
        return (*self.nodes.values(), self.endpoints, self.public)

    def of(self, purpose: str) -> IPv4Network:
        """Return the range of the subnet for *purpose*: a role, `endpoints` or `public`."""
        ranges: dict[str, IPv4Network] = {
            **{str(role): subnet for role, subnet in self.nodes.items()},
            "endpoints": self.endpoints,
            "public": self.public,
        }
        return ranges[purpose]


class Need(NamedTuple):
    """What a plan must hold."""

    cloud: Cloud
    web: int
    """Most web nodes."""
    compute: int
    """Most compute nodes; 0 where the one machine of a one-box is the web node too."""
    zones: int
    """Zones that the environment uses, at least 1."""


class TooSmallError(ValueError):
    """The range is too small; `smallest` is the longest prefix that would do, if there is one."""

    def __init__(self, smallest: int | None) -> None:
        super().__init__(f"needs a /{smallest}" if smallest else "no range is large enough")
        self.smallest = smallest


def plan(environment: NodesEnvironment) -> AddressPlan:
    """Return the address plan of *environment*; `parse` has seen to it that there is one."""
    return cut(environment.network.address_space, need_of(environment))


def need_of(environment: NodesEnvironment) -> Need:
    """Return what the plan of *environment* must hold."""
    front, *others = environment.groups.values()
    zones = max(1, *(len(group.zones) for group in (front, *others)))
    return Need(environment.cloud, front.maximum, sum(each.maximum for each in others), zones)


def cut(space: IPv4Network, need: Need) -> AddressPlan:
    """Return the plan that cuts *space* for *need*.

    Raises TooSmallError when the range is too small.
    """
    prefixes = _prefixes(space.prefixlen, need)
    if prefixes is None:
        fitting = (p for p in range(space.prefixlen, 7, -1) if _prefixes(p, need))
        raise TooSmallError(next(fitting, None))
    lower, compute = space.subnets(prefixlen_diff=1)
    web, rest = lower.subnets(prefixlen_diff=1)
    endpoints, public = rest.subnets(prefixlen_diff=1)
    front = _first(web, prefixes[0])
    nodes: dict[Role, IPv4Network] = {"web": front, "compute": _first(compute, prefixes[1])}
    return AddressPlan(
        network=space,
        nodes=nodes if need.compute else {"one-box": front},
        endpoints=_first(endpoints, prefixes[2]),
        public=_first(public, prefixes[2]),
    )


def seats(subnet: IPv4Network) -> int:
    """Return how many fixed nodes each of two sets may have in a subnet, or a zone's part of it.

    The second set's are in the middle, so that a growing group never meets the other one; the cloud
    has five addresses, and an internal balancer has one.
    """
    return subnet.num_addresses // 2 - RESERVED


def divide(network: IPv4Network, zones: int) -> tuple[IPv4Network, ...]:
    """Return one equal part of *network* for each of *zones*; the last parts may stay spare."""
    parts = network.subnets(prefixlen_diff=_bits(zones))
    return tuple(part for part, _ in zip(parts, range(zones), strict=False))


def _prefixes(prefix: int, need: Need) -> tuple[int, int, int] | None:
    """Return the prefixes of web, compute and endpoints in a range of *prefix*, if they fit."""
    web = _node_prefix(prefix + 2, need.web, need)
    compute = _node_prefix(prefix + 1, need.compute, need)
    endpoints = max(prefix + 3, ENDPOINTS_PREFIX)
    if web is None or compute is None or not _holds(endpoints, 1, need):
        return None
    return web, compute, endpoints


def _node_prefix(slot: int, maximum: int, need: Need) -> int | None:
    """Return the prefix of a subnet for *maximum* nodes in a slot of prefix *slot*."""
    return next((p for p in _steps(slot, need.cloud) if _holds(p, 2 * maximum, need)), None)


def _steps(slot: int, cloud: Cloud) -> Iterator[int]:
    yield from (prefix for prefix in NODE_PREFIXES[cloud] if prefix > slot)
    yield slot


def _holds(prefix: int, nodes: int, need: Need) -> bool:
    """Return whether a subnet of *prefix* holds *nodes*.

    On AWS a subnet lies in one zone, and when a zone fails its nodes come up in the others.
    """
    part, sharing = prefix, 1
    if need.cloud == "aws":
        part, sharing = prefix + _bits(need.zones), max(need.zones - 1, 1)
    if part > SMALLEST_SUBNET[need.cloud]:
        return False
    return bool(2 ** (32 - part) - RESERVED >= -(-nodes // sharing))


def _bits(zones: int) -> int:
    """Return how many bits number the parts of a range that *zones* share."""
    return (max(zones, FEWEST_PARTS) - 1).bit_length()


def _first(network: IPv4Network, prefix: int) -> IPv4Network:
    return IPv4Network((network.network_address, prefix))
