"""What the engine would do, as `pulumi preview --json --show-sames` writes it.

Each step there has a resource's whole state, before and after. With `refresh: always`, which
Pulumi.yaml says, the engine looks first at all that is really there. Those steps come before the
program's, which begin with the stack itself, and are named `refresh` or what it found: `update`,
`delete`. The state before a step of the program is then the real one, and the state before a step
of the refresh what the engine had recorded.

A state that stays the same comes without its outputs, and a new one has only those that the
provider knows already; both are completed here from what was before.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from operations.errors import OperationError
from operations.export import state
from operations.export.state import Deployment, Resource

SAME = "same"
CHANGES = ("delete", "replace", "update", "create", "import")
"""What a step may do to a resource, the most serious first. Reading changes nothing."""

REPLACED_AS = {
    "create-replacement": None,
    "delete-replaced": None,
    "read-replacement": None,
    "import-replacement": None,
    "discard": None,
    "discard-replaced": None,
    "remove-pending-replace": None,
    "read": SAME,
}
"""Steps that come to the same as another, or are only a part of one that is there too."""


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
    properties: tuple[str, ...]
    """Inputs that differ."""


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
        refreshed, planned = _parted(found)
        drift = tuple(_drift(refreshed, planned))
        steps = tuple(_steps(planned))
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


def _parted(
    found: Sequence[Mapping[str, Any]],
) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
    """Return the steps of the refresh, and those of the program: none when it never began."""
    for index, each in enumerate(found):
        if each["op"] != "refresh" and "::pulumi:pulumi:Stack::" in each["urn"]:
            return found[:index], found[index:]
    return found, ()


def _steps(found: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    for each in found:
        op = REPLACED_AS.get(each["op"], each["op"])
        if op != SAME and op not in CHANGES:
            continue
        before = state.resource(each["oldState"]) if each.get("oldState") else None
        after = state.resource(each["newState"]) if op != "delete" else None
        if before is None and after is None:
            raise KeyError(each["urn"])
        yield Step(
            op=op,
            urn=each["urn"],
            before=before,
            after=_completed(after, before, op) if after else None,
            paths={
                path: detail["kind"] for path, detail in (each.get("detailedDiff") or {}).items()
            },
            reasons=tuple(sorted(each.get("replaceReasons") or ())),
            leftover=op == "delete" and _waits(each),
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


def _drift(
    refreshed: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]
) -> Iterator[Drift]:
    """Yield what differs between record and reality, but for what the program leaves to others."""
    real = {each["urn"]: each.get("oldState") for each in steps if not _waits(each)}
    for each in refreshed:
        if not each.get("oldState") or _waits(each) or each["urn"] not in real:
            continue
        recorded = state.resource(each["oldState"])
        now = real[recorded.urn]
        if now is None:
            yield Drift(recorded=recorded, found=None, properties=())
            continue
        found = state.resource(now)
        left = {path.partition(".")[0].partition("[")[0] for path in recorded.ignore_changes}
        differing = {
            key
            for key in recorded.inputs.keys() | found.inputs.keys()
            if recorded.inputs.get(key) != found.inputs.get(key)
        }
        if differing - left:
            yield Drift(recorded=recorded, found=found, properties=tuple(sorted(differing - left)))
