"""What most of azurerm's resources have."""

from typing import Any

from operations.export.parts import Source
from operations.export.reading import Reader


def common(r: Reader, source: Source) -> dict[str, Any]:
    """Return name, place and tags. The naming input, whatever it is called, is the id's end."""
    r.skip(*(key for key, value in source.resource.inputs.items() if value == source.name))
    return {
        "name": source.name,
        "resource_group_name": r("resourceGroupName"),
        "location": r("location"),
        "tags": r("tags"),
    }


def identity(r: Reader) -> list[dict[str, Any]]:
    """Return the block of user-assigned identities."""
    return [{"type": r("identity.type"), "identity_ids": r("identity.userAssignedIdentities")}]
