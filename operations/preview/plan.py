"""What the engine would do, as `pulumi preview --json --show-sames` writes it.

Each step there has a resource's whole state, before and after. With `refresh: always`, which
Pulumi.yaml says, a step `refresh` comes first for each resource: it says what is really there, which
is what a change begins with. A state that stays the same comes without its outputs, and a new one
has only those that the provider knows already; both are completed here from what was before.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from operations.errors import OperationError
from operations.export import state
from operations.export.state import Deployment, Resource

SAME = "same"
CHANGES = ("delete", "replace", "update", "create", "import")
"""What a step may do to a resource, the most serious first. Reading changes nothing."""

REPLACED_AS = {
    "create-replacement": "replace",
    "delete-replaced": None,
    "read-replacement": None,
    "import-replacement": "import",
    "discard": None,
    "discard-replaced": None,
    "remove-pending-replace": None,
    "read": SAME,
}
"""Steps that are a part of another, or that come to the same as one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that the engine would do to one resource."""

    op: str
    """One of CHANGES, or SAME."""
    urn: str
    before: Resource | None
    after: Resource | None
    paths: Mapping[str, str] = field(default_factory=dict)
    """Path of each property that changes: `add`, `delete-replace` ..., the engine's words."""
    reasons: tuple[str, ...] = ()
    """Properties whose change forces the replacement."""
    leftover: bool = False
    """It goes because an earlier update, which failed, has replaced it already."""

    @property
    def resource(self) -> Resource:
        """What it is about: as it will be, or as it was when it goes."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 -- `read` makes no step without one
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """What a resource has become without the engine."""

    recorded: Resource
    found: Resource | None
    """None where it is gone."""
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All that the engine would do to a stack."""

    stack: str
    steps: tuple[Step, ...]
    before: Deployment
    after: Deployment
    drift: tuple[Drift, ...] = ()

    def of(self, *ops: str) -> tuple[Step, ...]:
        """Return the steps of some kinds."""
        return tuple(step for step in self.steps if step.op in ops)

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change something."""
        return self.of(*CHANGES)


def read(text: str, stack: str) -> Plan:
    """Return the plan in *text*. Raises OperationError when it is none."""
    try:
        found = json.loads(text).get("steps") or []
        drift = tuple(_drift(found))
        steps = tuple(_steps(found))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperationError(
            "the preview cannot be read",
            f"stack '{stack}'",
            f"it is not what `pulumi preview --json` writes: {type(error).__name__}",
            "run it with the engine of this project",
        ) from None
    return Plan(
        stack=stack,
        steps=steps,
        before=state.made_of(stack, (s.before for s in steps if s.before and not s.leftover)),
        after=state.made_of(stack, (s.after for s in steps if s.after)),
        drift=drift,
    )


def _steps(found: list[Mapping[str, Any]]) -> Iterator[Step]:
    real = {each["urn"]: each for each in found if each["op"] == "refresh" and not _waits(each)}
    for each in found:
        op = REPLACED_AS.get(each["op"], each["op"])
        if op != SAME and op not in CHANGES:
            continue
        urn = each["urn"]
        leftover = _waits(each)
        old = each.get("oldState")
        if urn in real and not leftover:
            old = real[urn].get("newState")
        before = state.resource(old) if old else None
        after = state.resource(each["newState"]) if op != "delete" else None
        if before is None and after is None:
            raise KeyError(urn)
        yield Step(
            op=op,
            urn=urn,
            before=before,
            after=_completed(after, before, op) if after else None,
            paths={
                path: detail["kind"] for path, detail in (each.get("detailedDiff") or {}).items()
            },
            reasons=tuple(sorted(each.get("replaceReasons") or ())),
            leftover=leftover,
        )


def _waits(step: Mapping[str, Any]) -> bool:
    """Return whether it is about what waits to be deleted since it was replaced."""
    return bool((step.get("oldState") or {}).get("delete"))


def _completed(after: Resource, before: Resource | None, op: str) -> Resource:
    """Return what would be, with what stays of what was."""
    if before is None or op in ("create", "replace"):
        return after
    kept = dict(before.outputs)
    kept.update((key, value) for key, value in after.inputs.items() if key in kept)
    return replace(after, id=after.id or before.id, outputs={**kept, **after.outputs})


def _drift(found: list[Mapping[str, Any]]) -> Iterator[Drift]:
    for each in found:
        if each["op"] != "refresh" or not each.get("oldState") or _waits(each):
            continue
        recorded = state.resource(each["oldState"])
        real = state.resource(each["newState"]) if each.get("newState") else None
        paths = tuple(sorted(each.get("detailedDiff") or ()))
        if real is None or paths:
            yield Drift(recorded=recorded, found=real, paths=paths)
