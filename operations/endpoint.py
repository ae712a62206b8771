"""A managed endpoint as its callers see it: which deployments it has, and what lets one in.

Nothing that lets a caller in is kept: a token is asked for when it is needed, and is in memory.
"""

import importlib
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from operations.errors import OperationError

TOPOLOGY = "managed-endpoint"
API_VERSION = "2025-12-01"
"""Of the calls for a token: the one that azure-native makes the endpoint with."""
ENTRA_RESOURCE = "https://ml.azure.com"
"""What a token of Microsoft Entra for scoring is for."""
MANAGEMENT = "https://management.azure.com"
SECONDS = 60.0
"""How long a command that gives a token may take."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One deployment, as it was deployed."""

    name: str
    model: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A deployed endpoint."""

    stack: str
    uri: str
    """`https://HOST/score`."""
    name: str
    id: str
    authentication: str
    """`amlToken`, `key` or `entra`."""
    deployments: tuple[Deployment, ...] = ()
    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror: Mapping[str, int] = field(default_factory=dict)
    key: str = field(default="", repr=False)

    def serving(self, model: str, version: str | None) -> list[Deployment]:
        """Return the deployments of a model, those with the most traffic first."""
        wanted = asset_name(model)
        found = [
            each
            for each in self.deployments
            if each.model == wanted and version in (None, each.version)
        ]
        return sorted(found, key=lambda each: -self.traffic.get(each.name, 0))

    def deployment(self, name: str) -> Deployment:
        """Return the deployment of that name. Raises OperationError when there is none."""
        found = next((each for each in self.deployments if each.name == name), None)
        if found is None:
            known = ", ".join(each.name for each in self.deployments) or "none"
            raise OperationError(
                f"there is no deployment {name}",
                self.uri,
                f"the endpoint has {known}",
                "give one of these, or deploy it first",
            )
        return found


def asset_name(model: str) -> str:
    """Return a model's name as registries have it: in small letters, with single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")


def read(stack: str, outputs: Mapping[str, Any]) -> Endpoint | None:
    """Return the endpoint that a stack's outputs describe; None when they lack a part."""
    texts = {
        name: outputs.get(name)
        for name in ("endpoint", "endpointName", "endpointId", "authentication")
    }
    deployments = outputs.get("deployments")
    if not isinstance(deployments, Mapping) or not all(
        isinstance(value, str) and value for value in texts.values()
    ):
        return None
    return Endpoint(
        stack=stack,
        uri=str(texts["endpoint"]),
        name=str(texts["endpointName"]),
        id=str(texts["endpointId"]),
        authentication=str(texts["authentication"]),
        deployments=tuple(
            Deployment(name=name, model=str(each["model"]), version=str(each["version"]))
            for name, each in deployments.items()
        ),
        traffic=_percents(outputs.get("traffic")),
        mirror=_percents(outputs.get("mirror")),
        key=str(outputs.get("key") or ""),
    )


def _percents(found: object) -> dict[str, int]:
    return {str(k): int(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


class Access(Protocol):
    """How one reaches an endpoint, and is let in."""

    def bearer(self, endpoint: Endpoint) -> str:
        """Return what follows `Authorization: Bearer`. Raises OperationError."""
        ...

    def address(self, host: str) -> str:
        """Return what to connect to for *host*. Raises OperationError."""
        ...

    def trust(self) -> ssl.SSLContext:
        """Return who may sign for the endpoint. Raises OperationError."""
        ...


@dataclass(frozen=True)
class SandboxAccess:
    """The sandbox's endpoints: its own names, its own authority, its own tokens."""

    script: Path
    home: Path

    def bearer(self, endpoint: Endpoint) -> str:
        """Return the key, or a new token."""
        return endpoint.key or self._ask("token", endpoint.id)

    def address(self, host: str) -> str:
        """Return the address that the sandbox lends the endpoint: no DNS of this machine has it."""
        return self._ask("address", host)

    def trust(self) -> ssl.SSLContext:
        """Return the sandbox's authority, and no other."""
        return ssl.create_default_context(cadata=self._ask("certificate"))

    def _ask(self, *words: str) -> str:
        return _said(
            [str(self.script), "--home", str(self.home), *words],
            "the sandbox did not answer",
            "scripts/sandbox status shows whether it runs; scripts/up starts it",
        )


@dataclass(frozen=True)
class AzureAccess:
    """Azure's own: who one is to it, azure-identity or the Azure CLI says."""

    def bearer(self, endpoint: Endpoint) -> str:
        """Return the key, or a new token."""
        match endpoint.authentication:
            case "key":
                return endpoint.key or self._called(endpoint, "listKeys", "primaryKey")
            case "entra":
                return entra(ENTRA_RESOURCE)
        return self._called(endpoint, "token", "accessToken")

    def address(self, host: str) -> str:
        """Return the name itself: DNS has it."""
        return host

    def trust(self) -> ssl.SSLContext:
        """Return the system's authorities."""
        return ssl.create_default_context()

    def _called(self, endpoint: Endpoint, action: str, wanted: str) -> str:
        import httpx  # noqa: PLC0415 -- takes as long to import as Pulumi to answer

        url = f"{MANAGEMENT}{endpoint.id}/{action}?api-version={API_VERSION}"
        headers = {"Authorization": f"Bearer {entra(MANAGEMENT)}"}
        try:
            reply = httpx.post(url, headers=headers, timeout=SECONDS)
            found = reply.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _no_credential(endpoint, str(error) or type(error).__name__) from error
        if not isinstance(found, dict) or not isinstance(found.get(wanted), str):
            said = found.get("error", found) if isinstance(found, dict) else found
            raise _no_credential(endpoint, f"{reply.status_code}: {json.dumps(said)[:500]}")
        return str(found[wanted])


def _no_credential(endpoint: Endpoint, why: str) -> OperationError:
    return OperationError(
        f"Azure gives no credential for endpoint {endpoint.name}",
        endpoint.id,
        why,
        "sign in (az login) as somebody who may read the endpoint's keys or tokens: role AzureML "
        "Data Scientist on the workspace",
    )


def entra(resource: str) -> str:
    """Return a token of Microsoft Entra for *resource*: of azure-identity, else of the CLI."""
    try:
        # Not ours to require.
        identity: Any = importlib.import_module("azure.identity")
    except ImportError:
        return _said(
            ["az", "account", "get-access-token", "--resource", resource, "--query", "accessToken",
             "--output", "tsv"],
            "there is no token of Microsoft Entra",
            "sign in: az login (or install azure-identity, which knows more ways)",
        )  # fmt: skip
    return str(identity.DefaultAzureCredential().get_token(f"{resource}/.default").token)


def _said(command: Sequence[str], what: str, fix: str) -> str:
    """Return what a command printed. Raises OperationError with *what* when it fails."""
    program = shutil.which(command[0])
    if program is None:
        raise OperationError(what, command[0], "it is not installed", fix)
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=os.environ,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperationError(what, command[0], str(error), fix) from error
    if done.returncode:
        words = done.stderr.strip() or f"it ended with {done.returncode}"
        raise OperationError(what, " ".join(command[:2]), words, fix)
    return done.stdout.strip()
