"""Compute node URIs: what may be declared, and which addresses an entry means (facts.md 11)."""

import re
from itertools import product

from stand_ins.product.appsettings import ConfigurationError, Section
from stand_ins.versions import Version

_URI = re.compile(r"(https?)://([A-Za-z0-9._-]+)(?::([0-9]+(?:-[0-9]+)?))?/?")
_OCTETS = re.compile(r"[0-9]+(-[0-9]+)?(\.[0-9]+(-[0-9]+)?){3}")
_NAME = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
LARGEST = 65_536
"""Addresses that one entry may mean."""


def expand(entry: str) -> list[str]:
    """Return the addresses of *entry* as `scheme://host:port`, in order.

    Raises:
        ConfigurationError: it is no URI, or no range of octets or ports.
    """
    found = _URI.fullmatch(entry)
    if found is None:
        raise ConfigurationError(f"{entry!r} is no URI of a compute node")
    scheme, host, port = found.groups()
    ports = _range(port or ("443" if scheme == "https" else "80"), 65_535, entry)
    if not _OCTETS.fullmatch(host):
        if not _NAME.fullmatch(host) or host.replace(".", "").replace("-", "").isdigit():
            raise ConfigurationError(f"{entry!r}: {host} is no address, range of octets or name")
        return [f"{scheme}://{host}:{number}" for number in ports]
    octets = [_range(octet, 255, entry) for octet in host.split(".")]
    size = len(ports)
    for octet in octets:
        size *= len(octet)
    if size > LARGEST:
        raise ConfigurationError(f"{entry!r} means {size} addresses, more than {LARGEST}")
    return [
        f"{scheme}://{a}.{b}.{c}.{d}:{number}" for a, b, c, d, number in product(*octets, ports)
    ]


def is_range(entry: str) -> bool:
    """Return whether *entry* means several addresses."""
    return len(expand(entry)) > 1


def parse_list(text: str) -> list[str]:
    """Return the entries of `U1,U2`; blanks are refused, as the documents disagree (8.5).

    Raises:
        ConfigurationError: an entry is wrong.
    """
    entries = text.split(",")
    for entry in entries:
        expand(entry)
    return entries


def declared(version: Version, root: Section) -> list[str]:
    """Return the entries of the web node's file, ranges after single ones.

    Raises:
        ConfigurationError: one is wrong, or the version has no ranges.
    """
    uris = root.section(version.section).section("Uris")
    values, ranges = uris.texts("Values"), uris.texts("Ranges")
    if not version.ranges and "Ranges" in uris.values:
        raise ConfigurationError(f"{uris.name}Ranges is not known in {version.version}: use Values")
    for value in values:
        if len(expand(value)) > 1:
            raise ConfigurationError(f"{uris.name}Values has the range {value!r}")
    for value in ranges:
        expand(value)
    return [*values, *ranges]


def _range(text: str, largest: int, entry: str) -> range:
    first, _, last = text.partition("-")
    numbers = range(int(first), int(last or first) + 1)
    if not numbers or numbers[-1] > largest:
        raise ConfigurationError(f"{entry!r}: {text} is no number or range up to {largest}")
    return numbers
