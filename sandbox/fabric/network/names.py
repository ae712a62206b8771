"""Names of namespaces and interfaces: short enough for the kernel, readable, never shared."""

import re
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import IPv4Address

from sandbox.fabric.contract import FabricError

_PREFIX = re.compile(r"[a-z][a-z0-9]{0,10}")
"""An interface name has 15 characters at most (IFNAMSIZ), and `user` follows."""


def verify_prefix(prefix: str) -> None:
    """Raise FabricError for one that can't begin the names of a sandbox's namespaces."""
    if not _PREFIX.fullmatch(prefix):
        raise FabricError(
            f"{prefix!r} can't begin the names of a sandbox's namespaces and links: use a small "
            "letter and up to 10 small letters or digits"
        )


def internet(prefix: str) -> str:
    """The namespace that stands for the internet."""
    return f"{prefix}-internet"


def user(prefix: str) -> str:
    """The link of the root namespace."""
    return f"{prefix}user"


def visitor(prefix: str, address: IPv4Address) -> str:
    """The namespace of a client elsewhere on the internet."""
    return f"{prefix}-visitor-{str(address).replace('.', '-')}"


def is_visitor(prefix: str, name: str) -> bool:
    """Whether a namespace is a client's, which comes and goes by itself."""
    return name.startswith(f"{prefix}-visitor-")


def is_host(prefix: str, name: str) -> bool:
    """Whether a namespace belongs to a machine or a database."""
    return name.startswith((f"{prefix}-machine-", f"{prefix}-database-"))


def namespace(prefix: str, what: str, name: str, identity: str) -> str:
    """A namespace that a person recognizes; *identity* makes it unique."""
    readable = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:24].strip("-")
    return f"{prefix}-{what}-{readable}-{_short(identity, 10)}"


def interface(port_id: str) -> str:
    """The router's interface to a port."""
    return f"p{_short(port_id, 12)}"


def uplink(network_id: str) -> str:
    """The internet's interface to a network's router."""
    return f"r{_short(network_id, 12)}"


def visitor_link(address: IPv4Address) -> str:
    """The internet's interface to a visitor."""
    return f"v{int(address):08x}"


def hardware_address(port_id: str) -> str:
    """MAC address of a port: always the same; locally administered (bit 1 of byte 0)."""
    digits = _short(port_id, 10)
    return ":".join(["02", *(digits[at : at + 2] for at in range(0, 10, 2))])


def verify_distinct(names: Iterable[tuple[str, str]]) -> None:
    """Raise FabricError when two different things would get one name.

    Args:
        names: name and what it is for; a pair may come twice.
    """
    taken: dict[str, str] = {}
    for name, what in names:
        if taken.setdefault(name, what) != what:
            raise FabricError(
                f"{what} and {taken[name]} would both be {name} on this machine (a hash that two "
                "names share): rename one of them"
            )


def _short(text: str, digits: int) -> str:
    return sha256(text.encode()).hexdigest()[:digits]
