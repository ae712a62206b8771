"""What somebody does to a resource without Pulumi: in the portal or the console, by hand.

Tests use it to make drift. What can't be done there is refused here: a property that the type
doesn't have, a value of another type, what forces a new resource, what the cloud's own rules are
against. What the cloud does by itself then (a scale set of another capacity gets other machines)
happens too.
"""

import copy
import json
from collections.abc import Mapping
from typing import Any, cast

from sandbox.control import arns, bridged, changes, ids, naming, operations, wire
from sandbox.control.kinds import CloudError, Kind, Problem, Record
from sandbox.control.operations import OperationError
from sandbox.control.packages import PACKAGES, Package
from sandbox.control.paths import Path, parse
from sandbox.control.schema import UnknownTypeError
from sandbox.control.store import Changes, Store
from sandbox.control.world import StoreTransaction

_LONGEST = 1 << 20
"""Characters of a value."""
_SHOWN = 500
"""Characters of an id in an error."""


class TamperError(Exception):
    """There is no such resource or property, or the cloud would not have it so."""


def value_of(text: str) -> object:
    """A JSON value that a property may have. Raises TamperError."""
    if len(text) > _LONGEST:
        raise TamperError(f"a value has at most {_LONGEST} characters")
    try:
        found: object = json.loads(text)
        json.dumps(found, allow_nan=False)
        wire.encode({"value": found})
    except (ValueError, RecursionError, wire.WireError) as error:
        raise TamperError(
            f"{text[:50]!r} is no value in JSON (a string has quotes of its own: '\"text\"')"
        ) from error
    if wire.SIGNATURE in text:
        raise TamperError("a value can't have the engine's own mark of secrets")
    return found


def delete(store: Store, target: str) -> None:
    """Delete a resource and what is below it, whoever needs it."""
    with store.change() as rows:
        record = _found(rows, target)
        operations.vanish(record, _transaction(rows, _package(record), record), _kind)


def edit(store: Store, target: str, path: str, value: object) -> None:
    """Set one property. Raises TamperError, also for what the cloud can't do then."""
    try:
        steps = parse(path)
    except ValueError as error:
        raise TamperError(str(error)) from error
    if not steps or "*" in steps:
        raise TamperError(f"{path[:50]!r} names no property; say one such as sku.capacity")
    with store.change() as rows:
        record = _found(rows, target)
        package, kind = _package(record), _kind(record.type)
        if kind is None:
            raise TamperError(f"{record.type} is not emulated any more")
        inputs = copy.deepcopy(dict(record.inputs))
        _set(inputs, steps, value, path)
        _retag(inputs, record)
        _refuse(_problems(package, kind, record, inputs))
        resource = package.schema.resource(record.type)
        request = operations.Request(kind=kind, resource=resource, urn="", inputs=inputs)
        world = _transaction(rows, package, record)
        try:
            operations.update(request, record.id, world)
            for each in PACKAGES:
                each.settle(world)
        except (CloudError, OperationError) as error:
            raise TamperError(str(error)) from error


def _problems(
    package: Package, kind: Kind, record: Record, inputs: Mapping[str, object]
) -> list[Problem]:
    """What the cloud has against the new properties, from themselves and from the old ones."""
    try:
        resource = package.schema.resource(record.type)
    except UnknownTypeError as error:
        return [Problem("", str(error))]
    given = cast("dict[str, object]", inputs)
    declared = {key: value for key, value in given.items() if key != bridged.TAGS_ALL}
    found = [*resource.inputs.problems(declared, ()), *naming.problems(kind, given)]
    replaced = changes.compare(kind, record.inputs, given).replaces
    found += [Problem(each, "can't change: it takes a new resource") for each in replaced]
    return found or list(kind.rules(given))


def _retag(inputs: dict[str, Any], record: Record) -> None:
    """What pulumi-aws keeps of tags beside the resource's own: those and the provider's."""
    if bridged.TAGS_ALL not in inputs:
        return
    before, now = record.inputs.get("tags") or {}, inputs.get("tags") or {}
    if isinstance(before, dict) and isinstance(now, dict):
        defaults = {k: v for k, v in inputs[bridged.TAGS_ALL].items() if k not in before}
        inputs[bridged.TAGS_ALL] = {**defaults, **now}


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise TamperError(str(OperationError(problems)))


def _transaction(rows: Changes, package: Package, record: Record) -> StoreTransaction:
    own = ids.subscription_of(record.id) if ids.is_id(record.id) else package.account
    return StoreTransaction(
        rows, own, package.builtin, region=arns.region_of(record.id), changes=rows, kinds=_kind
    )


def _found(rows: Changes, target: str) -> Record:
    """The resource with this id or ARN, or the only one that AWS calls so."""
    if stored := rows.get(target):
        return stored.record
    records = list(rows.short(target))
    if len(records) == 1:
        return records[0]
    if records:
        known = ", ".join(each.id for each in records)
        raise TamperError(f"{target} is the name of several resources: use an ARN of {known}")
    shown = target if target.isprintable() and len(target) <= _SHOWN else repr(target[:_SHOWN])
    raise TamperError(f"nothing has the id {shown}; scripts/sandbox resources lists what exists")


def _package(record: Record) -> Package:
    name = record.type.partition(":")[0]
    return next(package for package in PACKAGES if package.name == name)


def _kind(token: str) -> Kind | None:
    return next((p.kinds[token] for p in PACKAGES if token in p.kinds), None)


def _set(values: Any, steps: Path, value: object, path: str) -> None:
    for step in steps[:-1]:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError) as error:
            raise TamperError(f"the resource has no property {path}") from error
    last = steps[-1]
    if isinstance(values, list):
        fits = isinstance(last, int) and last < len(values)
    else:
        fits = isinstance(values, dict) and isinstance(last, str)
    if not fits:
        raise TamperError(f"the resource has no property {path}")
    values[last] = value
