"""What differs and is no drift: nobody changed it, or somebody whom the program lets change it."""

import re
from collections.abc import Iterable
from typing import Final

from operations.drift.values import ABSENT, Difference
from operations.export.state import Resource

GIVEN_UP = "left to others by the program, such as an autoscaler"
TAG = "a tag that somebody added, such as a policy of the cloud"
COMPUTED = "computed by the cloud"
ADDRESS = "an address that the cloud gives out"
SPELLING = "the same in another order or spelling"

_COMPUTED: Final = re.compile(
    r"(.*\.)?(etag|fingerprint|provisioningState|systemData(\..*)?|lastModified\w*|lastUpdated\w*"
    r"|createdAt|createdBy|createdTime|creationTime|timeCreated|updatedAt|changedTime|status"
    r"|latestVersion|defaultVersion)",
    re.IGNORECASE,
)
"""Properties that providers list among the inputs of what was read, and that only clouds set."""

_ADDRESS: Final = re.compile(
    r"(.*[.\]])?(privateIPAddress|privateIp|ipAddress|ipamPoolPrefixAllocations(\[.*)?"
    r"|ipv4IpamPoolId|ipv4NetmaskLength|macAddress)",
    re.IGNORECASE,
)

_TAG: Final = re.compile(r"(tags|tagsAll)\.[^.]*.*")


def reason(difference: Difference, resource: Resource) -> str | None:
    """Return why a *difference* of *resource* is no drift; None when it is."""
    path = difference.path
    if any(_covers(each, path) for each in resource.ignore_changes):
        return GIVEN_UP
    if _TAG.fullmatch(path) and difference.before is ABSENT:
        return TAG
    if _COMPUTED.fullmatch(path):
        return COMPUTED
    if _ADDRESS.fullmatch(path) and difference.before is ABSENT:
        # One that the program chose is there before, and drift when it is another.
        return ADDRESS
    return None


def _covers(ignored: str, path: str) -> bool:
    """Return whether *path* is at or below the path *ignored*, in which `*` is any entry."""
    pairs = zip(_parts(ignored), _parts(path), strict=False)
    deep_enough = len(_parts(ignored)) <= len(_parts(path))
    return deep_enough and all(one in ("*", other) for one, other in pairs)


def _parts(path: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(r"[^.\[\]]+", path)]


def counted(reasons: Iterable[str]) -> dict[str, int]:
    """Return how many there are of each, the most frequent first."""
    found: dict[str, int] = {}
    for each in reasons:
        found[each] = found.get(each, 0) + 1
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
