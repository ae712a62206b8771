"""Addresses as numbers, and sets of them as people name them.

IPv4 comes first, IPv6 after it, then services of the clouds that have a name, and no addresses that
a deployment tells: a service tag of Azure ("Virtual network service tags"), a prefix list of AWS.
"""

import ipaddress
from collections.abc import Iterator

from operations.reach.spans import Spans

V6_FIRST = 2**32
SERVICES_FIRST = V6_FIRST + 2**128

V4 = Spans.of((0, V6_FIRST - 1))
V6 = Spans.of((V6_FIRST, SERVICES_FIRST - 1))
EVERYWHERE = V4 | V6
ANY = EVERYWHERE | Spans.of((SERVICES_FIRST, SERVICES_FIRST + 2**32))
"""All of these, and every service: Azure's `*`."""

WIDE = {4: 8, 6: 19}
"""A prefix shorter than this is no customer's: it is a good part of the internet."""


def _number(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return int(address) + (V6_FIRST if address.version == 6 else 0)


def _address(number: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if number < V6_FIRST:
        return ipaddress.IPv4Address(number)
    return ipaddress.IPv6Address(number - V6_FIRST)


def of(prefix: str) -> Spans:
    """Return the addresses of an address, a prefix, or a range `a-b`. Raises ValueError."""
    first, dash, last = prefix.partition("-")
    if dash:
        low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
        return Spans.of((_number(low), _number(high)))
    network = ipaddress.ip_network(prefix.strip(), strict=False)
    return Spans.of((_number(network[0]), _number(network[-1])))


PRIVATE = Spans.union(
    map(of, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""Addresses of networks that may be joined to ours (RFC 1918, RFC 6598, RFC 4193)."""

PLATFORM = of("168.63.129.16")
"""Azure itself, in every network: load balancers ask their members how they are from here ("What is
IP address 168.63.129.16?")."""

UNROUTED = PLATFORM | Spans.union(
    map(of, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"))
)
"""Addresses that no machine elsewhere has (RFC 6890)."""

PUBLIC = (V4 - PRIVATE - UNROUTED) | of("2000::/3")
"""The internet: what is routed there (for IPv6: RFC 4291, section 2.4)."""


class Services:
    """Numbers for what has a name only; the same name has the same number."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def of(self, name: str) -> Spans:
        """Return the one address that stands for the service *name*."""
        if name not in self._names:
            self._names.append(name)
        number = SERVICES_FIRST + self._names.index(name)
        return Spans.of((number, number))

    @property
    def names(self) -> tuple[str, ...]:
        """All names so far."""
        return tuple(self._names)


def prefixes(addresses: Spans) -> Iterator[str]:
    """Yield *addresses* as prefixes, as few as there can be."""
    for low, high in (addresses & EVERYWHERE).spans:
        for first, last in _families(low, high):
            for network in ipaddress.summarize_address_range(_address(first), _address(last)):
                yield str(network)


def _families(low: int, high: int) -> Iterator[tuple[int, int]]:
    if low < V6_FIRST <= high:
        yield low, V6_FIRST - 1
        yield V6_FIRST, high
    else:
        yield low, high


def is_wide(prefix: str) -> bool:
    """Return whether *prefix* is too wide to be one network's."""
    network = ipaddress.ip_network(prefix)
    return network.prefixlen < WIDE[network.version]
