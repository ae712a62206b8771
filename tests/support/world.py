"""A small sandbox in memory, for rules that look at the world: create, change and delete by kind.

It applies what a kind declares in the provider's order (rules, outputs, verify, record, side
effects), without the wire, the SDK's schema and the database.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sandbox.control import azure, ids
from sandbox.control.kinds import Context, Kind, Problem, Record
from sandbox.control.paths import strings, write

SUBSCRIPTION = "00000000-0000-4000-8000-00000000000a"
TENANT = "00000000-0000-4000-8000-00000000000b"
PRINCIPAL = "00000000-0000-4000-8000-00000000000c"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
CREATED = "2026-01-02T03:04:05.000000Z"

KINDS: dict[str, Kind] = {kind.type: kind for kind in azure.KINDS}


class RefusedError(Exception):
    """What the cloud said no to; each line is `path: reason (code)`."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(lines(problems)))


def lines(problems: list[Problem]) -> list[str]:
    """Problems as a person reads them."""
    return [
        f"{problem.path}: {problem.reason}" + (f" ({problem.code})" if problem.code else "")
        for problem in problems
    ]


def kind_of(short: str) -> Kind:
    """The kind of `network:Subnet`."""
    return KINDS[f"azure-native:{short}"]


def problems(short: str, **inputs: object) -> list[str]:
    """What `check` says of these inputs."""
    return lines(list(kind_of(short).rules(inputs)))


@dataclass
class World:
    """A `kinds.Transaction` over dictionaries."""

    subscription: str = SUBSCRIPTION
    tenant: str = TENANT
    principal: str = PRINCIPAL
    records: dict[str, Record] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def find(self, target: str) -> Record | None:
        return self.records.get(ids.key(target))

    def exists(self, target: str) -> bool:
        return self.find(target) is not None or azure.builtin(target)

    def children(self, target: str) -> Iterator[Record]:
        own = ids.key(target)
        yield from [r for r in self.records.values() if ids.key(ids.parent_of(r.id)) == own]

    def of(self, kind: str) -> Iterator[Record]:
        yield from [r for r in self.records.values() if r.type == kind]

    def referrers(self, target: str) -> Iterator[tuple[Record, str]]:
        own = ids.key(target)
        for record in list(self.records.values()):
            if ids.key(record.id) == own or ids.key(record.id).startswith(own + "/"):
                continue
            for path, text in strings(record.inputs):
                if ids.key(text) == own or ids.key(text).startswith(own + "/"):
                    yield record, write(path)

    def note(self, key: str) -> object:
        return json.loads(self.notes[key]) if key in self.notes else None

    def put(self, record: Record) -> None:
        self.records[ids.key(record.id)] = record

    def remove(self, target: str) -> None:
        own = ids.key(target)
        for key in [k for k in self.records if k == own or k.startswith(own + "/")]:
            del self.records[key]

    def remember(self, key: str, value: object) -> None:
        if value is None:
            self.notes.pop(key, None)
        else:
            self.notes[key] = json.dumps(value)

    def _context(self, kind: Kind, inputs: Mapping[str, object], old: Record | None) -> Context:
        target = old.id if old else ids.fill(kind.id_template, inputs, self.subscription)
        self.made += 1
        return Context(
            type=kind.type,
            name=ids.name_of(target),
            id=target,
            inputs=inputs,
            world=self,
            incarnation=old.incarnation if old else str(UUID(int=self.made)),
            previous=old,
            created=old.created if old else CREATED,
        )

    def _write(self, kind: Kind, context: Context) -> Record:
        found = list(kind.rules(context.inputs))
        if found:
            raise RefusedError(found)
        computed: dict[str, Any] = {**context.inputs, **kind.outputs(context)}
        found = list(kind.verify(context))
        if found:
            raise RefusedError(found)
        record = Record(
            id=context.id,
            type=kind.type,
            inputs=context.inputs,
            outputs={key: value for key, value in computed.items() if value is not None},
            incarnation=context.incarnation,
            created=context.created,
        )
        self.put(record)
        return record

    def create(self, short: str, **inputs: object) -> Record:
        """Create a resource in group `rg` (westeurope unless it says otherwise)."""
        kind = kind_of(short)
        given: dict[str, object] = {"resourceGroupName": "rg", **inputs}
        if kind.auto_location and "location" not in given and _is_regional(kind):
            given["location"] = "westeurope"
        context = self._context(kind, given, None)
        kind.preparing(context, self)
        record = self._write(kind, context)
        kind.created(context, self)
        return record

    def update(self, record: Record, **changes: object) -> Record:
        """Change properties of a resource in place; None removes one."""
        kind = KINDS[record.type]
        inputs = {k: v for k, v in {**record.inputs, **changes}.items() if v is not None}
        context = self._context(kind, inputs, self.find(record.id))
        changed = self._write(kind, context)
        kind.updated(context, self)
        return changed

    def delete(self, record: Record) -> None:
        """Delete a resource and what lies below it."""
        KINDS[record.type].deleting(record, self)
        self.remove(record.id)

    def again(self, record: Record) -> Record:
        """The resource as it is now."""
        found = self.find(record.id)
        assert found is not None
        return replace(found)


def _is_regional(kind: Kind) -> bool:
    return kind.id_template.count("{") == 3
