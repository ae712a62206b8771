"""How a group spreads its machines over zones, and which of them go first: the same on each cloud.

Sources: Azure documentation, "Use custom scale-in policies with Azure Virtual Machine Scale Sets";
Amazon EC2 Auto Scaling User Guide, "Work with Amazon EC2 Auto Scaling termination policies". Both
balance over zones before they look at anything else.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

_Machine = TypeVar("_Machine")


def emptiest(zones: Sequence[str], loads: Counter[str]) -> str | None:
    """The zone with the fewest machines, the first of these; None where there are no zones."""
    return min(zones, key=lambda each: (loads[each], zones.index(each)), default=None)


def leavers(
    staying: Iterable[_Machine],
    count: int,
    zone: Callable[[_Machine], str | None],
    rank: Callable[[_Machine], tuple[float, ...]],
) -> Iterator[_Machine]:
    """Yield the *count* machines that go first: from the fullest zone, the one of highest rank."""
    left = list(staying)
    for _ in range(count):
        loads = Counter(zone(each) for each in left)
        chosen = max(left, key=lambda each: (loads[zone(each)], rank(each)))
        left.remove(chosen)
        yield chosen
