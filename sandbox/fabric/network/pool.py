"""The public addresses of one sandbox: a /20 of the benchmarking range, which nobody routes.

RFC 2544 and RFC 6890: 198.18.0.0/15 is not used on the internet.
"""

import errno
import json
import os
import re
import socket
from collections.abc import Iterator
from hashlib import sha256
from ipaddress import IPv4Network
from pathlib import Path

from sandbox.fabric.contract import FabricError
from sandbox.fabric.network import names, namespaces

RANGE = IPv4Network("198.18.0.0/15")
_LENGTH = 20
_DEFAULT_ROUTES = 8
"""Shorter prefixes are default routes in disguise (0.0.0.0/1 of OpenVPN): ours goes before them."""

_RESERVED: dict[IPv4Network, int] = {}
"""What this process keeps for itself, each with the socket (file number) that says so."""


def choose_pool(folder: Path, prefix: str) -> IPv4Network:
    """Return the sandbox's own pool; chosen once and kept in the file `pool` of its home.

    Its first 256 addresses are the sandbox's own links and are not given to resources.

    Raises:
        FabricError: this machine routes the remembered pool, or all of them, elsewhere.
    """
    file = folder / "pool"
    taken = list(_taken(names.user(prefix)))
    if (known := _remembered(file)) is not None:
        if (holder := _holder(known, taken)) is not None:
            raise _elsewhere(known, holder, f", delete {file} and it chooses other addresses")
        _reserve(known)
        return known
    candidates = list(RANGE.subnets(new_prefix=_LENGTH))
    # Two sandboxes that are not running at once choose different ones, most of the time.
    first = int(sha256(str(folder).encode()).hexdigest(), 16) % len(candidates)
    for pool in candidates[first:] + candidates[:first]:
        if _holder(pool, taken) is None and _reserve(pool):
            draft = file.with_suffix(".new")
            try:
                draft.write_text(f"{pool}\n")
                draft.replace(file)
            except OSError as error:
                raise FabricError(
                    f"{file} can't be written: {error.strerror}; make room on that disk, or make "
                    "it writable"
                ) from error
            return pool
    holder = _holder(RANGE, taken)
    raise FabricError(
        f"the sandbox needs public addresses of its own, a /{_LENGTH} of {RANGE}, and this machine "
        f"routes all of it elsewhere (interface {holder}): stop the VPN or proxy that uses it"
    )


def verify_free(pool: IPv4Network, prefix: str) -> None:
    """Raise FabricError when something else has taken the pool since it was chosen."""
    if (holder := _holder(pool, list(_taken(names.user(prefix))))) is not None:
        raise _elsewhere(pool, holder, ", delete the file `pool` of its home, and start it again")


def _elsewhere(pool: IPv4Network, holder: str, otherwise: str) -> FabricError:
    return FabricError(
        f"the sandbox's public addresses {pool} lead to interface {holder} on this machine "
        "(another sandbox that runs, or a VPN): stop that one; or, when nothing is deployed in "
        f"this sandbox{otherwise}"
    )


def _reserve(pool: IPv4Network) -> bool:
    """Keep it for this process, before a route shows whose it is.

    False: another process keeps it. A sandbox that remembers its pool goes on all the same: a
    command that looks, and its own daemon, are two processes.
    """
    if pool in _RESERVED:
        return True
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        # An abstract name (unix(7)) is one process's, and is gone with it.
        made.bind(f"\0operationalization-sandbox-pool-{pool}")
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    _RESERVED[pool] = made.detach()
    return True


def release(pool: IPv4Network) -> None:
    """Keep a pool no longer for this process; others may choose it."""
    if (kept := _RESERVED.pop(pool, None)) is not None:
        os.close(kept)


def _remembered(file: Path) -> IPv4Network | None:
    try:
        text = file.read_text().strip()
    except FileNotFoundError:
        return None
    try:
        found = IPv4Network(text)
    except ValueError:
        found = None
    if found is None or found.prefixlen != _LENGTH or not found.subnet_of(RANGE):
        raise FabricError(
            f"{file} should name the sandbox's public addresses, a /{_LENGTH} of {RANGE}, and says "
            f"{text!r}: delete it when nothing is deployed in this sandbox"
        )
    return found


def _holder(pool: IPv4Network, taken: list[tuple[IPv4Network, str]]) -> str | None:
    return next((name for network, name in taken if network.overlaps(pool)), None)


def _taken(own: str) -> Iterator[tuple[IPv4Network, str]]:
    """What the root namespace routes, and through which interface; without the sandbox's own."""
    routes = json.loads(
        namespaces.run(namespaces.ROOT, ["ip", "-json", "-4", "route", "show", "table", "all"])
    )
    for route in routes:
        name = str(route.get("dev", route.get("type", "?")))
        if name != own and re.match(r"\d", route["dst"]):
            network = IPv4Network(route["dst"])
            if network.prefixlen >= _DEFAULT_ROUTES:
                yield network, name
