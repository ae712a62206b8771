"""Has fixed nodes do what was deployed last: other settings, and the version that they have.

Their machines keep what they were made from, whatever the program renders (design.md section 3), so
that addresses of new compute nodes, a role, the addresses of clients reach them in this way alone:
one node at a time, with a backup, as an upgrade does.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from operations.channel import Node
from operations.errors import OperationError
from operations.stack import Reading
from operations.upgrade import content, environment, planning
from operations.upgrade.journal import Record


def begun(options: argparse.Namespace, reading: Reading) -> tuple[Record, dict[str, bytes]]:
    """Return what has the nodes that are behind get the settings, and what each role receives.

    Raises OperationError, also when no node is behind.
    """
    outputs = reading.outputs()
    behind = stale(environment.nodes(options.stack, outputs), outputs)
    if not behind:
        raise OperationError(
            "there is nothing to do",
            f"stack '{options.stack}'",
            "every node is what was deployed last",
            "deploy the stack first, if its file has changed",
        )
    roles = {node.role for node in behind}
    deployed = {role: outputs["groups"][role]["content"] for role in sorted(roles)}
    found = content.ask_for_settings(options.file, deployed)
    behind = environment.with_system(behind, found.system)
    now = datetime.now(UTC).strftime("%Y%m%dt%H%M%S")
    record = Record(
        id=f"{options.stack}-settings-{now}".lower().replace("_", "-"),
        stack=options.stack,
        of=found.of,
        to=found.to,
        state="forward",
        nodes=behind,
        file=str(options.file.resolve()),
        before=found.before,
        after=found.after,
        # Where nobody can be asked, nothing can have gone; whoever says so compares by itself.
        services=() if options.unserved else environment.services(reading).published(),
        steps=planning.configuring(behind),
    )
    return record, dict(found.archives)


def stale(nodes: Sequence[Node], outputs: Mapping[str, Any]) -> tuple[Node, ...]:
    """Return those of *nodes* that were made from something else than what was deployed last."""
    old = {name for group in outputs["groups"].values() for name in _old(group)}
    return tuple(node for node in nodes if node.name in old)


def _old(group: Mapping[str, Any]) -> Iterator[str]:
    made = group.get("content")
    if made is None:
        return
    for name, digest in zip(group["names"], made["machines"], strict=True):
        if digest != made["rendered"]:
            yield name


def head(record: Record) -> str:
    """Return what happens, for a person."""
    names = ", ".join(node.name for node in record.nodes)
    if record.state == "back":
        return f"nodes of stack '{record.stack}' get their settings back: {names}"
    return f"nodes of stack '{record.stack}' get the settings that were deployed last: {names}"


def meaning(record: Record) -> list[str]:
    """Return what it means for who calls."""
    front = [node for node in record.nodes if node.role in planning.FRONT]
    lines = [
        "one node at a time; calls go to the other web nodes meanwhile"
        if len(front) != 1
        else "one node at a time; where it is the only web node, nobody is served meanwhile"
    ]
    if any(node.role == "compute" for node in record.nodes):
        lines.append(
            "sessions on a compute node end when its turn comes; where it is the only one, nothing "
            "is scored meanwhile"
        )
    return lines


def finished(record: Record) -> str:
    """Return the last words."""
    if record.state == "taken-back":
        return (
            f"nodes of stack '{record.stack}' have their settings of before again; write those "
            "into the stack file too, and deploy it\n"
        )
    return f"all nodes of stack '{record.stack}' have the settings that were deployed last\n"
