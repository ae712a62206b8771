"""Asks a compute node to look into a model: web nodes have no R and never deserialize."""

import http.client
import json
import socket
from pathlib import Path

from anyio import to_thread

from server.api.definitions import Definition
from server.api.errors import ApiError

PROXY = Path("/run/operationalization/compute.sock")
"""The node's own proxy, which knows the compute nodes and has the certificate for them."""

SECONDS = 40
"""A throw-away process gets 10 seconds, and may wait for others before it."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("compute", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))


async def check_model(definition: Definition, proxy: Path = PROXY) -> None:
    """Refuse a model that R cannot load, or that lacks a declared input.

    Raises:
        ApiError: 400 for the model, 503 when no compute node could look.
    """
    status, answer = await to_thread.run_sync(_ask, definition.model, proxy)
    if status == http.client.UNPROCESSABLE_ENTITY:
        raise ApiError(400, f"model: {answer.get('message', 'cannot be loaded')}")
    if status in (http.client.BAD_GATEWAY, http.client.GATEWAY_TIMEOUT):
        raise ApiError(400, "model: R did not load it within 10 seconds and its share of memory")
    if status != http.client.OK:
        raise ApiError(503, "no compute node could check the model just now: try again")
    inputs = answer.get("inputs")
    arguments = [str(name) for name in inputs] if isinstance(inputs, list) else []
    lacking = [p.name for p in definition.inputs if p.name not in arguments]
    if lacking and "..." not in arguments:
        raise ApiError(
            400,
            f"inputParameterDefinitions: the model has no argument {', '.join(lacking)}; "
            f"it has {', '.join(arguments) or 'none'}",
        )


def _ask(model: bytes, proxy: Path) -> tuple[int, dict[str, object]]:
    connection = _Connection(proxy)
    try:
        connection.request("POST", "/check", model, {"Content-Type": "application/octet-stream"})
        response = connection.getresponse()
        text = response.read(64 * 1024)
    except (OSError, http.client.HTTPException):
        return http.client.SERVICE_UNAVAILABLE, {}
    finally:
        connection.close()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    return response.status, answer if isinstance(answer, dict) else {}
