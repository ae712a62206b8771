"""What a resource leans on must exist, and what others lean on can't go: in the cloud's words."""

from collections.abc import Iterator, Mapping

from sandbox.control import ids
from sandbox.control.kinds import CloudError, Kind, Problem, Record, World
from sandbox.control.paths import matches, write
from sandbox.control.store import parts
from sandbox.control.world import named

_SHOWN = 3
"""Resources that a refusal names."""


def missing_parent(kind: Kind, target: str, world: World) -> Iterator[Problem]:
    """Yield when the group, resource or scope that *target* lies in doesn't exist."""
    parent = ids.parent_of(target)
    if world.exists(parent):
        return
    group = next((each for each in ids.ancestors(target) if _is_group(each)), "")
    own = ids.parameters(kind.id_template)
    if group and not world.exists(group):
        reason = f"Resource group '{ids.name_of(group)}' could not be found."
        yield Problem("resourceGroupName", reason, "ResourceGroupNotFound")
        return
    yield Problem(
        own[-2] if len(own) > 1 else "",
        f"Failed to perform 'write' on resource(s) of type '{ids.type_of(target)}', "
        f"because the parent resource '{parent}' could not be found.",
        "ParentResourceNotFound",
    )


def _is_group(target: str) -> bool:
    segments = target.strip("/").split("/")
    return len(segments) == 4 and segments[2].casefold() == "resourcegroups"


def dangling(
    kind: Kind,
    target: str,
    inputs: Mapping[str, object],
    outputs: Mapping[str, object],
    world: World,
) -> Iterator[Problem]:
    """Yield for each id in the inputs that names nothing, or a resource of the wrong type."""
    own, inline = ids.key(target), parts(ids.key(target), outputs)
    for path, text in sorted(named(kind, inputs).items(), key=lambda item: write(item[0])):
        if ids.subscription_of(text).casefold() != world.subscription.casefold():
            continue
        inside = ids.key(text) in inline or ids.key(text) == own
        if not inside and not world.exists(text):
            yield Problem(
                write(path),
                f"Resource {text} referenced by resource {target} was not found. "
                "Please make sure that the referenced resource exists.",
                "InvalidResourceReference",
            )
            continue
        yield from _wrong_type(kind, path, text)


def _wrong_type(kind: Kind, path: tuple[str | int, ...], text: str) -> Iterator[Problem]:
    for pattern, allowed in kind.references.items():
        found = ids.type_of(text)
        if matches(pattern, path) and found.casefold() not in map(str.casefold, allowed):
            yield Problem(
                write(path),
                f"must be the id of a {' or '.join(allowed)}, but {text} is a {found}",
                "LinkedInvalidPropertyId",
            )


def refuse_deletion(kind: Kind, record: Record, world: World) -> None:
    """Raise CloudError when others still need *record*."""
    users = dict.fromkeys(user.id for user, _ in world.referrers(record.id))
    if users:
        code, words = kind.in_use
        raise CloudError(
            code,
            words.format(
                kind=ids.type_of(record.id),
                name=ids.name_of(record.id),
                id=record.id,
                by=_some(list(users)),
            ),
        )
    nested = [child.id for child in world.children(record.id) if not ids.is_extension(child.id)]
    if nested and not kind.owns_children:
        raise CloudError(
            "CannotDeleteResource",
            "Cannot delete resource while nested resources exist. Some existing nested resource "
            f"IDs include: {_some(nested)}. Please delete all nested resources before deleting "
            "this resource.",
        )


def _some(found: list[str]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
