"""What a resource leans on must exist, and what others lean on can't go: in the cloud's words."""

from collections.abc import Callable, Iterator, Mapping

from sandbox.control import arns, ids
from sandbox.control.kinds import ApiError, CloudError, Context, Kind, Problem, Record, World
from sandbox.control.paths import get, matches, parse, write
from sandbox.control.store import parts
from sandbox.control.targets import Target, resolve, targets
from sandbox.control.world import StoreTransaction, named

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


def dangling_on_aws(
    kind: Kind, inputs: Mapping[str, object], region: str, world: StoreTransaction
) -> Iterator[Problem]:
    """Yield for each input that refers to nothing, or to a resource of the wrong type."""
    for target in targets(kind, inputs):
        arn = arns.parse(target.text)
        if arn and arn.account not in ("", world.subscription, "aws"):
            continue  # another account's
        if world.builtin(target.text):
            continue
        found = resolve(world.rows, target.text, target.types, region)
        found = found or resolve(world.rows, target.text, (), region)  # of another type
        if found is None:
            yield _absent(target, world)
        elif target.types and found.type not in target.types:
            yield _mistaken(target, found, world)


def parent_on_aws(kind: Kind, context: Context, world: StoreTransaction) -> str:
    """The ARN of what a resource goes with, or ""."""
    if not kind.parent:
        return ""
    text = get(context.inputs, kind.parent)
    types = kind.references.get(kind.parent, ())
    where = context.region or world.region
    found = resolve(world.rows, text, types, where) if isinstance(text, str) else None
    return found.id if found else ""


def _absent(target: Target, world: StoreTransaction) -> Problem:
    wanted = world.kinds(target.types[0]) if target.types else None
    code, words = wanted.not_found if wanted else Kind(type="").not_found
    return Problem(write(target.path), words.format(id=target.text, name=target.text), code)


def _mistaken(target: Target, found: Record, world: StoreTransaction) -> Problem:
    """An id of another type: EC2 calls it malformed, and says what it expects."""
    wanted = world.kinds(target.types[0])
    code = wanted.not_found[0] if wanted else ""
    if not code.endswith(".NotFound"):
        allowed = " or ".join(target.types)
        reason = f"must refer to {allowed}, but {target.text} is of type {found.type}"
        return Problem(write(target.path), reason, code)
    template = wanted.identity.id if wanted and wanted.identity else ""
    prefix = template.partition("{")[0] if isinstance(template, str) else ""
    return Problem(
        write(target.path),
        f'Invalid id: "{target.text}" (expecting "{prefix}...")',
        code.replace(".NotFound", ".Malformed"),
    )


def _wrong_type(kind: Kind, path: tuple[str | int, ...], text: str) -> Iterator[Problem]:
    for pattern, allowed in kind.references.items():
        found = ids.type_of(text)
        if matches(pattern, path) and found.casefold() not in map(str.casefold, allowed):
            yield Problem(
                write(path),
                f"must be the id of a {' or '.join(allowed)}, but {text} is a {found}",
                "LinkedInvalidPropertyId",
            )


def _is_weak(kind: Kind | None, path: str) -> bool:
    """Whether a link holds nothing now: who wrote it down may have been an earlier release."""
    return any(matches(pattern, parse(path)) for pattern in (kind.weak if kind else ()))


def refuse_deletion(
    kind: Kind, record: Record, world: World, kinds: Callable[[str], Kind | None]
) -> None:
    """Raise CloudError when others still need *record*."""
    users = {
        user.id: user
        for user, path in world.referrers(record.id)
        if not _is_weak(kinds(user.type), path)
    }
    if users:
        code, words = kind.in_use
        error = ApiError if record.short else CloudError
        raise error(
            code,
            words.format(
                kind=ids.type_of(record.id),
                name=_name(record),
                id=record.short or record.id,
                by=_some([user.short or user.id for user in users.values()]),
            ),
        )
    if record.short:
        return  # what has a parent on AWS goes with it
    nested = [child.id for child in world.children(record.id) if not ids.is_extension(child.id)]
    if nested and not kind.owns_children:
        raise CloudError(
            "CannotDeleteResource",
            "Cannot delete resource while nested resources exist. Some existing nested resource "
            f"IDs include: {_some(nested)}. Please delete all nested resources before deleting "
            "this resource.",
        )


def _name(record: Record) -> object:
    """What people call it."""
    return record.outputs.get("name") or record.short if record.short else ids.name_of(record.id)


def _some(found: list[str]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
