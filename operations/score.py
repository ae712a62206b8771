"""Asks a published service for its answer."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from operations.client import Answer, Client
from operations.connection import Reply
from operations.errors import OperationError
from operations.patience import until

DISTRIBUTION_SECONDS = 30.0
"""How long a service that is published may be on its way to a compute node."""


def score(
    client: Client, name: str, version: str | None, inputs: Mapping[str, Any], seconds: float
) -> Answer:
    """Return the answer of service *name*, the version published last unless one is given.

    Waits only for a service that is published and has not reached the compute node, and for nodes
    that are about to serve.

    Raises:
        OperationError: when there is no such service, nobody can answer, or the model failed.
    """
    chosen = version or _latest(client, name)
    reply = until(
        lambda: client.consume(name, chosen, inputs, seconds),
        lambda reply: isinstance(reply, Answer) or not _on_its_way(client, name, chosen, reply),
        DISTRIBUTION_SECONDS,
    )
    if isinstance(reply, Reply):
        raise _refused(client, name, chosen, reply)
    if reply.error is not None:
        said = f"; it printed:\n{reply.console}" if reply.console else ""
        raise OperationError(
            f"{name} {chosen} failed",
            client.endpoint,
            f"R says: {reply.error}{said}",
            "correct the request; models/NAME/request.json is one that works",
        )
    return reply


def _latest(client: Client, name: str) -> str:
    versions = client.versions(name)
    if not versions:
        raise _unknown(client, name)
    return max(versions, key=lambda each: each.created).version


def _on_its_way(client: Client, name: str, version: str, reply: Reply) -> bool:
    if reply.status == HTTPStatus.NOT_FOUND:
        if client.find(name, version) is None:
            raise _unknown(client, name, version)
        return True
    return reply.status == HTTPStatus.SERVICE_UNAVAILABLE


def _unknown(client: Client, name: str, version: str = "") -> OperationError:
    versions = [each.version for each in client.versions(name)] if version else []
    if versions:
        why, fix = f"published are {', '.join(versions)}", "give one of these, or publish it first"
    else:
        why = f"published are {', '.join(client.names()) or 'no services yet'}"
        fix = "scripts/publish MODEL_FOLDER"
    return OperationError(
        f"there is no service {name} {version}".rstrip(), client.endpoint, why, fix
    )


def _refused(client: Client, name: str, version: str, reply: Reply) -> OperationError:
    if reply.status == HTTPStatus.NOT_FOUND:
        return OperationError(
            f"{name} {version} is published and does not reach the compute nodes",
            client.endpoint,
            f"after {DISTRIBUTION_SECONDS:.0f} seconds one of them does not have it",
            "look at the journal of operationalization-loader on the compute nodes",
        )
    return client.refuse(reply, f"score {name} {version}")
