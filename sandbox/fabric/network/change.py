"""The way from the namespaces, links, routes and rules that are there to those that should be.

The order keeps every machine filtered at any moment: links that are not wanted go first, then the
rules are replaced, then new links come. A finished link has a mark of what it was made of as its
alias, which is set last: one that a killed daemon left half made has none, and is made anew.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from sandbox.fabric.contract import METADATA, PLATFORM_PROBE
from sandbox.fabric.network import names, namespaces
from sandbox.fabric.network.layout import ROUTER, ROUTER_SIDE, Layout, Link, Role, Spot
from sandbox.fabric.packet_filter import PLATFORM

_GIVEN = {str(METADATA), str(PLATFORM_PROBE)}


@dataclass
class Present:
    """What is in the kernel, as far as it was found or made."""

    namespaces: set[str] = field(default_factory=set)
    prepared: set[str] = field(default_factory=set)
    """Of these: whose kernel parameters are known to be as they should."""
    links: dict[tuple[str, str], str] = field(default_factory=dict)
    """The mark of each, by the outer end's namespace and name."""
    routes: dict[Spot, str] = field(default_factory=dict)
    served: dict[Spot, str] = field(default_factory=dict)
    filters: dict[str, str] = field(default_factory=dict)
    """Text of each namespace's rules."""


def look(prefix: str) -> Present:
    """Return what is there from another daemon's time, finished or not.

    Its rules are not read: they are replaced, which no connection notices.
    """
    found = Present()
    there = {name for name in namespaces.existing(prefix) if not names.is_visitor(prefix, name)}
    found.namespaces = {name for name in there if namespaces.is_alive(name)}
    namespaces.remove(there - found.namespaces)
    for name in found.namespaces:
        if names.is_host(prefix, name):
            continue  # its inside is the host's own, and may say anything
        for link in _shown(name, "link", "show"):
            if "ifalias" in link:
                found.links[name, str(link["ifname"])] = str(link["ifalias"])
        for route in _shown(name, "route", "show"):
            target, link_name = str(route["dst"]), str(route.get("dev", ""))
            of_platform = link_name == PLATFORM and target not in _GIVEN
            if route.get("gateway") == str(ROUTER_SIDE) or of_platform:
                found.routes[name, IPv4Address(target)] = link_name
        for address in _shown(name, "-4", "addr", "show"):
            for each in address["addr_info"] if address["ifname"] == ROUTER else ():
                if each["local"] not in _GIVEN:
                    found.served[name, IPv4Address(each["local"])] = ROUTER
    return found


