"""Reads addresses and ports as rules have them."""

from operations.links import UnclearError
from operations.reach import addresses
from operations.reach.spans import Spans
from operations.values import known

HIGHEST_PORT = 65535


def network(prefixes: list[str], what: str) -> Spans:
    """Return the addresses of *prefixes*. Raises UnclearError where they are none."""
    known(prefixes, what)
    try:
        return Spans.union(map(addresses.of, prefixes))
    except ValueError:
        raise UnclearError(f"{what}: not a list of addresses") from None


def ports(values: list[str], what: str) -> Spans:
    """Return the ports of `*`, `80` and `80-443`. Raises UnclearError where they are none."""
    known(values, what)
    found = []
    for value in values:
        low, dash, high = ("0", "-", str(HIGHEST_PORT)) if value == "*" else value.partition("-")
        try:
            span = int(float(low)), int(float(high if dash else low))
        except (ValueError, OverflowError):
            raise UnclearError(f"{what}: not a list of ports") from None
        if not 0 <= span[0] <= span[1] <= HIGHEST_PORT:
            raise UnclearError(f"{what}: not a list of ports")
        found.append(span)
    return Spans.of(*found)
