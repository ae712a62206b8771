"""Small previews, as `pulumi preview --json --show-sames` writes them."""

import json
from typing import Any

from operations.preview import plan
from operations.preview.plan import Plan

STACK = {
    "urn": "urn:pulumi:dev::operationalization::pulumi:pulumi:Stack::operationalization-dev",
    "type": "pulumi:pulumi:Stack",
    "custom": False,
}


def step(op: str, old: Any = None, new: Any = None, /, **rest: Any) -> dict[str, Any]:
    """One step about a resource of tests.support.states; what is new has no id and no outputs."""
    known = ("urn", "type", "custom", "inputs", "dependencies", "propertyDependencies", "parent")
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
