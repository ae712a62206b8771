"""Azure tells of an endpoint: Azure Resource Manager, and the registry by the Azure CLI.

Sources: REST specification of Microsoft.MachineLearningServices (OnlineDeployments_GetLogs:
`containerType`, `tail`, answered with `content`); Azure CLI reference, `az acr repository show`.
That Azure names no single instance of a managed deployment, and only counts them, is from
"Supported metrics for Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments".
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import httpx

from operations.channel.azure import AZ
from operations.endpoint import API_VERSION, MANAGEMENT, entra
from operations.endpoint_cloud.facts import Facts, Instance, key
from operations.errors import OperationError

SECONDS = 20.0
AT_ONCE = 12
LINES = 20
ABSENT = ("not found", "not_found", "manifest_unknown", "name_unknown", "does not exist")
"""What the registry says of what it does not have."""


class AzureSource:
    """Azure, as the user that azure-identity or the Azure CLI is signed in as."""

    def __init__(
        self, token: Callable[[], str] | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._token = token or (lambda: entra(MANAGEMENT))
        self._transport = transport
        self._bearer = ""

    def facts(self, wanted: Mapping[str, str]) -> Facts:
        """Ask for all resources at the same time."""
        found: dict[str, Mapping[str, Any]] = {}
        gone: set[str] = set()
        untold: dict[str, str] = {}
        with self._client() as client, ThreadPoolExecutor(AT_ONCE) as pool:
            replies = pool.map(lambda each: _read(client, *each), wanted.items())
            for arm, (reply, why) in zip(wanted, replies, strict=True):
                if reply is None:
                    untold[key(arm)] = why
                elif reply.status_code == HTTPStatus.NOT_FOUND:
                    gone.add(key(arm))
                elif reply.status_code == HTTPStatus.OK and (body := _object(reply)):
                    found[key(arm)] = body
                else:
                    untold[key(arm)] = f"{reply.status_code}: {_said(reply)}"
        return Facts(resources=found, gone=frozenset(gone), untold=untold)

    def instances(self, deployments: Mapping[str, str]) -> list[Instance] | None:  # noqa: ARG002 - the form
        """Return None: Azure counts instances and tells of no single one."""
        return None

    def has_image(self, reference: str) -> bool:
        """Ask the registry, as the user of the Azure CLI."""
        host, _, image = reference.partition("/")
        ended = AZ.run(
            ["acr", "repository", "show", "--name", host.partition(".")[0], "--image", image,
             "--output", "json"],
            SECONDS,
        )  # fmt: skip
        if ended.code == 0:
            return True
        if any(word in ended.stderr.casefold() for word in ABSENT):
            return False
        raise OperationError(
            "the registry does not say what it has",
            reference,
            ended.stderr.strip()[-300:] or f"az ended with {ended.code}",
            "sign in as somebody with the role AcrPull, from a network that reaches the registry",
        )

    def log(self, deployment: str, instance: Instance | None) -> str:  # noqa: ARG002 - the form
        """Return the end of what the container of one instance said."""
        body = {"containerType": "InferenceServer", "tail": LINES}
        with self._client() as client:
            try:
                reply = client.post(f"{deployment}/getLogs?api-version={API_VERSION}", json=body)
            except httpx.HTTPError as error:
                raise _silent(deployment, str(error) or type(error).__name__) from error
        content = _object(reply).get("content")
        if not isinstance(content, str):
            raise _silent(deployment, f"{reply.status_code}: {_said(reply)}")
        return content

    def _client(self) -> httpx.Client:
        self._bearer = self._bearer or self._token()
        return httpx.Client(
            base_url=MANAGEMENT,
            headers={"Authorization": f"Bearer {self._bearer}"},
            timeout=SECONDS,
            transport=self._transport,
        )


def _read(client: httpx.Client, arm: str, version: str) -> tuple[httpx.Response | None, str]:
    try:
        return client.get(f"{arm}?api-version={version}"), ""
    except httpx.HTTPError as error:
        return None, str(error) or type(error).__name__


def _object(reply: httpx.Response) -> Mapping[str, Any]:
    try:
        found = reply.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(reply: httpx.Response) -> str:
    error = _object(reply).get("error")
    said = error.get("message") if isinstance(error, dict) else None
    return str(said or "it said nothing that can be understood")[:300]


def _silent(deployment: str, why: str) -> OperationError:
    return OperationError(
        "Azure does not give the log of a deployment",
        deployment,
        why,
        "sign in as somebody who may read it: role AzureML Data Scientist on the workspace",
    )
