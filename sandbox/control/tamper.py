"""What somebody does to a resource without Pulumi: in the portal, by hand, or an autoscaler.

Tests use it to make drift. The change goes into the resource's inputs and outputs alike, as the
next refresh of the real provider would see it; what the cloud does by itself then (a scale set of
another capacity gets other machines) happens too.
"""

import copy
from dataclasses import replace
from typing import Any

from sandbox.control import operations
from sandbox.control.kinds import CloudError, Kind, Record
from sandbox.control.packages import PACKAGES
from sandbox.control.paths import Path, parse
from sandbox.control.store import Changes, Store
from sandbox.control.world import StoreTransaction


class TamperError(Exception):
    """There is no such resource or property."""


def delete(store: Store, target: str) -> None:
    """Delete a resource and what is below it, whoever needs it."""
    with store.change() as rows:
        found = _found(rows, target)
        operations.vanish(found, _transaction(rows), _kind)


def change(store: Store, target: str, path: str, value: object) -> None:
    """Set one property. Raises TamperError, also for what the cloud can't do then."""
    try:
        steps = parse(path)
    except ValueError as error:
        raise TamperError(str(error)) from error
    with store.change() as rows:
        found = _found(rows, target)
        inputs, outputs = copy.deepcopy(found.inputs), copy.deepcopy(found.outputs)
        for values in (inputs, outputs):
            _set(values, steps, value, path)
        record: Record = replace(found, inputs=inputs, outputs=outputs)
        transaction = _transaction(rows)
        transaction.put(record)
        try:
            for package in PACKAGES:
                package.settle(transaction)
        except CloudError as error:
            raise TamperError(str(error)) from error


def _transaction(rows: Changes) -> StoreTransaction:
    return StoreTransaction(rows, changes=rows, kinds=_kind)


def _found(rows: Changes, target: str) -> Record:
    """The resource with this id or ARN, or the only one that AWS calls so."""
    if stored := rows.get(target):
        return stored.record
    records = list(rows.short(target))
    if len(records) == 1:
        return records[0]
    if records:
        arns = ", ".join(each.id for each in records)
        raise TamperError(f"{target} is the name of several resources: use an ARN of {arns}")
    raise TamperError(f"nothing has the id {target}; scripts/sandbox resources lists what exists")


def _kind(token: str) -> Kind | None:
    return next((p.kinds[token] for p in PACKAGES if token in p.kinds), None)


def _set(values: Any, steps: Path, value: object, path: str) -> None:
    for step in steps[:-1]:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError) as error:
            raise TamperError(f"the resource has no property {path}") from error
    if isinstance(values, list) and not (isinstance(steps[-1], int) and steps[-1] < len(values)):
        raise TamperError(f"the resource has no property {path}")
    values[steps[-1]] = value
