"""What people call addresses that are no member's of the deployment."""

from collections.abc import Iterator

from operations.reach import addresses
from operations.reach.addresses import EVERYWHERE, PRIVATE, PUBLIC, UNROUTED, V4, V6
from operations.reach.places import INTERNET, JOINED, NETWORK, End, Kind, Network, Place
from operations.reach.spans import Spans

MOST_RANGES = 25
"""More ranges than this that may do the same are told as one: nobody reads as many lines."""


class Outside:
    """All that is not a member of a network: the rest of its addresses, and of the world."""

    def __init__(self, network: Network) -> None:
        self._own = network.own
        members = Spans.union(end.addresses for end in network.ends)
        families = {V4: f"{INTERNET} (0.0.0.0/0)"}
        if network.has_v6:
            families[V6] = f"{INTERNET} (::/0)"
        self._families = families
        world = Spans.union(families) - UNROUTED - members
        self.end = End(place="", kind=Kind.OUTSIDE, addresses=world)
        self._public = (PUBLIC & world) - self._own
        self._near = (PRIVATE | self._own) & world
        """Where neighbours are: the rest of the network, and networks that may be joined to it."""
        self._joined = PRIVATE & V4 & world - self._own

    def places(self, who: Spans, *, inward: bool) -> Iterator[Place]:
        """Yield what people call the addresses *who*, the widest first."""
        left = who & EVERYWHERE
        for family, name in self._families.items():
            everybody = self._public & family
            if not everybody or not left.covers(everybody):
                continue
            taken = left & family if left.covers(self._near & family) else everybody
            yield Place(name, Kind.OUTSIDE, taken)
            left -= taken
        if self._joined and left.covers(self._joined):
            taken = left & (PRIVATE | self._own)
            yield Place(JOINED, Kind.OUTSIDE, taken)
            left -= taken
        if own := left & self._own:
            yield Place(NETWORK, Kind.OUTSIDE, own)
        found = self._prefixes(left)
        if len(found) > MOST_RANGES:
            name = f"{'clients' if inward else 'addresses'} in {len(found)} ranges"
            wide = any(_is_wide(prefix) for prefix in found)
            yield Place(f"{INTERNET} ({name})" if wide else name, Kind.OUTSIDE, left - self._own)
            return
        for prefix in found:
            yield Place(_named(prefix, inward=inward), Kind.OUTSIDE, addresses.of(prefix) & left)

    def _prefixes(self, left: Spans) -> list[str]:
        """Return the prefixes that *left* has outside of the network, as somebody wrote them."""
        apart = list(addresses.prefixes(left - self._own))
        # A prefix that somebody wrote may have the network within it, and is still one.
        holes = self._own | UNROUTED
        around = [
            prefix
            for prefix in addresses.prefixes(left | holes)
            if not holes.covers(addresses.of(prefix))
        ]
        return around if len(around) < len(apart) else apart


def _named(prefix: str, *, inward: bool) -> str:
    if _is_wide(prefix):
        return f"{INTERNET} ({prefix})"
    return f"{'clients' if inward else 'addresses'} {prefix}"


def _is_wide(prefix: str) -> bool:
    return addresses.is_wide(prefix) and bool(addresses.of(prefix) & PUBLIC)
