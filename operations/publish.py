"""Publishes a model folder: once, however often it is asked to."""

import hashlib
from enum import StrEnum
from http import HTTPStatus

from model_folders.reading import ModelFolder, Parameter
from operations.client import Client, Published
from operations.connection import Reply
from operations.definitions import Definition, Dialect
from operations.errors import OperationError
from operations.patience import until
from operations.serialization import NewerFormError

START_SECONDS = 30.0
"""How long an environment that has no compute node yet is waited for."""


class Outcome(StrEnum):
    """What became of it, in words for a person."""

    PUBLISHED = "is published"
    SAME = "is published already"
    UPDATED = "is updated"


def publish(client: Client, folder: ModelFolder, *, update: bool = False) -> Outcome:
    """Publish *folder* as the name and version that it says.

    Raises:
        OperationError: when that version is published with another content (unless *update*), or
            the environment refuses it.
    """
    service = folder.service
    found = client.find(service.name, service.version)
    if found is None:
        reply = _patiently(client, folder, update=False)
        if reply.status == HTTPStatus.CREATED:
            return Outcome.PUBLISHED
        # Somebody else may have been a moment earlier.
        found = client.find(service.name, service.version) if _exists(reply) else None
        if found is None:
            raise _refused(client, folder, reply)
    different = differences(client, folder, found)
    if not different:
        return Outcome.SAME
    if not update:
        raise OperationError(
            f"{service.name} {service.version} is published with another content",
            client.endpoint,
            f"what differs: {', '.join(different)}",
            "raise the version in service.json (or --update, which changes what callers of this "
            "version get)",
        )
    reply = _patiently(client, folder, update=True)
    if reply.status != HTTPStatus.OK:
        raise _refused(client, folder, reply)
    return Outcome.UPDATED


def differences(client: Client, folder: ModelFolder, found: Published) -> list[str]:
    """Return in what *found* differs from *folder*."""
    wanted = definition(client.dialect, folder)
    pairs = {
        "model": (hashlib.sha256(wanted.model).hexdigest(), found.sha256),
        "description": (wanted.description, found.description),
        "inputs": (wanted.inputs, found.inputs),
        "outputs": (wanted.outputs, found.outputs),
        "code": (client.dialect.code(wanted), found.code),
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]


def definition(dialect: Dialect, folder: ModelFolder) -> Definition:
    """Return what publishes *folder*.

    Raises:
        OperationError: when the environment's R is too old for the model.
    """
    service = folder.service
    try:
        model = dialect.model(folder.model)
    except NewerFormError as error:
        raise OperationError(
            "the environment's R cannot read the model",
            str(folder.path / "model.rds"),
            str(error),
            "write it with saveRDS(..., version = 2) in train.R, then scripts/train",
        ) from None
    return Definition(
        description=service.description,
        operation_id=service.name,
        inputs=_pairs(service.inputs),
        outputs=_pairs(service.outputs),
        model=model,
    )


def _patiently(client: Client, folder: ModelFolder, *, update: bool) -> Reply:
    """Send the folder; while no compute node is there to look at the model, again."""
    send = client.change if update else client.publish
    service, body = folder.service, client.dialect.body(definition(client.dialect, folder))
    return until(
        lambda: send(service.name, service.version, body),
        lambda reply: reply.status != HTTPStatus.SERVICE_UNAVAILABLE,
        START_SECONDS,
    )


def _exists(reply: Reply) -> bool:
    return reply.status == HTTPStatus.FORBIDDEN


def _refused(client: Client, folder: ModelFolder, reply: Reply) -> OperationError:
    service = folder.service
    if reply.status == HTTPStatus.BAD_REQUEST:
        return OperationError(
            f"{service.name} {service.version} is refused",
            str(folder.path),
            reply.message,
            "correct service.json or train.R, then scripts/train and publish again",
        )
    return client.refuse(reply, f"publish {service.name} {service.version}")


def _pairs(parameters: list[Parameter]) -> tuple[tuple[str, str], ...]:
    return tuple((parameter.name, parameter.type) for parameter in parameters)
