"""Create, update and delete, inside one transaction each."""

import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

from sandbox.control import ids, outputs, references, wire
from sandbox.control.kinds import CloudError, Context, Kind, Problem, Record, World
from sandbox.control.schema import Resource
from sandbox.control.world import StoreTransaction

Properties = wire.Properties


class OperationError(Exception):
    """What the cloud refuses: each problem with its path, and the cloud's code if it has one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(_line, problems)))


def _line(problem: Problem) -> str:
    reason = f"{problem.path}: {problem.reason}" if problem.path else problem.reason
    return f'Code="{problem.code}" Message="{reason}"' if problem.code else reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a program wants of one resource; secrets in the inputs are marked."""

    kind: Kind
    resource: Resource
    urn: str
    inputs: Properties


def create(request: Request, world: StoreTransaction) -> tuple[str, Properties]:
    """Create a resource that the store keeps. Raises OperationError, CloudError."""
    target = _target(request, world)
    if world.find(target) is not None:
        raise OperationError([Problem("", f'cannot create already existing resource "{target}"')])
    created = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    context = _context(request, world, target, str(uuid.uuid4()), created)
    result = _write(request, context, world)
    request.kind.created(replace(context, previous=None), world)
    return target, result


def update(request: Request, target: str, world: StoreTransaction) -> Properties:
    """Change a kept resource in place. Raises OperationError, CloudError."""
    previous = _existing(target, world)
    context = replace(
        _context(request, world, previous.id, previous.incarnation, previous.created),
        previous=previous,
        urn=previous.urn,
    )
    result = _write(request, context, world)
    request.kind.updated(context, world)
    return result


def foresee(request: Request, target: str, world: World) -> Properties:
    """The outputs that an update would give, when all inputs are known."""
    previous = _existing(target, world)
    context = replace(
        _context(request, world, previous.id, previous.incarnation, previous.created),
        previous=previous,
    )
    return outputs.made(request.kind, request.resource, context, request.inputs)


def make(request: Request, world: World) -> tuple[str, Properties]:
    """Create a resource that lives in the stack's state only."""
    context = _context(request, world, "", str(uuid.uuid4()), "")
    _refuse(request.kind.verify(context))
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
    _refuse(request.kind.verify(context))
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
    references.refuse_deletion(kind, record, world)
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
    _refuse(references.missing_parent(kind, context.id, world))
    result = outputs.made(kind, request.resource, context, request.inputs)
    plain = wire.known(result)
    _refuse(references.dangling(kind, context.id, context.inputs, plain, world))
    _refuse(kind.verify(context))
    record = Record(
        id=context.id,
        type=kind.type,
        inputs=request.inputs,
        outputs=result,
        incarnation=context.incarnation,
        urn=context.urn,
        created=context.created,
    )
    world.put(record)
    return result


def _refuse(problems: object) -> None:
    found = list(cast("Sequence[Problem]", problems))
    if found:
        raise OperationError(found)


def _existing(target: str, world: World) -> Record:
    found = world.find(target)
    if found is None:
        raise CloudError("ResourceNotFound", f"The Resource '{target}' was not found.")
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
    return Context(
        type=kind.type,
        name=ids.name_of(target) if kind.id_template else logical,
        id=target,
        inputs=cast("Properties", _own(wire.known(request.inputs), target)),
        world=world,
        incarnation=incarnation,
        urn=request.urn,
        created=created,
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
