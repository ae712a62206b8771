"""All virtual networks of a sandbox: makes the kernel match a blueprint, from any state."""

import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from ipaddress import IPv4Address, IPv4Network

import psutil

from sandbox.fabric import packet_filter
from sandbox.fabric.contract import Blueprint, FabricError, Frontend, Network
from sandbox.fabric.network import internet, names, namespaces, visitors
from sandbox.fabric.network.change import Change, Present, look, lost
from sandbox.fabric.network.egress import Egress, running
from sandbox.fabric.network.layout import GROUP, USER, Layout, layout
from sandbox.fabric.network.pool import RANGE, release, verify_free

_BACKLOG = 128
"""Connections that wait at a listening socket."""

Healthy = Callable[[Frontend], Sequence[IPv4Address]]


class Networks:
    """The networks of one sandbox. All methods may be called from many threads."""

    def __init__(self, prefix: str, pool: IPv4Network, client: IPv4Address) -> None:
        """Touch nothing: `settle` adopts what exists with the same names.

        Args:
            prefix: begins every name; up to 11 small letters and digits.
            pool: public addresses of this sandbox (`choose_pool`).
            client: the user's machine, as environments see it.

        Raises:
            FabricError: *prefix* can't be one.
        """
        names.verify_prefix(prefix)
        self._prefix = prefix
        self._pool = pool
        self._client = client
        self._internet = names.internet(prefix)
        self._lock = threading.RLock()
        self._blueprint: Blueprint | None = None
        self._layout: Layout | None = None
        self._rules: dict[str, tuple[tuple[object, ...], str]] = {}
        self._filters: Mapping[str, str] = {}
        self._present: Present | None = None
        self._egress = Egress(self._internet)

    def settle(self, blueprint: Blueprint, healthy: Healthy) -> None:
        """Make the kernel match. What stays as it is is not touched, connections go on.

        Args:
            blueprint: everything that should exist; none of it, and nothing of the rest, is there
                afterwards.
            healthy: the members of a frontend that new connections may go to.

        Raises:
            FabricError: it could not be done; the next call looks at what is there and goes on.
        """
        with self._lock:
            wanted = self._plan(blueprint)
            if not blueprint.networks and not wanted.owners:
                # Nothing is deployed: the user's machine is as it was.
                if self._present is None or self._present.namespaces:
                    self._remove_all()
                    self._layout, self._present = wanted, Present()
                return
            filters = self._texts(blueprint, wanted, healthy)
            try:
                if self._present is None or lost(self._present):
                    self._present = look(self._prefix)
                if (self._internet, USER) not in self._present.links:
                    verify_free(self._pool, self._prefix)
                self._filters = filters
                Change(self._present, wanted, filters).make()
            except OSError as error:
                self._present = None
                raise FabricError(
                    f"the sandbox's networks are not as they should be: {error}"
                ) from error
            except BaseException:
                self._present = None
                raise
            self._egress.settle(wanted.egress)

    def _plan(self, blueprint: Blueprint) -> Layout:
        """The layout, worked out again only when something changed that it is made of."""
        if self._layout is None or blueprint != self._blueprint:
            self._layout = layout(self._prefix, self._pool, self._client, blueprint)
            self._blueprint = blueprint
        return self._layout

    def _texts(self, blueprint: Blueprint, wanted: Layout, healthy: Healthy) -> Mapping[str, str]:
        own = _own_addresses(self._client) if wanted.egress else ()
        texts = {self._internet: internet.ruleset(self._pool, self._client, own)}
        for network in blueprint.networks:
            texts[wanted.routers[network.id]] = self._router_filter(network, healthy)
        for gone in self._rules.keys() - wanted.routers.keys():
            del self._rules[gone]
        return texts

    def _router_filter(self, network: Network, healthy: Healthy) -> str:
        members = {front.id: tuple(healthy(front)) for front in network.frontends}
        made_of = (network, members)
        known = self._rules.get(network.id)
        if known is not None and known[0] == made_of:
            return known[1]
        text = packet_filter.ruleset(
            network, lambda front: members[front.id], names.interface, self._pool
        )
        self._rules[network.id] = (made_of, text)
        return text

    def namespace(self, owner: str) -> str:
        """The namespace of a machine or a database. Raises FabricError before it is settled."""
        found = self._layout.owners.get(owner) if self._layout else None
        if found is None:
            raise FabricError(f"{owner} has no network namespace: it is not in the blueprint")
        return found

    def renew(self, owner: str) -> str:
        """Give a machine or database that does not run a namespace as at its first start.

        What its firewall and its routes were before is gone, as after a restart of a real machine.

        Raises:
            FabricError: it is not in the blueprint, or it could not be done.
        """
        with self._lock:
            name = self.namespace(owner)
            if self._layout is None or self._present is None:
                return name  # the next settle makes all that is missing
            try:
                Change(self._present, self._layout, self._filters).renew(name)
            except OSError as error:
                self._present = None
                raise FabricError(f"the network of {owner} can't be made anew: {error}") from error
            except BaseException:
                self._present = None
                raise
            return name

    def open(
        self,
        network: str,
        address: IPv4Address,
        port: int,
        kind: socket.SocketKind = socket.SOCK_STREAM,
    ) -> socket.socket:
        """A socket of a service of the cloud, bound in a network; TCP ones listen.

        It may be used from any thread. Raises FabricError.
        """

        def make() -> socket.socket:
            made = _socket(kind)
            try:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind((str(address), port))
                if kind == socket.SOCK_STREAM:
                    made.listen(_BACKLOG)
            except BaseException:
                made.close()
                raise
            return made

        where = self._platform(network)
        try:
            return namespaces.call(where, make)
        except OSError as error:
            raise FabricError(
                f"nothing can be served at {address}:{port} in the virtual network {network}: "
                f"{error}"
            ) from error

    def connect(
        self,
        network: str,
        source: IPv4Address,
        target: IPv4Address,
        port: int,
        timeout: float,
    ) -> socket.socket:
        """A TCP connection from an address of the platform, with *timeout* (seconds) set.

        Raises:
            FabricError: there is no such network.
            OSError: it did not come about.
        """
        where = self._platform(network)
        made = namespaces.call(where, _socket)
        try:
            made.settimeout(timeout)
            made.bind((str(source), 0))
            made.connect((str(target), port))
        except BaseException:
            made.close()
            raise
        return made

    def outgoing(self, network: str, source: IPv4Address) -> socket.socket:
        """A TCP socket that is to connect from an address of the platform, and never blocks.

        Raises FabricError: there is no such network; OSError.
        """
        with namespaces.inside(self._platform(network)):
            made = _socket()
        try:
            made.setblocking(False)
            made.bind((str(source), 0))
        except BaseException:
            made.close()
            raise
        return made

    def _platform(self, network: str) -> str:
        found = self._layout.platforms.get(network) if self._layout else None
        if found is None:
            raise FabricError(f"there is no virtual network {network} now")
        return found

    def visit(self, address: IPv4Address) -> AbstractContextManager[str]:
        """A client with a public address, as the name of a namespace; see `visitors.visit`."""
        return visitors.visit(self._prefix, address)

    @classmethod
    def clear_all(cls, prefix: str) -> bool:
        """`clear` without knowing the sandbox's addresses; whether there was anything."""
        remaining = cls(prefix, RANGE, RANGE[0])
        there = bool(remaining.leftovers())
        remaining.clear()
        return there

    def clear(self) -> None:
        """Remove all of this sandbox's networks, whoever made them; safe to repeat.

        Raises:
            FabricError: something is still there; names it.
        """
        with self._lock:
            self._remove_all()
            release(self._pool)

    def _remove_all(self) -> None:
        self._present = None
        self._blueprint = self._layout = None
        self._egress.clear()
        self._egress = Egress(self._internet)
        namespaces.batch(namespaces.ROOT, self._user_link_removal(), force=True)
        doomed = namespaces.existing(self._prefix)
        for name in doomed:
            # A namespace lives on, with its links, while a process is in it.
            if not names.is_host(self._prefix, name):
                with suppress(OSError):
                    namespaces.batch(name, [f"link del group {GROUP}"], force=True)
        namespaces.remove(doomed)
        if left := self.leftovers():
            raise FabricError(
                f"of the sandbox's networks is still there: {', '.join(left)}; "
                "run `scripts/sandbox stop` again"
            )

    def _user_link_removal(self) -> Iterable[str]:
        name = names.user(self._prefix)
        if name in namespaces.interfaces(namespaces.ROOT):
            yield f"link del {name}"

    def leftovers(self) -> list[str]:
        """What is there of this sandbox's networks, by name; empty after `clear`."""
        found = [f"network namespace {name}" for name in namespaces.existing(self._prefix)]
        if (link := names.user(self._prefix)) in namespaces.interfaces(namespaces.ROOT):
            found.append(f"interface {link}")
        found.extend(f"process {pid} (slirp4netns)" for pid in running(self._internet))
        return sorted(found)


def _own_addresses(client: IPv4Address) -> set[IPv4Address]:
    """What this machine's own services listen on, beside what is private anyway."""
    return {
        IPv4Address(found.address)
        for several in psutil.net_if_addrs().values()
        for found in several
        if found.family == socket.AF_INET
    } - {client}


def _socket(kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    # asyncio sends at once only on sockets that name TCP; on others a short answer waits, after
    # the first packet, until the other side acknowledges that: 40 ms.
    protocol = socket.IPPROTO_TCP if kind == socket.SOCK_STREAM else 0
    return socket.socket(socket.AF_INET, kind, protocol)
