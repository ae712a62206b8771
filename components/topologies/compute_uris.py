"""How web nodes of the R Server family are told where compute nodes are (facts.md section 11).

Nothing registers itself: a web node tries what it is given. Nodes of a fixed group have addresses
that stay and are listed, one URI each. Nodes of a scale set come and go, so that the range of all
addresses that they can have is given, and no more: the vendor's templates named the whole subnet,
with the addresses that the cloud keeps (facts.md 18.4, W8).
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import Literal, NamedTuple

from components.parts.addresses import NodeAddresses, Span
from components.settings import NodesEnvironment
from components.settings.addresses import AddressPlan

OCTET = 256

Scheme = Literal["http", "https"]


class ComputeUris(NamedTuple):
    """URIs of compute nodes, by the two keys of the web node's file; both add up."""

    values: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()


def fixed_addresses(
    environment: NodesEnvironment, addresses: NodeAddresses, plan: AddressPlan
) -> tuple[str, ...]:
    """Return the addresses of compute nodes that stay; none for a scale set or a one-box."""
    compute = environment.groups.get("compute")
    if compute is None or not compute.is_fixed:
        return ()
    seat = environment.runtime.seat
    return addresses.fixed(plan, "compute", _zones(environment), compute.maximum, seat)


def compute_uris(
    environment: NodesEnvironment,
    addresses: NodeAddresses,
    plan: AddressPlan,
    port: int,
    scheme: Scheme,
) -> ComputeUris:
    """Return where web nodes find the compute nodes of *environment*."""
    if "compute" not in environment.groups:
        return ComputeUris()
    if fixed := fixed_addresses(environment, addresses, plan):
        return ComputeUris(values=tuple(f"{scheme}://{each}:{port}" for each in fixed))
    spans = addresses.usable(plan, "compute", _zones(environment))
    return ComputeUris(ranges=tuple(f"{scheme}://{each}:{port}" for each in octet_ranges(spans)))


def octet_ranges(spans: Sequence[Span]) -> tuple[str, ...]:
    """Return *spans* as ranges in the last octet, such as `10.0.1.4-254`.

    One a /24: ranges in several octets at once are known of 9.2.1 and later only.
    """
    return tuple(each for span in spans for each in _of(span))


def _of(span: Span) -> Iterator[str]:
    first, last = int(span.first), int(span.last)
    while first <= last:
        end = min(last, first - first % OCTET + OCTET - 1)
        head, _, octet = str(IPv4Address(first)).rpartition(".")
        yield f"{head}.{octet}-{end % OCTET}" if end > first else f"{head}.{octet}"
        first = end + 1


def _zones(environment: NodesEnvironment) -> int:
    """Return into how many parts a role's range is cut on a cloud whose subnets have one zone."""
    return max(1, len(environment.network_zones))