def _shown(name: str, *what: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(namespaces.run(name, ["ip", "-json", *what]) or "[]")
    return shown


def lost(present: Present) -> bool:
    """Take out of *present* what went away by itself; whether a namespace did.

    A host may delete its own interface, and with it the router's end. Costs a system call or two
    for each namespace.

    Raises:
        OSError: a namespace goes away at this moment.
    """
    if not all(namespaces.is_alive(name) for name in present.namespaces):
        return True
    there = {name: namespaces.interfaces(name) for name in {name for name, _ in present.links}}
    gone = {(name, link) for name, link in present.links if link not in there[name]}
    _forget(present, gone)
    return False


def _forget(present: Present, gone: Collection[tuple[str, str]]) -> None:
    """What leads through a link goes with it."""
    for key in gone:
        present.links.pop(key, None)
    for spots in (present.routes, present.served):
        for spot in [spot for spot, link in spots.items() if (spot[0], link) in gone]:
            del spots[spot]


class Change:
    """One change; *present* is kept up to date with what was done."""

    def __init__(self, present: Present, wanted: Layout, filters: Mapping[str, str]) -> None:
        self._present = present
        self._wanted = wanted
        self._filters = filters
        self._new: set[str] = set()

    def make(self) -> None:
        """Do what is to be done; nothing at all when all is as it should be.

        Raises:
            FabricError: a command failed. *present* is not right any more.
            OSError: a namespace went away meanwhile.
        """
        self._withdraw()
        self._remove_links()
        self._remove_namespaces()
        self._create_namespaces()
        self._filter()
        self._prepare()
        self._create_links()
        self._serve()

    def renew(self, host: str) -> None:
        """Make a host's namespace and its links again. Raises as `make` does."""
        doomed: dict[str, list[str]] = defaultdict(list)
        for link in self._wanted.links.values():
            if link.inner.namespace == host:
                doomed[link.outer.namespace].append(link.outer.name)
        for name, several in doomed.items():
            _delete(name, several)
            _forget(self._present, {(name, each) for each in several})
        namespaces.remove([host])
        self._present.namespaces.discard(host)
        self._present.prepared.discard(host)
        self.make()

    def _withdraw(self) -> None:
        """Routes and addresses that lead nowhere any more; new ones are `_serve`d at the end."""
        present, wanted = self._present, self._wanted
        lines: dict[str, list[str]] = defaultdict(list)
        for spot in _surplus(present.routes, wanted.routes):
            lines[spot[0]].append(f"route del {spot[1]}/32 dev {present.routes.pop(spot)}")
        for spot in _surplus(present.served, wanted.served):
            lines[spot[0]].append(f"addr del {spot[1]}/32 dev {present.served.pop(spot)}")
        for name, several in lines.items():
            # They may have gone with their link.
            namespaces.batch(name, several, force=True)

    def _remove_links(self) -> None:
        doomed: dict[str, list[str]] = defaultdict(list)
        for key, mark in self._present.links.items():
            link = self._wanted.links.get(key)
            # The end in a namespace that went goes soon, and takes this one with it.
            if link is None or link.mark != mark or not self._is_there(link.inner.namespace):
                doomed[key[0]].append(key[1])
        for name, several in doomed.items():
            _delete(name, several)
            _forget(self._present, {(name, each) for each in several})

    def _is_there(self, name: str) -> bool:
        return name == namespaces.ROOT or name in self._present.namespaces

    def _remove_namespaces(self) -> None:
        doomed = self._present.namespaces - self._wanted.namespaces.keys()
        namespaces.remove(doomed)
        self._present.namespaces -= doomed
        self._present.prepared -= doomed
        for name in doomed & self._present.filters.keys():
            del self._present.filters[name]
        for spots in (self._present.routes, self._present.served):
            for spot in [spot for spot in spots if spot[0] in doomed]:
                del spots[spot]

    def _create_namespaces(self) -> None:
        new = self._wanted.namespaces.keys() - self._present.namespaces
        namespaces.create(sorted(new))
        self._new |= new
        self._present.namespaces |= new

    def _filter(self) -> None:
        for name, text in self._filters.items():
            if self._present.filters.get(name) != text:
                namespaces.run(name, ["nft", "-f", "-"], text)
                self._present.filters[name] = text

    def _prepare(self) -> None:
        # After the rules: conntrack's parameters exist once a rule uses it.
        for name, role in self._wanted.namespaces.items():
            if name not in self._present.prepared:
                # A host that runs may have settings of its own by now.
                if role is not Role.HOST or name in self._new:
                    namespaces.write_settings(name, role.settings)
                namespaces.switch_on_loopback(name)
                self._present.prepared.add(name)

    def _create_links(self) -> None:
        new = [link for key, link in self._wanted.links.items() if key not in self._present.links]
        for name, several in _grouped(new):
            self._make_room(name, several)
        namespaces.batch(namespaces.ROOT, (link.creation() for link in new))
        inner: dict[str, list[str]] = defaultdict(list)
        outer: dict[str, list[str]] = defaultdict(list)
        for link in new:
            inner[link.inner.namespace].extend(link.inner.lines)
            outer[link.outer.namespace].extend(link.outer.lines)
            outer[link.outer.namespace].append(f"link set {link.outer.name} alias {link.mark}")
        for group in (inner, outer):
            for name, lines in group.items():
                namespaces.batch(name, lines)
        self._present.links.update((link.key, link.mark) for link in new)

    def _make_room(self, name: str, several: Iterable[str]) -> None:
        """Remove ends that have the names of new ones: half made, or of a link that was cut."""
        if old := namespaces.interfaces(name).intersection(several):
            _delete(name, old)

    def _serve(self) -> None:
        present, wanted = self._present, self._wanted
        lines: dict[str, list[str]] = defaultdict(list)
        for spot in wanted.served.keys() - present.served.keys():
            lines[spot[0]].append(f"addr replace {spot[1]}/32 dev {wanted.served[spot]}")
        for spot, link_name in wanted.routes.items():
            if present.routes.get(spot) != link_name:
                via = "" if link_name == PLATFORM else f"via {ROUTER_SIDE} onlink "
                lines[spot[0]].append(f"route replace {spot[1]}/32 {via}dev {link_name}")
        for name, several in lines.items():
            namespaces.batch(name, several)
        present.routes.update(wanted.routes)
        present.served.update(wanted.served)


def _surplus(there: Mapping[Spot, str], wanted: Mapping[Spot, str]) -> list[Spot]:
    return [spot for spot, link_name in there.items() if wanted.get(spot) != link_name]


def _grouped(links: Iterable[Link]) -> Iterator[tuple[str, list[str]]]:
    """Namespaces, and the names of the ends that *links* have in each."""
    found: dict[str, list[str]] = defaultdict(list)
    for link in links:
        found[link.outer.namespace].append(link.outer.name)
        found[link.inner.namespace].append(link.inner.name)
    yield from found.items()


def _delete(name: str, links: Iterable[str]) -> None:
    """Remove links; one may go by itself meanwhile, with the namespace of its other end."""
    namespaces.batch(name, (f"link del {each}" for each in links), force=True)
