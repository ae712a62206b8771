"""The steps of an upgrade beside the old nodes, and of the way back from any of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Action = Literal[
    "freeze",
    "note-moment",
    "deploy",
    "diagnose",
    "compare",
    "join",
    "leave",
    "return",
    "thaw",
]
Which = Literal["old", "new"]

WORDS: Final[dict[Action, str]] = {
    "freeze": "publishing is frozen on the {which} web nodes; consumption goes on",
    "note-moment": "the moment of the backup is noted",
    "diagnose": "the {which} web nodes diagnose themselves",
    "compare": "each {which} web node has the services that clients see",
    "join": "the load balancer finds the {which} web nodes",
    "leave": "the {which} web nodes drain, and calls go to the others",
    "return": "the {which} web nodes serve again",
    "thaw": "publishing works on the {which} web nodes again",
}

STAGES: Final[dict[str, str]] = {
    "old": "a second set of nodes with {to}, its database restored from a backup, is there",
    "both": "both sets are behind the load balancer",
    "new": "only the nodes with {to} are behind the load balancer",
    "gone": "the old set's database may be deleted",
    "alone": "the set with {of} is deleted with its database",
    "before": "the set with {to} is deleted with its database",
}
"""What an environment is when it is deployed so; `before`: as it was."""

SECONDS: Final[dict[Action, float]] = {
    "freeze": 60.0,
    "diagnose": 600.0,
    "compare": 120.0,
    "join": 300.0,
    "leave": 600.0,
    "return": 300.0,
    "thaw": 60.0,
}
"""How long each may take on a node."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that is done, to its end or again."""

    action: Action
    what: str
    """Which set's web nodes, or the stage that is deployed."""


def _step(action: Action, what: str = "") -> Step:
    return Step(action=action, what=what)


FORWARD: Final = (
    _step("freeze", "old"),
    _step("note-moment"),
    _step("deploy", "old"),
    _step("diagnose", "new"),
    _step("compare", "new"),
    _step("deploy", "both"),
    _step("join", "new"),
    _step("leave", "old"),
    _step("compare", "new"),
    _step("deploy", "new"),
)
"""Until the new set serves alone; the old one stands there, drained."""

FINISH: Final = (_step("deploy", "gone"), _step("deploy", "alone"))
"""What can't be taken back."""


def backward(begun: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps that undo those of `FORWARD` that have *begun*."""
    back: list[Step] = []
    if _step("deploy", "new") in begun:
        back.append(_step("deploy", "both"))
    if _step("leave", "old") in begun:
        back.append(_step("return", "old"))
    if _step("deploy", "both") in begun:
        back += [_step("leave", "new"), _step("deploy", "old")]
    if _step("deploy", "old") in begun:
        back.append(_step("deploy", "before"))
    return (*back, _step("thaw", "old"))


def said(step: Step, of: str, to: str) -> str:
    """Return a step in words."""
    if step.action == "deploy":
        return STAGES[step.what].format(of=of, to=to)
    return WORDS[step.action].format(which=step.what)
