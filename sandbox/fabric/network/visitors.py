"""Clients elsewhere on the internet: short-lived namespaces with an address of their own."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv4Network

from sandbox.fabric.contract import FabricError
from sandbox.fabric.network import names, namespaces
from sandbox.fabric.network.layout import GROUP, INTERNET_SIDE, USER
from sandbox.fabric.packet_filter import UNROUTED


@contextmanager
def visit(prefix: str, address: IPv4Address) -> Iterator[str]:
    """Give the name of a namespace that is a client of a sandbox, with *address* as its own.

    Works from any process while the sandbox runs; several may visit with one address at once, they
    are in the same namespace then. It goes with the last of them, also on Ctrl-C; what a killed one
    left goes with the next visit, or when the sandbox stops.

    Raises:
        FabricError: the address can't be a client's, or the sandbox does not run.
    """
    internet = names.internet(prefix)
    try:
        lock = os.open(namespaces.path(internet), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise FabricError(
            "there is no environment to visit: the sandbox has no networks now; deploy one first"
        ) from error
    name = names.visitor(prefix, address)
    held: int | None = None
    try:
        _verify(internet, address)
        try:
            with _locked(lock):
                _sweep(prefix, internet)
                if not namespaces.path(name).exists():
                    _make(internet, name, address)
                held = os.open(namespaces.path(name), os.O_RDONLY | os.O_CLOEXEC)
                fcntl.flock(held, fcntl.LOCK_SH)
            yield name
        finally:
            if held is not None:
                os.close(held)
            with _locked(lock):
                _sweep(prefix, internet)
    finally:
        os.close(lock)


@contextmanager
def _locked(lock: int) -> Iterator[None]:
    """One visitor is made or removed at a time, over all processes."""
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _verify(internet: str, address: IPv4Address) -> None:
    if any(address in private for private in UNROUTED):
        raise FabricError(
            f"{address} is no address of the internet: nobody can come from there; take a public "
            "one, such as 198.51.100.7"
        )
    shown = namespaces.run(internet, ["ip", "-json", "-4", "route", "show"])
    for route in json.loads(shown):
        if route["dst"] == "default":
            continue
        if route.get("type") == "unreachable" and address in IPv4Network(route["dst"]):
            raise FabricError(
                f"{address} is one of the sandbox's own public addresses ({route['dst']}): a "
                "client has another one, such as 198.51.100.7"
            )
        if route.get("dev") == USER and address == IPv4Address(route["dst"].split("/")[0]):
            raise FabricError(
                f"{address} is this machine itself, as the environments see it: run the command "
                "as it is"
            )


def _make(internet: str, name: str, address: IPv4Address) -> None:
    link = names.visitor_link(address)
    namespaces.batch(
        namespaces.ROOT,
        [
            f"netns add {name}",
            f"link add {link} netns {internet} group {GROUP} type veth peer name eth0 netns {name}",
        ],
    )
    namespaces.switch_on_loopback(name)
    namespaces.batch(
        name,
        [
            f"addr add {address}/32 dev eth0",
            "link set eth0 up",
            f"route add default via {INTERNET_SIDE} dev eth0 onlink src {address}",
        ],
    )
    namespaces.batch(
        internet,
        [
            f"addr add {INTERNET_SIDE}/32 dev {link}",
            f"link set {link} up",
            f"route add {address}/32 dev {link}",
        ],
    )


def _sweep(prefix: str, internet: str) -> None:
    """Remove the visitors that nobody is any more."""
    start = f"{prefix}-visitor-"
    doomed = [name for name in namespaces.existing(prefix) if name.startswith(start)]
    for name in doomed:
        with suppress(FileNotFoundError, BlockingIOError):
            held = os.open(namespaces.path(name), os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                address = IPv4Address(name.removeprefix(start).replace("-", "."))
                namespaces.batch(internet, [f"link del {names.visitor_link(address)}"], force=True)
                namespaces.remove([name])
            finally:
                os.close(held)
