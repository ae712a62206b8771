"""Small previews, as `pulumi preview --json --show-sames` writes them."""

import json
from collections.abc import Mapping
from typing import Any

from operations.preview import plan
from operations.preview.plan import Plan


def step(op: str, old: Any = None, new: Any = None, /, **rest: Any) -> dict[str, Any]:
    """One step about a resource of tests.support.states; what is new has no id and no outputs."""
    known = ("urn", "type", "custom", "inputs", "dependencies", "propertyDependencies", "parent")
    planned = {key: value for key, value in new.items() if key in known} if new else None
    state = {"oldState": old, "newState": planned}
    return {"op": op, "urn": (old or new)["urn"], "detailedDiff": None, **state, **rest}


def refreshed(recorded: Any, found: Any, *paths: str) -> dict[str, Any]:
    """What a refresh says of a resource."""
    detail = {path: {"kind": "update", "inputDiff": False} for path in paths} or None
    state = {"oldState": recorded, "newState": found}
    return {"op": "refresh", "urn": recorded["urn"], "detailedDiff": detail, **state}


def text(*steps: Mapping[str, Any], **rest: Any) -> str:
    """The preview that has these."""
    return json.dumps({"steps": list(steps), **rest})


def made(*steps: Mapping[str, Any]) -> Plan:
    """The plan that has these."""
    return plan.read(text(*steps), "dev")
