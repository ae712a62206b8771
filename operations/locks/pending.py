"""What an update that did not end had under way, from the state, and what that means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from operations.errors import OperationError

MEANING: Mapping[str, str] = {
    "creating": "it may exist in the cloud, and the state does not know it",
    "updating": "it may be changed or not; the next refresh sees which",
    "deleting": "it may be gone or not; the next refresh sees which",
    "reading": "nothing was to change",
    "importing": "it exists, and the state may not know it",
}


@dataclass(frozen=True, slots=True)
class Pending:
    """One operation that had begun."""

    kind: str
    urn: str

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def meaning(self) -> str:
        """What may be the case now."""
        return MEANING.get(self.kind, "how it ended is not known")


def read(state: str, stack: str) -> tuple[Pending, ...]:
    """Return what is pending in *state*, as exported. Raises OperationError when it is no state."""
    try:
        found = json.loads(state)["deployment"].get("pending_operations") or []
        return tuple(Pending(str(each["type"]), str(each["resource"]["urn"])) for each in found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperationError(
            "the state cannot be read",
            f"stack '{stack}'",
            f"it is not what `pulumi stack export` writes: {type(error).__name__}",
            "look at it yourself before the lock is taken away: pulumi stack export",
        ) from None
