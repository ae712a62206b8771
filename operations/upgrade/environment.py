"""Reads what an upgrade must know of a deployed environment: its nodes, and what is published."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from operations.channel import Node
from operations.channel.instances import id_of
from operations.connection import Connection
from operations.errors import OperationError
from operations.patience import until
from operations.stack import Environment, Reading

SECONDS = 300.0
"""How long the load balancer may take to find a node that serves."""
LOCAL = "local"
ORDER = ("compute", "web", "one-box")
"""Compute nodes first (facts.md 15)."""


def nodes(stack: str, outputs: Mapping[str, Any]) -> tuple[Node, ...]:
    """Return the nodes of the stack's groups, compute nodes first.

    Raises OperationError for groups whose machines come and go.
    """
    groups: Mapping[str, Any] = outputs.get("groups") or {}
    found: list[Node] = []
    for role in sorted(groups, key=_rank):
        group = groups[role]
        if group.get("kind") != "fixed":
            raise OperationError(
                "the nodes cannot be upgraded in place",
                f"stack '{stack}', group {role}",
                "its machines come and go (nodes: scaleSet): a new one would have the old version",
                "a new environment of the new version takes its place: docs/r-server.md, Upgrade",
            )
        addresses = group.get("addresses") or []
        for index, (target, name) in enumerate(zip(group["ids"], group["names"], strict=True)):
            address = addresses[index] if index < len(addresses) else ""
            found.append(Node(name=name, id=id_of(target), role=role, address=address))
    if not found:
        raise OperationError(
            "there is nothing to upgrade",
            f"stack '{stack}'",
            "it has no nodes, or was not deployed to its end",
            "deploy it first",
        )
    return tuple(found)


def with_system(nodes: Sequence[Node], system: str) -> tuple[Node, ...]:
    """Return *nodes* as those of a system, which the outputs of a stack do not say."""
    return tuple(replace(node, system=system) for node in nodes)


def _rank(role: str) -> int:
    return ORDER.index(role) if role in ORDER else len(ORDER)


class Unseen:
    """The services of an environment whose users are those of a directory: none is ours to ask as.

    Nodes diagnose themselves all the same; whether services came along is not seen.
    """

    def published(self) -> tuple[str, ...]:
        """Return nothing, so that nothing can have gone."""
        return ()


def knows_us(outputs: Mapping[str, Any]) -> bool:
    """Return whether the environment's local administrator may log in."""
    return str((outputs.get("runtime") or {}).get("authentication", LOCAL)) == LOCAL


class Published:
    """The services of an environment, through its load balancer; the product's paths and bodies.

    facts.md 13.1 to 13.3.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def published(self) -> tuple[str, ...]:
        """Return `NAME VERSION` of every service. Raises OperationError when nobody answers."""
        connection = Connection(self._environment)
        try:
            found = until(lambda: self._asked(connection), lambda each: each is not None, SECONDS)
        finally:
            connection.close()
        if found is None:
            raise OperationError(
                "the environment does not say what is published",
                self._environment.endpoint,
                f"no node let us in within {SECONDS:.0f} seconds",
                "see scripts/score, or the nodes' logs",
            )
        return found

    def _asked(self, connection: Connection) -> tuple[str, ...] | None:
        who = {"username": self._environment.username, "password": self._environment.password}
        try:
            login = connection.send("POST", "/login", who)
            if login.status != HTTPStatus.OK:
                return None
            token = str(login.body["access_token"])
            reply = connection.send("GET", "/services", token=token)
        except OperationError:
            return None
        if reply.status != HTTPStatus.OK:
            return None
        return tuple(sorted(f"{each['name']} {each['version']}" for each in reply.body))


def services(reading: Reading) -> Published | Unseen:
    """Return how the services of a deployed stack are seen."""
    return Published(reading.environment()) if knows_us(reading.outputs()) else Unseen()
