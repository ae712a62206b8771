"""What a list of rules lets through: the first that fits a packet decides, the rest is denied."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from operations.reach.spans import NONE, Spans

PROTOCOLS = ("TCP", "UDP", "ICMP", "other")
"""`other` is whatever has no ports and is not ICMP: ESP, AH, GRE."""

PORTS = Spans.of((0, 65535))
"""Every port; also of protocols that have none, where they say nothing."""

LIMIT = 500
"""Parts that an answer may have. What people write has some ten."""


class TooManyError(Exception):
    """The rules cut the addresses into more parts than anybody could read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule: packets that it fits, and whether they may pass."""

    allow: bool
    sources: Spans
    destinations: Spans
    ports: Spans = PORTS
    protocols: frozenset[str] = frozenset(PROTOCOLS)
    groups: frozenset[str] = frozenset()
    """Security groups of the other end that it fits, whatever its addresses."""


@dataclass(frozen=True, slots=True)
class Part:
    """Packets from any of some sources to any of some destinations at any of some ports."""

    sources: Spans
    destinations: Spans
    ports: Spans

    def __bool__(self) -> bool:
        return bool(self.sources and self.destinations and self.ports)

    def __and__(self, other: "Part") -> "Part":
        # The sides with the fewest spans first: most parts have nothing in common there.
        if not (ports := self.ports & other.ports):
            return NO_PART
        if not (destinations := self.destinations & other.destinations):
            return NO_PART
        return Part(self.sources & other.sources, destinations, ports)

    def __sub__(self, other: "Part") -> list["Part"]:
        """Return what is in it and not in *other*: parts that do not overlap."""
        common = self & other
        if not common:
            return [self]
        pieces = (
            Part(self.sources - other.sources, self.destinations, self.ports),
            Part(common.sources, self.destinations - other.destinations, self.ports),
            Part(common.sources, common.destinations, self.ports - other.ports),
        )
        return [piece for piece in pieces if piece]


NO_PART = Part(NONE, NONE, NONE)


def passed(rules: Iterable[Rule], asked: Part, protocol: str) -> list[Part]:
    """Return which packets of *asked* the *rules* let through. Raises TooManyError."""
    left, found = [asked], []
    for rule in rules:
        if protocol not in rule.protocols:
            continue
        fits = Part(rule.sources, rule.destinations, rule.ports)
        if rule.allow:
            found += [both for part in left if (both := part & fits)]
        left = [piece for part in left for piece in part - fits]
        if not left:
            break
        if len(left) + len(found) > LIMIT:
            raise TooManyError
    return found


def both(some: Sequence[Part], others: Sequence[Part]) -> list[Part]:
    """Return the packets that are in *some* and in *others*. Raises TooManyError."""
    if len(some) * len(others) > LIMIT * LIMIT:
        raise TooManyError
    found = [common for part in some for other in others if (common := part & other)]
    if len(found) > LIMIT:
        raise TooManyError
    return found
