"""The view of the sandbox that kinds work with: the store, seen from one subscription."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sandbox.control import arns, ids
from sandbox.control.kinds import Kind, Record
from sandbox.control.paths import Path, matches, strings, write
from sandbox.control.store import Changes, Rows
from sandbox.control.targets import held as held_by_aws
from sandbox.control.targets import resolve

TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
"""Of the sandbox; like the other two ids it is made up, fixed, and easy to recognise."""
SUBSCRIPTION = "5a9d0b0e-0000-4000-8000-000000000002"
"""When the provider's configuration names none."""
PRINCIPAL = "5a9d0b0e-0000-4000-8000-000000000003"
"""Object id of the one who deploys to the sandbox."""


@dataclass(frozen=True)
class StoreWorld:
    """A `kinds.World` over the rows of one connection."""

    rows: Rows
    subscription: str = SUBSCRIPTION
    builtin: Callable[[str], bool] = lambda _: False
    tenant: str = TENANT
    principal: str = PRINCIPAL
    region: str = ""

    def find(self, target: str) -> Record | None:
        """The resource with this id."""
        if arns.is_generated(target):
            return resolve(self.rows, target)
        found = self.rows.get(target)
        return found.record if found else None

    def named(self, kind: str, short: str, region: str = "") -> Record | None:
        """The resource of a Pulumi type that AWS calls so."""
        record = resolve(self.rows, short, (kind,), region or self.region)
        return record if record and record.type == kind else None

    def exists(self, target: str) -> bool:
        """Whether *target* is a subscription, a resource, an inline part, or the cloud's own."""
        if arns.is_arn(target) or arns.is_generated(target):
            return self.find(target) is not None or self.builtin(target)
        below_subscription = target.strip("/").count("/") > 1
        return not below_subscription or self.rows.has(target) or self.builtin(target)

    def children(self, target: str) -> Iterator[Record]:
        """Resources directly below this one."""
        return self.rows.children(self._key(target))

    def of(self, kind: str) -> Iterator[Record]:
        """All resources of a Pulumi type."""
        return self.rows.of(kind)

    def referrers(self, target: str) -> Iterator[tuple[Record, str]]:
        """Resources elsewhere that name *target* or something below it, and the path."""
        return self.rows.referrers(self._key(target))

    def _key(self, target: str) -> str:
        if not arns.is_generated(target):
            return target
        record = self.find(target)
        return record.id if record else target

    def note(self, key: str) -> object:
        """What was remembered under *key*."""
        return self.rows.note(key)


@dataclass(frozen=True)
class StoreTransaction(StoreWorld):
    """A `kinds.Transaction`."""

    changes: Changes | None = None
    kinds: Callable[[str], Kind | None] = lambda _: None

    def put(self, record: Record) -> None:
        """Add or change a resource."""
        self._changes().put(record, self._held(record))

    def _held(self, record: Record) -> dict[str, str]:
        kind = self.kinds(record.type)
        if not arns.is_arn(record.id):
            return held(kind, record.inputs)
        kind = kind or Kind(type=record.type)
        region = arns.region_of(record.id) or self.region
        found = held_by_aws(kind, record.inputs, self.rows, region)
        return {write(path): target for path, target in found}

    def remove(self, target: str) -> None:
        """Remove a resource and all below it."""
        self._changes().remove(self._key(target))

    def remember(self, key: str, value: object) -> None:
        """Keep a JSON value that outlives resources."""
        self._changes().remember(key, value)

    def _changes(self) -> Changes:
        if self.changes is None:
            raise RuntimeError("this view of the sandbox is read-only")
        return self.changes


def named(kind: Kind | None, inputs: Mapping[str, object]) -> dict[Path, str]:
    """Every id in the inputs that must exist, by path; what names the resource itself left out."""
    own = ids.parameters(kind.id_template) if kind else ()
    unchecked = kind.unchecked if kind else ()
    return {
        path: text
        for path, text in strings(inputs)
        if ids.is_id(text)
        and path[0] not in own
        and not any(matches(pattern, path) for pattern in unchecked)
    }


def held(kind: Kind | None, inputs: Mapping[str, object]) -> dict[str, str]:
    """The ids that can't be deleted while this resource names them, by the text of the path."""
    weak = kind.weak if kind else ()
    return {
        write(path): text
        for path, text in named(kind, inputs).items()
        if not any(matches(pattern, path) for pattern in weak)
    }
