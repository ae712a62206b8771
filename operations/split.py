"""How an endpoint's requests are split among its deployments, and what Azure asks of a split.

Source: Azure documentation, "Perform safe rollout of new deployments" (the shares add up to 100; at
most 50 percent are mirrored, to one deployment, that takes no live traffic).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from operations.errors import OperationError

MAX_MIRROR = 50
_WORD = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9-]*)=(?P<percent>\d{1,3})")


@dataclass(frozen=True, kw_only=True)
class Split:
    """Percent of the requests by deployment; who has none is left out."""

    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return it for a person: `blue 90, green 10; mirrored to red 20`."""
        shares = ", ".join(f"{name} {percent}" for name, percent in sorted(self.traffic.items()))
        copies = ", ".join(f"{name} {percent}" for name, percent in sorted(self.mirror.items()))
        return (shares or "nobody") + (f"; mirrored to {copies}" if copies else "")

    def names(self) -> set[str]:
        """Return the deployments in it."""
        return {*self.traffic, *self.mirror}


def made(traffic: object, mirror: object) -> Split:
    """Return the split that maps of a template, an output or a file say."""
    return Split(traffic=_shares(traffic), mirror=_shares(mirror))


def _shares(found: object) -> dict[str, int]:
    if not isinstance(found, Mapping):
        return {}
    return {str(name): int(value) for name, value in sorted(found.items()) if value}


def parse(words: Iterable[str], what: str) -> dict[str, int]:
    """Return `blue=90 green=10` as a map. Raises OperationError."""
    found: dict[str, int] = {}
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None or match["name"] in found:
            why = "it is there twice" if match else "it is not NAME=PERCENT"
            raise OperationError(
                f"the {what} cannot be read", word, why, "write it as in blue=90 green=10"
            )
        found[match["name"]] = int(match["percent"])
    return {name: percent for name, percent in sorted(found.items()) if percent}


def problems(split: Split, known: Iterable[str]) -> Iterator[str]:
    """Yield what Azure would refuse."""
    deployed = sorted(known)
    for name in sorted(split.names() - set(deployed)):
        yield f"there is no deployment {name}: deployed are {', '.join(deployed) or 'none'}"
    total = sum(split.traffic.values())
    if total != 100:
        yield f"the traffic adds up to {total}, not to 100"
    if len(split.mirror) > 1:
        yield f"requests are mirrored to one deployment, not to {len(split.mirror)}"
    for name, percent in split.mirror.items():
        if percent > MAX_MIRROR:
            yield f"at most {MAX_MIRROR} percent are mirrored, not {percent}"
        if name in split.traffic:
            yield f"{name} takes live traffic: nothing is mirrored to it"
