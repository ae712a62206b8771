"""The steps of an upgrade, and of the way back from any of them: plain values, in order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from operations.channel import Node

Action = Literal[
    "send",
    "prepare",
    "replace",
    "replace-and-hold",
    "leave",
    "save-database",
    "open",
    "diagnose",
    "compare-services",
    "write-stack-file",
    "settle",
    "restore-database",
    "take-back",
    "return",
    "restore-stack-file",
    "prepare-settings",
    "apply",
    "undo",
]

WORDS: Final[dict[Action, str]] = {
    "send": "the new version's scripts go to {node}",
    "prepare": "{node} fetches the installers and backs up its settings; nothing changes yet",
    "replace": "{node} gets {to}: drained, stopped, {of} removed, {to} installed and set up",
    "replace-and-hold": "{node} gets {to}, and is closed until no web node of {of} serves",
    "leave": "{node} is drained and stopped",
    "save-database": "{node} saves the database, which nobody uses now",
    "open": "{node} opens",
    "diagnose": "{node} diagnoses itself",
    "compare-services": "the published services are the same as before",
    "write-stack-file": "the stack file says {to}",
    "settle": "{node} forgets what only the upgrade needed",
    "restore-database": "{node} restores the database as it was saved",
    "take-back": "{node} gets {of} and its settings back",
    "return": "{node} serves with {of} again",
    "restore-stack-file": "the stack file says {of} again",
    "prepare-settings": "{node} backs up its settings; nothing changes yet",
    "apply": "{node} gets the settings: drained, stopped, set up anew, and serves again",
    "undo": "{node} gets its settings back",
}

SECONDS: Final[dict[Action, float]] = {
    "prepare": 1800.0,
    "replace": 3600.0,
    "replace-and-hold": 3600.0,
    "leave": 600.0,
    "save-database": 1800.0,
    "open": 900.0,
    "diagnose": 300.0,
    "settle": 120.0,
    "restore-database": 1800.0,
    "take-back": 3600.0,
    "return": 900.0,
    "prepare-settings": 300.0,
    "apply": 1800.0,
    "undo": 1800.0,
}
"""How long each may take on a node; Azure ends a command after 90 minutes."""

REPLACING: Final[frozenset[Action]] = frozenset({"replace", "replace-and-hold"})

FRONT: Final = ("web", "one-box")
"""Roles that use the database."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that is done, to its end or again."""

    action: Action
    node: str = ""
    """Name of the node; empty for steps of this machine."""


def forward(nodes: Sequence[Node], *, server: bool) -> tuple[Step, ...]:
    """Return the steps that bring *nodes* to the new version.

    *server*: whether the database is a server, which the nodes share; a file is part of its node.
    """
    compute = [node.name for node in nodes if node.role not in FRONT]
    front = [node.name for node in nodes if node.role in FRONT]
    everyone = [*compute, *front]
    return (
        *_each("send", everyone),
        *_each("prepare", everyone),
        *_each("replace-and-hold", compute),
        *_each("leave", front),
        *(_each("save-database", front[:1]) if server else ()),
        *_each("open", compute),
        *_each("replace", front),
        *_each("diagnose", front),
        Step(action="compare-services"),
        Step(action="write-stack-file"),
        *_each("settle", everyone),
    )


def configuring(nodes: Sequence[Node]) -> tuple[Step, ...]:
    """Return the steps that have *nodes* do what the settings say, with the version they have."""
    compute = [node.name for node in nodes if node.role not in FRONT]
    front = [node.name for node in nodes if node.role in FRONT]
    everyone = [*compute, *front]
    return (
        *_each("send", everyone),
        *_each("prepare-settings", everyone),
        *_each("apply", everyone),
        *_each("diagnose", front),
        Step(action="compare-services"),
        *_each("settle", everyone),
    )


def backward(
    nodes: Sequence[Node], begun: Collection[Step], *, written: bool = False
) -> tuple[Step, ...]:
    """Return the steps that undo those of a forward plan that have *begun*.

    *written*: whether the stack file says the new version already.
    """
    replaced = {step.node for step in begun if step.action in REPLACING}
    touched = replaced | {step.node for step in begun if step.action == "leave"}
    compute = [node.name for node in nodes if node.role not in FRONT and node.name in touched]
    front = [node.name for node in nodes if node.role in FRONT and node.name in touched]
    saver = [step.node for step in begun if step.action == "save-database"]
    changed = any(name in replaced for name in front)
    settled = [step.node for step in begun if step.action == "settle"]
    applied = [step.node for step in begun if step.action == "apply"]
    if applied:
        back = [node.name for node in nodes if node.name in applied]
        return (
            *_each("send", [name for name in settled if name in back]),
            *_each("undo", back),
            *_each("diagnose", [n.name for n in nodes if n.role in FRONT and n.name in back]),
            *_each("settle", [node.name for node in nodes if _sent(node.name, begun)]),
        )
    return (
        *_each("send", [name for name in settled if name in touched]),
        *_each("leave", [name for name in front if name in replaced]),
        *_each("take-back", compute),
        *(_each("restore-database", saver) if changed else ()),
        *(Step(action="take-back" if name in replaced else "return", node=name) for name in front),
        *_each("diagnose", front),
        *([Step(action="restore-stack-file")] if written else ()),
        *_each("settle", [node.name for node in nodes if _sent(node.name, begun)]),
    )


def _each(action: Action, names: Sequence[str]) -> tuple[Step, ...]:
    return tuple(Step(action=action, node=name) for name in names)


def _sent(name: str, begun: Collection[Step]) -> bool:
    return Step(action="send", node=name) in begun


def said(step: Step, of: str, to: str) -> str:
    """Return a step in words."""
    return WORDS[step.action].format(node=step.node, of=of, to=to)
