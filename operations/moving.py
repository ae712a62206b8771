"""Takes the published services of one environment to another: into a folder, and from there.

The folder is its owner's alone, and whole or not there. Nothing is ever overwritten: neither a
folder nor a service. Who published a service, and when, does not move with it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from pathlib import Path

from operations.client import Client, Published
from operations.definitions import Definition
from operations.errors import OperationError
from operations.patience import until
from operations.publish import START_SECONDS
from operations.serialization import NewerFormError

LIST = "services.json"
MODELS = "models"
BOOT_SECONDS = 300.0
"""How long a new environment's first nodes are waited for."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service version as it is in the folder."""

    name: str
    version: str
    description: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    sha256: str
    """The model's sum, which its file is named by."""

    operation_id: str = ""

    @property
    def title(self) -> str:
        """Name and version, for a person."""
        return f"{self.name} {self.version}"


def published(client: Client) -> list[Published]:
    """Return all service versions, oldest first."""
    found = [each for name in client.names() for each in client.versions(name)]
    return sorted(found, key=lambda each: (each.created, each.name, each.version))


def save(client: Client, folder: Path) -> list[Service]:
    """Put all services, with their models, into a new *folder*.

    Raises:
        OperationError: when the folder exists, or a model is not what its sum says.
    """
    if folder.exists() or folder.is_symlink():
        raise _refusal(folder, "it exists already", "name a folder that does not")
    part = folder.with_name(f"{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        (part / MODELS).mkdir(mode=0o700)
        services = [_saved(client, each, part / MODELS) for each in published(client)]
        listed = json.dumps([asdict(each) for each in services], indent=2, ensure_ascii=False)
        _write(part / LIST, f"{listed}\n".encode())
        part.rename(folder)
    except OSError as error:
        raise _refusal(folder, str(error.strerror), "name a folder that can be written") from error
    return services


def restore(client: Client, folder: Path) -> Iterator[str]:
    """Publish all services of *folder*; yield, for a person, what became of each.

    It can be run again: what is there already stays as it is.

    Raises:
        OperationError: when the folder is not whole, another service has the name and version of
            one of them, or the environment refuses one.
    """
    services = [(each, _model(folder, each)) for each in read(folder)]
    client.await_serving(BOOT_SECONDS)
    for saved, kept in services:
        service, model = _prepared(client, saved, kept)
        found = client.find(service.name, service.version)
        if found is None:
            _publish(client, service, model)
            found = client.find(service.name, service.version)
            words = "is published, and its model's sum is the same"
        else:
            words = "is there already"
        if found is None or _described(found) != service:
            raise OperationError(
                f"{service.title} is published with another content",
                client.endpoint,
                "somebody else has published that version, and nothing is overwritten",
                f"remove it there, or take it out of {folder / LIST}",
            )
        yield f"{service.title} {words}"


def read(folder: Path) -> list[Service]:
    """Return the services that *folder* holds.

    Raises:
        OperationError: when it is no such folder.
    """
    try:
        found = json.loads((folder / LIST).read_text(encoding="utf-8"))
        return [
            Service(
                **{
                    **each,
                    "inputs": tuple((name, kind) for name, kind in each["inputs"]),
                    "outputs": tuple((name, kind) for name, kind in each["outputs"]),
                }
            )
            for each in found
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _refusal(
            folder, f"{LIST} cannot be read: {error}", "name a folder that to-enterprise saved"
        ) from error


def _prepared(client: Client, service: Service, model: bytes) -> tuple[Service, bytes]:
    """Return the service as the environment will describe it, with its model in the form it takes.

    Raises:
        OperationError: its R is too old for the model.
    """
    try:
        prepared = client.dialect.model(model)
    except NewerFormError as error:
        raise OperationError(
            f"the environment's R cannot read the model of {service.title}",
            client.endpoint,
            str(error),
            "publish it from its folder, written with saveRDS(..., version = 2)",
        ) from None
    return replace(service, sha256=hashlib.sha256(prepared).hexdigest()), prepared


def _saved(client: Client, found: Published, models: Path) -> Service:
    model = client.model(found.name, found.version)
    service = _described(found)
    if hashlib.sha256(model).hexdigest() != service.sha256:
        raise OperationError(
            f"the model of {service.title} came otherwise than it was published",
            client.endpoint,
            "its sum is another one",
            "try again",
        )
    path = models / service.sha256
    if not path.exists():
        _write(path, model)
    return service


def _described(found: Published) -> Service:
    return Service(
        name=found.name,
        version=found.version,
        description=found.description,
        inputs=found.inputs,
        outputs=found.outputs,
        sha256=found.sha256,
        operation_id=found.operation_id,
    )


def _model(folder: Path, service: Service) -> bytes:
    try:
        model = (folder / MODELS / service.sha256).read_bytes()
    except OSError as error:
        raise _refusal(
            folder, f"the model of {service.title} cannot be read: {error.strerror}", "save again"
        ) from error
    if hashlib.sha256(model).hexdigest() != service.sha256:
        raise _refusal(folder, f"the model of {service.title} was changed", "save again")
    return model


def _publish(client: Client, service: Service, model: bytes) -> None:
    body = client.dialect.body(
        Definition(
            description=service.description,
            operation_id=service.operation_id or service.name,
            inputs=service.inputs,
            outputs=service.outputs,
            model=model,
        )
    )
    reply = until(
        lambda: client.publish(service.name, service.version, body),
        lambda reply: reply.status != HTTPStatus.SERVICE_UNAVAILABLE,
        START_SECONDS,
    )
    if reply.status not in (HTTPStatus.CREATED, HTTPStatus.FORBIDDEN):
        raise client.refuse(reply, f"publish {service.title}")


def _write(path: Path, content: bytes) -> None:
    """Write a new file that only its owner reads, and have it on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _refusal(folder: Path, why: str, fix: str) -> OperationError:
    return OperationError("the services cannot be moved", str(folder), why, fix)
