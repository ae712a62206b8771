"""What an import or `.get()` finds: a resource that exists, whoever made it.

The engine then has nothing of the resource, so all that check would fill in must come along, and
what the cloud never gives back (a password) stays away.

Sources: Azure documentation, "Resolve errors for resource not found"; pulumi-azure-native,
provider/pkg/provider/provider.go, `Read`; Amazon EC2 API Reference, "Error codes for the Amazon EC2
API" (`InvalidVpcID.NotFound` for each id that is none of a VPC).
"""

from collections.abc import Mapping

from sandbox.control import ids, outputs, wire
from sandbox.control.kinds import ApiError, CloudError, Kind, World
from sandbox.control.schema import Resource


def not_found(kind: Kind, target: str, world: World) -> CloudError:
    """What the cloud says of an id that names nothing of this kind."""
    if kind.identity is not None:
        code, words = kind.not_found
        shown = target.rpartition(":")[2].rpartition("/")[2] if target[:4] == "arn:" else target
        return ApiError(code, words.format(id=shown, name=shown))
    if not ids.is_id(target):
        return CloudError("MissingSubscription", f"'{target[:200]}' is no id of a resource.")
    found, wanted = ids.type_of(target), ids.type_of(kind.id_template)
    if found.casefold() != wanted.casefold():
        return CloudError(
            "InvalidResourceType",
            f"'{target}' is the id of a {found}, not of a {wanted}.",
        )
    group = next((each for each in (target, *ids.ancestors(target)) if _is_group(each)), "")
    if group and not world.exists(group):
        name = ids.name_of(group)
        return CloudError("ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
    where = f" under resource group '{ids.name_of(group)}'" if group else ""
    relative = f"{wanted}/{ids.name_of(target)}"
    return CloudError(
        "ResourceNotFound",
        f"The Resource '{relative}'{where} was not found. For more details please go to "
        "https://aka.ms/ARMResourceNotFoundFix",
    )


def _is_group(target: str) -> bool:
    segments = target.strip("/").split("/")
    return len(segments) == 4 and segments[2].casefold() == "resourcegroups"


def inputs(kind: Kind, resource: Resource, kept: Mapping[str, object]) -> dict[str, object]:
    """The inputs that a program would have to give for what exists."""
    found = outputs.without(kept, kind.write_only)
    if resource.api_version:
        found.setdefault("azureApiVersion", resource.api_version)
    return found


def id_of(kind: Kind | None, values: Mapping[str, object], subscription: str) -> str:
    """The id that a resource with these inputs will have, or "" where the cloud makes it up."""
    try:
        return ids.fill(kind.id_template, wire.known(values), subscription) if kind else ""
    except KeyError:
        return ""
