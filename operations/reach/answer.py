"""Which packets get through, place by place, in words."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from operations.export.state import Deployment
from operations.reach import aws, azure
from operations.reach.outside import Outside
from operations.reach.places import End, Guard, Kind, Network, Place
from operations.reach.rules import PORTS, PROTOCOLS, Part, Rule, TooManyError, both, passed
from operations.reach.spans import NONE, Spans
from operations.reach.unread import unread

ANY_PROTOCOL = "any protocol"


@dataclass(frozen=True, slots=True)
class Path:
    """From whom traffic may go to whom, and how."""

    source: Place
    destination: Place
    protocol: str
    """TCP, UDP, ICMP, other, or any protocol."""
    ports: Spans
    note: str = ""

    @property
    def how(self) -> str:
        """Protocol and ports: `TCP 80, 443`."""
        if self.protocol not in ("TCP", "UDP"):
            return "other protocols" if self.protocol == "other" else self.protocol
        if self.ports == PORTS:
            return f"every {self.protocol} port"
        spans = (str(low) if low == high else f"{low}-{high}" for low, high in self.ports.spans)
        return f"{self.protocol} {', '.join(spans)}"

    def __str__(self) -> str:
        return self.told("may")

    def told(self, may: str) -> str:
        """Return it as a sentence, with *may* as its verb."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.source.name} {may} reach {self.destination.name} on {self.how}{note}"


@dataclass(frozen=True, slots=True)
class Reach:
    """Who may talk to whom."""

    paths: tuple[Path, ...]
    """By protocol; `merged` has them as people read them."""
    doubts: tuple[tuple[str, str], ...] = ()
    """Places, and what about them only a deployment makes known."""
    places: tuple[Place, ...] = field(default=())
    """Places of the deployment, whether or not anybody may reach them."""
    space: tuple[str, ...] = ()
    """Address ranges of the networks."""
    own: Spans = NONE
    """All addresses of the networks."""


def read(deployment: Deployment) -> Reach:
    """Return who may talk to whom in *deployment*; nobody, where it has no network."""
    networks = []
    if deployment.of("azure-native"):
        networks.append(azure.read(deployment))
    if deployment.of("aws"):
        networks.append(aws.read(deployment))
    found = [_answer(network) for network in networks]
    more = unread(deployment)
    return Reach(
        tuple(path for each in found for path in each.paths),
        tuple(dict.fromkeys((*(doubt for each in found for doubt in each.doubts), *more))),
        tuple(place for each in found for place in each.places),
        tuple(text for each in found for text in each.space),
        Spans.union(each.own for each in found),
    )


def _answer(network: Network) -> Reach:
    doubts = list(network.doubts)
    outside = Outside(network)
    found: dict[tuple[Place, Place, str, str], Spans] = {}
    for source, destination in _pairs(network, outside.end):
        try:
            for path in _between(network, outside, source, destination):
                key = (path.source, path.destination, path.protocol, path.note)
                found[key] = found.get(key, Spans()) | path.ports
        except TooManyError:
            place = destination.place or source.place
            doubts.append((place, f"the rules of {place} have too many parts to be worked out"))
    paths = (Path(a, b, protocol, span, note) for (a, b, protocol, note), span in found.items())
    return Reach(
        tuple(sorted(paths, key=_order)),
        tuple(dict.fromkeys(doubts)),
        tuple(_located(network)),
        network.space,
        network.own,
    )


def _located(network: Network) -> Iterator[Place]:
    """Yield each place once, with the subnets that its members lie in."""
    found: dict[tuple[str, Kind], dict[str, None]] = {}
    for end in network.ends:
        found.setdefault((end.place, end.kind), {}).update(dict.fromkeys(end.subnets))
    for (name, kind), subnets in found.items():
        yield Place(name, kind, subnets=tuple(subnets))


def _order(path: Path) -> tuple[object, ...]:
    """The internet first, then others outside, then by name."""
    return (
        not path.source.is_internet,
        path.source.kind is not Kind.OUTSIDE,
        path.source.name,
        path.destination.kind is Kind.OUTSIDE,
        path.destination.name,
        PROTOCOLS.index(path.protocol) if path.protocol in PROTOCOLS else -1,
        path.ports.spans,
    )


