"""Create, update and delete, inside one transaction each."""

import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple, cast

from sandbox.control import arns, identities, ids, outputs, references, wire
from sandbox.control.kinds import ApiError, CloudError, Context, Kind, Problem, Record, World
from sandbox.control.schema import Resource
from sandbox.control.world import StoreTransaction

Properties = wire.Properties


class OperationError(Exception):
    """What the cloud refuses: each problem with its path, and the cloud's code if it has one."""

    def __init__(self, problems: Sequence[Problem], kind: Kind | None = None) -> None:
        self.problems = tuple(problems)
        error = ApiError if kind and kind.identity else CloudError
        super().__init__("\n".join(_line(problem, error) for problem in problems))


def _line(problem: Problem, error: type[CloudError]) -> str:
    reason = f"{problem.path}: {problem.reason}" if problem.path else problem.reason
    return str(error(problem.code, reason)) if problem.code else reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a program wants of one resource; secrets in the inputs are marked."""

    kind: Kind
    resource: Resource
    urn: str
    inputs: Properties


class Created(NamedTuple):
    """A resource that was created."""

    key: str
    """Its id, or ARN."""
    id: str
    """What the engine calls it: on AWS the short id."""
    outputs: Properties


def create(request: Request, world: StoreTransaction) -> Created:
    """Create a resource that the store keeps. Raises OperationError, CloudError."""
    created = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    context = _new(request, world, str(uuid.uuid4()), created)
    found = world.find(context.id)
    if found is not None and (found.urn or request.kind.comes_with_parent is None):
        raise OperationError([_existing_already(request.kind, context)], request.kind)
    request.kind.preparing(context, world)
    result = _write(request, context, world)
    request.kind.created(replace(context, previous=None), world)
    return Created(context.id, context.short or context.id, result)


def _existing_already(kind: Kind, context: Context) -> Problem:
    if kind.identity is None:
        return Problem("", f'cannot create already existing resource "{context.id}"')
    code, words = kind.exists
    return Problem(kind.name_property, words.format(name=context.name, id=context.short), code)


def _new(request: Request, world: World, incarnation: str, created: str) -> Context:
    if request.kind.identity is None:
        target = _target(request, world)
        return _context(request, world, target, incarnation, created)
    context = _context(request, world, "", incarnation, created)
    try:
        return identities.identified(request.kind, context)
    except KeyError as error:
        raise OperationError([Problem(str(error.args[0]), "is required to name it")]) from error


def update(request: Request, target: str, world: StoreTransaction) -> Properties:
    """Change a kept resource in place. Raises OperationError, CloudError."""
    previous = _existing(request.kind, target, world)
    context = _again(request, previous, world)
    result = _write(request, context, world)
    request.kind.updated(context, world)
    return result


def foresee(request: Request, target: str, world: World) -> Properties:
    """The outputs that an update would give, when all inputs are known."""
    previous = _existing(request.kind, target, world)
    context = _again(request, previous, world)
    return outputs.made(request.kind, request.resource, context, request.inputs)


def _again(request: Request, previous: Record, world: World) -> Context:
    context = _context(request, world, previous.id, previous.incarnation, previous.created)
    context = replace(
        context,
        previous=previous,
        urn=previous.urn,
        short=previous.short,
        # A bucket's ARN has no region, and the bucket lies in one.
        region=arns.region_of(previous.id) or context.region,
    )
    return context if request.kind.identity is None else identities.named(request.kind, context)


def make(request: Request, world: World) -> tuple[str, Properties]:
    """Create a resource that lives in the stack's state only."""
    context = _context(request, world, "", str(uuid.uuid4()), "")
    _refuse(request.kind.verify(context), request.kind)
    result = outputs.made(request.kind, request.resource, context, request.inputs)
    if request.kind.make_id is None:
        raise OperationError([Problem("", f"{request.kind.type} has no way to make an id")])
    plain = cast("Properties", wire.reveal(result))
    return request.kind.make_id(context, plain), result


def remake(request: Request, target: str, state: Mapping[str, object], world: World) -> Properties:
    """Change a resource that lives in the stack's state only."""
    plain = wire.known(state)
    previous = Record(
        id=target, type=request.kind.type, inputs=plain, outputs=plain, incarnation=target
    )
    context = replace(_context(request, world, target, target, ""), previous=previous)
    _refuse(request.kind.verify(context), request.kind)
    fresh = outputs.made(request.kind, request.resource, context, request.inputs)
    return {**state, **fresh}


