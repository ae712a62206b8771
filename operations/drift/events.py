"""What a refresh found, from the engine's event log (`pulumi refresh --preview-only --event-log`).

A resource's state before and after is in the event that ends its step. Secrets are masked there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.errors import OperationError
from operations.export import state
from operations.export.state import Resource

SAME = ("same", "read", "refresh")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One resource, as Pulumi recorded it and as it is."""

    recorded: Resource
    real: Resource | None
    """None where it is gone."""
    differs: bool = False
    """Whether the provider says so, by what the program declares."""
    paths: tuple[str, ...] = ()
    """The properties in which it does."""


def read(text: str, stack: str) -> tuple[Found, ...]:
    """Return what the event log in *text* says.

    Raises OperationError when it is none, or one of a refresh that has not looked at everything.
    """
    try:
        events = [json.loads(line) for line in text.splitlines() if line.strip()]
        found = tuple(_found(events))
        ended = any("summaryEvent" in each for each in events)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperationError(
            "the refresh cannot be read",
            f"stack '{stack}'",
            f"it is not an event log of the engine: {type(error).__name__}",
            "run it with the engine of this project",
        ) from None
    if not ended:
        raise OperationError(
            "nobody knows whether there is drift",
            f"stack '{stack}'",
            "the refresh did not come to its end",
            "mend what Pulumi says, and run it again",
        )
    return found


def _found(events: Sequence[Mapping[str, Any]]) -> Iterator[Found]:
    for event in events:
        step = (event.get("resOutputsEvent") or {}).get("metadata")
        if not step or not step.get("old") or step["type"].startswith("pulumi:"):
            continue
        recorded = state.resource(step["old"])
        if not recorded.custom:
            continue
        detail = step.get("detailedDiff") or {}
        differs = step["op"] not in SAME
        yield Found(
            recorded=recorded,
            real=state.resource(step["new"]) if step.get("new") else None,
            differs=differs,
            paths=tuple(sorted(detail or step.get("diffs") or ())) if differs else (),
        )
