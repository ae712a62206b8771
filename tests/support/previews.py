"""Small previews, as `pulumi preview --json --show-sames` writes them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from operations.preview import plan
from operations.preview.events import Events
from operations.preview.plan import Plan
from operations.preview.report import Report, report
from tests.support import golden_states

STACK = {
    "urn": "urn:pulumi:dev::operationalization::pulumi:pulumi:Stack::operationalization-dev",
    "type": "pulumi:pulumi:Stack",
    "custom": False,
}


def step(op: str, old: Any = None, new: Any = None, /, **rest: Any) -> dict[str, Any]:
    """One step about a resource of tests.support.states; what is new has no id and no outputs."""
    known = (
        *("urn", "type", "custom", "inputs", "dependencies", "propertyDependencies", "parent"),
        *("protect", "retainOnDelete", "ignoreChanges"),
    )
    planned = {key: value for key, value in new.items() if key in known} if new else None
    state = {"oldState": old, "newState": planned}
    return {"op": op, "urn": (old or new)["urn"], "detailedDiff": None, **state, **rest}


def refreshed(recorded: Any, op: str = "refresh") -> dict[str, Any]:
    """What the engine had recorded of a resource; a refresh that finds a change may have its op."""
    state = {"oldState": recorded, "newState": recorded}
    return {"op": op, "urn": recorded["urn"], "detailedDiff": None, "refresh": True, **state}


def text(*steps: dict[str, Any], **rest: Any) -> str:
    """The preview that has these: first those of the refresh, then the program's."""
    ahead = [each for each in steps if each.pop("refresh", False)]
    planned = [each for each in steps if each not in ahead]
    return json.dumps({"steps": [*ahead, step("same", STACK, STACK), *planned], **rest})


def made(*steps: dict[str, Any]) -> Plan:
    """The plan that has these."""
    return plan.read(text(*steps), "dev")


def reported(*steps: dict[str, Any], events: Events | None = None, **options: Any) -> Report:
    """The report on these."""
    given = {"against": "what is deployed", "ended": True, **options}
    return report(made(*steps), events or Events(), **given)


def of_golden(
    stack: str,
    change: Callable[[golden_states.Resources], None],
    replaced: Mapping[str, str] | None = None,
) -> Plan:
    """What would become of a golden state if the program declared it changed.

    *replaced* has, by the end of its name, each resource that must be replaced, and the property
    that forces it. What *change* takes away is deleted.
    """
    before = golden_states.kept(stack)
    after = golden_states.kept(stack)
    change(after)
    old = {each["urn"]: each for each in before}
    new = {each["urn"]: each for each in after}
    steps = [*(_step(old.get(urn), each, replaced or {}) for urn, each in new.items())]
    steps += [step("delete", each) for urn, each in old.items() if urn not in new]
    return plan.read(json.dumps({"steps": steps}), stack)


def _step(old: Any, new: Any, replaced: Mapping[str, str]) -> dict[str, Any]:
    if old is None:
        return step("create", None, new)
    for name, key in replaced.items():
        if new["urn"].endswith(name):
            detail = {key: {"kind": "update-replace", "inputDiff": True}}
            return step("replace", old, new, detailedDiff=detail, replaceReasons=[key])
    return step("same" if old.get("inputs") == new.get("inputs") else "update", old, new)