def _pairs(network: Network, outside: End) -> Iterator[tuple[End, End]]:
    for end in network.ends:
        if not end.abroad:
            yield outside, end
            if end.machine:
                yield end, outside
        for other in network.ends if end.machine else ():
            alone = end is other and end.single
            # A load balancer asks machines only how they are, and no service.
            strange = end.abroad and (other.abroad or not other.machine)
            if not (alone or other.public_side or strange):
                yield end, other


def _between(network: Network, outside: Outside, source: End, destination: End) -> Iterator[Path]:
    for protocol in PROTOCOLS:
        if protocol != "TCP" and not (destination.machine and destination.listens):
            continue
        listens = destination.listens if protocol == "TCP" else PORTS
        parts = _passed(source, destination, protocol, listens)
        if source.kind is Kind.OUTSIDE:
            yield from _from_outside(network, outside, destination, protocol, parts)
            continue
        here = Place(source.place, source.kind)
        if destination.kind is Kind.OUTSIDE:
            sides = [(part.destinations, part.ports) for part in parts]
            for place, span in _named(outside, sides, inward=False):
                yield Path(here, place, protocol, span)
        elif span := Spans.union(part.ports for part in parts):
            there = Place(destination.place, destination.kind)
            yield Path(here, there, protocol, span, destination.note)


def _from_outside(
    network: Network, outside: Outside, destination: End, protocol: str, parts: Sequence[Part]
) -> Iterator[Path]:
    there = Place(destination.place, destination.kind)
    sides = [(part.sources, part.ports) for part in parts]
    for place, span in _named(outside, sides, inward=True):
        note = destination.note
        if place.is_internet and not span & destination.public:
            note = "by the rules; no public address leads there"
        yield Path(place, there, protocol, span, note)
    for front in network.fronts:
        if destination in front.members and front.protocol == protocol:
            handed = [(part.sources, part.ports & front.member_port) for part in parts]
            seen = [(senders, front.port) for senders, span in handed if span]
            for place, span in _named(outside, seen, inward=True):
                closed = place.is_internet and not front.public
                note = "by the rules; no public address leads there" if closed else ""
                yield Path(place, Place(front.place, Kind.BALANCER), protocol, span, note)


def _passed(source: End, destination: End, protocol: str, listens: Spans) -> list[Part]:
    asked = Part(source.addresses, destination.addresses, listens)
    parts = [asked] if asked else []
    for guard in source.outbound:
        parts = both(parts, passed(_about(guard, destination, inward=False), asked, protocol))
    for guard in destination.inbound:
        parts = both(parts, passed(_about(guard, source, inward=True), asked, protocol))
    return parts


def _about(guard: Guard, other: End, *, inward: bool) -> Iterator[Rule]:
    """Yield the rules of *guard* with the groups that they name as the addresses of *other*."""
    for rule in guard.rules:
        if not rule.groups & other.groups:
            yield rule
        elif inward:
            yield replace(rule, sources=rule.sources | other.addresses)
        else:
            yield replace(rule, destinations=rule.destinations | other.addresses)


def _named(
    outside: Outside, sides: Sequence[tuple[Spans, Spans]], *, inward: bool
) -> Iterator[tuple[Place, Spans]]:
    """Yield each place outside, and its ports, of sets of addresses with sets of ports."""
    edges = sorted(
        {edge for _, span in sides for low, high in span.spans for edge in (low, high + 1)}
    )
    found: dict[Place, Spans] = {}
    for low, after in pairwise(edges):
        span = Spans.of((low, after - 1))
        who = Spans.union(addresses for addresses, open_ports in sides if open_ports & span)
        for place in outside.places(who, inward=inward):
            found[place] = found.get(place, Spans()) | span
    yield from found.items()


def merged(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return *paths* with one in place of those that are alike and of every protocol."""
    by_ends: dict[tuple[Place, Place, str], list[Path]] = {}
    for path in paths:
        by_ends.setdefault((path.source, path.destination, path.note), []).append(path)
    found: list[Path] = []
    for group in by_ends.values():
        if {path.protocol for path in group if path.ports == PORTS} == set(PROTOCOLS):
            found.append(replace(group[0], protocol=ANY_PROTOCOL, ports=PORTS))
        else:
            found += group
    return tuple(sorted(found, key=_order))
