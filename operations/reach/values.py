"""Reads the values of network resources, which anybody may have written."""

from collections.abc import Mapping
from typing import Any

from operations.links import UnclearError, is_unknown
from operations.reach import addresses
from operations.reach.spans import Spans

HIGHEST_PORT = 65535


def at(value: Any, *path: str) -> Any:
    """Return what is at *path* in mappings in *value*, or None."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def maps(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def texts(*values: Any) -> list[str]:
    """Return the texts that *values* are, or are lists of."""
    found = []
    for value in values:
        if isinstance(value, list):
            found += texts(*value)
        elif value is not None and value != "":
            found.append(str(value))
    return found


def known(value: Any, what: str) -> Any:
    """Return *value*. Raises UnclearError where only a deployment makes it known."""
    if any(is_unknown(text) for text in texts(value)):
        raise UnclearError(f"only a deployment tells {what}")
    return value


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
