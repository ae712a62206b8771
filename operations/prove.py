"""Proves that an environment works: publishes a folder, sends its sample, compares the answer."""

import json
import math
from typing import Any

from model_folders.reading import ModelFolder
from operations.client import Client
from operations.diagnose import examine
from operations.endpoint_client import EndpointClient
from operations.errors import OperationError
from operations.product import LOCAL
from operations.publish import publish
from operations.score import score

SECONDS = 60.0
BOOT_SECONDS = 300.0
"""A machine that merely runs yet installs R in that time."""
TOLERANCE = 1e-6
"""Numbers may differ by so much of themselves: mathematical libraries do."""


def prove(client: Client, folder: ModelFolder) -> str:
    """Return, in lines for a person, what became of the model and of its sample request.

    Raises:
        OperationError: when it cannot be published or scored, or answers something else than its
            answer.json.
    """
    client.await_serving(BOOT_SECONDS)
    if client.product and client.product.authentication != LOCAL:
        return (
            f"{client.product.title} serves at {client.endpoint}; whether it is well is not seen: "
            f"its users are those of a directory ({client.product.authentication})"
        )
    said = f"{examine(client, client.product)}\n" if client.product else ""
    service = folder.service
    outcome = publish(client, folder)
    answer = score(client, service.name, service.version, folder.request, SECONDS)
    if not same(answer.outputs, folder.answer):
        raise OperationError(
            f"{service.name} {service.version} gives another answer than it should",
            client.endpoint,
            f"it says {_line(answer.outputs)}, and answer.json {_line(folder.answer)}",
            "train the model again (scripts/train), or correct answer.json",
        )
    return (
        f"{said}{service.name} {service.version} {outcome} at {client.endpoint}\n"
        f"  asked:    {_line(folder.request)}\n"
        f"  answered: {_line(answer.outputs)}"
    )


def prove_endpoint(client: EndpointClient, folder: ModelFolder) -> str:
    """Return, in lines for a person, what each deployment of the model answers to its sample.

    Raises:
        OperationError: when no deployment has the model, or one answers something else than its
            answer.json.
    """
    service, endpoint = folder.service, client.endpoint
    deployments = endpoint.serving(service.name, service.version)
    if not deployments:
        raise OperationError(
            f"no deployment has {service.name} {service.version}",
            endpoint.uri,
            "there is nobody to prove it with",
            "name the folder in endpoint.deployments of the stack file and deploy it, or leave "
            "the proof out: scripts/up --no-sample",
        )
    for each in deployments:
        expect(client.ask(each, folder.request, SECONDS), folder, f"deployment {each.name}", client)
    outputs = client.score(service.name, service.version, folder.request, SECONDS)
    expect(outputs, folder, "the endpoint", client)
    names = ", ".join(each.name for each in deployments)
    return (
        f"{service.name} {service.version} answers at {endpoint.uri} ({names})\n"
        f"  asked:    {_line(folder.request)}\n"
        f"  answered: {_line(outputs)}"
    )


def expect(outputs: dict[str, Any], folder: ModelFolder, who: str, client: EndpointClient) -> None:
    """Raise OperationError when *who* answered something else than the folder's answer.json."""
    if not same(outputs, folder.answer):
        raise OperationError(
            f"{who} gives another answer than {folder.service.name} should",
            client.endpoint.uri,
            f"it says {_line(outputs)}, and answer.json {_line(folder.answer)}",
            "train the model again (scripts/train), or correct answer.json",
        )


def same(found: Any, expected: Any) -> bool:
    """Return whether two values of JSON are the same, numbers nearly."""
    match found, expected:
        case dict(), dict():
            return found.keys() == expected.keys() and all(
                same(value, expected[key]) for key, value in found.items()
            )
        case list(), list():
            return len(found) == len(expected) and all(map(same, found, expected))
        case (bool(), _) | (_, bool()):
            return found is expected
        case ((int() | float()), (int() | float())):
            return math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(found == expected)


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)