def delete(
    kind: Kind,
    target: str,
    world: StoreTransaction,
    kinds: Callable[[str], Kind | None],
) -> None:
    """Delete a resource and what goes with it. Raises CloudError when others need it."""
    record = world.find(target)
    if record is None:
        return
    if kind.comes_with_parent is not None:
        # It stays as long as its parent, and so does what lies in it.
        world.put(kind.comes_with_parent(record))
        return
    references.refuse_deletion(kind, record, world, kinds)
    kind.deleting(record, world)
    _take_along(record, world, kinds)
    world.remove(target)


def vanish(record: Record, world: StoreTransaction, kinds: Callable[[str], Kind | None]) -> None:
    """Delete a resource and what lies below it, whoever needs it: somebody did so by force."""
    _take_along(record, world, kinds)
    if (kind := kinds(record.type)) is not None:
        with contextlib.suppress(CloudError):
            kind.deleting(record, world)
    world.remove(record.id)


def _take_along(
    record: Record, world: StoreTransaction, kinds: Callable[[str], Kind | None]
) -> None:
    for child in world.children(record.id):
        _take_along(child, world, kinds)
        if (kind := kinds(child.type)) is not None:
            # What goes with its parent can't refuse, as it may when it is deleted by itself.
            with contextlib.suppress(CloudError):
                kind.deleting(child, world)


def _write(request: Request, context: Context, world: StoreTransaction) -> Properties:
    kind = request.kind
    if kind.identity is None:
        _refuse(references.missing_parent(kind, context.id, world), kind)
    else:
        # What it computes may come from what it refers to.
        where = context.region or world.region
        _refuse(references.dangling_on_aws(kind, context.inputs, where, world), kind)
    result = outputs.made(kind, request.resource, context, request.inputs)
    plain = wire.known(result)
    if kind.identity is None:
        _refuse(references.dangling(kind, context.id, context.inputs, plain, world), kind)
    _refuse(kind.verify(context), kind)
    record = Record(
        id=context.id,
        type=kind.type,
        inputs=request.inputs,
        outputs=result,
        incarnation=context.incarnation,
        urn=context.urn,
        created=context.created,
        short=context.short,
        parent=references.parent_on_aws(kind, context, world),
    )
    world.put(record)
    return result


def _refuse(problems: object, kind: Kind) -> None:
    found = list(cast("Sequence[Problem]", problems))
    if found:
        raise OperationError(found, kind)


def _existing(kind: Kind, target: str, world: World) -> Record:
    found = world.find(target)
    if found is None or found.type != kind.type:
        # An id that is no ARN and no path is a short one, which nothing has any more.
        error = CloudError if target[:1] == "/" else ApiError
        code = "ResourceNotFound" if target[:1] == "/" else "ResourceNotFoundException"
        raise error(code, f"The Resource '{target}' was not found.")
    return found


def _target(request: Request, world: World) -> str:
    try:
        return ids.fill(request.kind.id_template, wire.known(request.inputs), world.subscription)
    except KeyError as error:
        parameter = str(error.args[0])
        raise OperationError([Problem(parameter, "is required to name the resource")]) from error


def _context(
    request: Request, world: World, target: str, incarnation: str, created: str
) -> Context:
    kind = request.kind
    logical = request.urn.rpartition("::")[2]
    inputs = cast("Properties", _own(wire.known(request.inputs), target))
    region = inputs.get("region", world.region) if "region" in request.resource.outputs else ""
    return Context(
        type=kind.type,
        name=ids.name_of(target) if kind.id_template else logical,
        id=target,
        inputs=inputs,
        world=world,
        incarnation=incarnation,
        urn=request.urn,
        created=created,
        region=str(region) if kind.identity is not None else "",
    )


def _own(value: object, target: str) -> object:
    """*value* with `$self/...` written out."""
    if isinstance(value, str) and value.startswith(ids.SELF):
        return f"{target}/{value.removeprefix(ids.SELF)}"
    if isinstance(value, Mapping):
        return {key: _own(member, target) for key, member in value.items()}
    if isinstance(value, list):
        return [_own(element, target) for element in value]
    return value
