"""A client of one managed endpoint: sends a request, and says what became of it.

Sources: Azure documentation, "Troubleshoot online endpoints deployment and scoring" (HTTP status
codes: 404 no traffic, 408 the model took too long, 424 the model failed, 429 too many requests),
"Perform safe rollout of new deployments" (`azureml-model-deployment`).
"""

import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from operations.endpoint import Access, Deployment, Endpoint
from operations.errors import OperationError

CONNECT_SECONDS = 5.0
DEPLOYMENT = "azureml-model-deployment"
"""The header that chooses a deployment whatever the traffic, and says which one answered."""


class EndpointClient:
    """Talks to one endpoint; use it in a `with` statement."""

    def __init__(self, endpoint: Endpoint, access: Access) -> None:
        """Raise OperationError when nobody says where the endpoint is or whom to trust."""
        self.endpoint = endpoint
        self._access = access
        self._bearer = ""
        known = httpx.URL(endpoint.uri)
        self._host = known.host
        address = access.address(known.host)
        self._url = known.copy_with(host=address)
        # Proxies of the shell's variables are for the world; the sandbox is on this machine.
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(verify=access.trust(), retries=1),
            trust_env=address == known.host,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._http.close()

    def score(
        self, name: str, version: str | None, inputs: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Return the outputs of a model, by the endpoint's own choice where all of it serves it.

        Raises:
            OperationError: when no deployment has the model, or nobody could answer.
        """
        endpoint = self.endpoint
        able = endpoint.serving(name, version)
        if not able:
            known = sorted({f"{each.model} {each.version}" for each in endpoint.deployments})
            raise OperationError(
                f"no deployment has model {name} {version or ''}".rstrip(),
                endpoint.uri,
                f"deployed are {', '.join(known) or 'no models'}",
                "give one of these, or name it in endpoint.deployments of the stack file and "
                "deploy it",
            )
        live = {each for each, percent in endpoint.traffic.items() if percent}
        # A request that the traffic decides on could come to another model.
        free = bool(live) and live <= {each.name for each in able}
        return self.ask(None if free else able[0], inputs, seconds)

    def ask(
        self, deployment: Deployment | None, inputs: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Return what *deployment* answers; None: whomever the traffic gives it to."""
        reply = self.send(deployment, inputs, seconds)
        if reply.status_code == HTTPStatus.UNAUTHORIZED and self._bearer:
            # A token may have ended since it was asked for.
            self._bearer = ""
            reply = self.send(deployment, inputs, seconds)
        try:
            body = json.loads(reply.content)
        except ValueError:
            body = None
        if reply.status_code == HTTPStatus.OK and isinstance(body, dict):
            return body
        raise self._refused(deployment, reply, body)

    def sign_in(self) -> str:
        """Return what lets the caller in, asked for once. Raises OperationError."""
        self._bearer = self._bearer or self._access.bearer(self.endpoint)
        return self._bearer

    def send(
        self,
        deployment: Deployment | None,
        inputs: Mapping[str, Any],
        seconds: float,
        *,
        stranger: bool = False,
    ) -> httpx.Response:
        """Send a request and return whatever comes back; a *stranger* shows no credential.

        Raises:
            OperationError: when nothing comes back, or there is no credential.
        """
        headers = {"Content-Type": "application/json", "Host": self._host}
        if not stranger:
            headers["Authorization"] = f"Bearer {self.sign_in()}"
        if deployment is not None:
            headers[DEPLOYMENT] = deployment.name
        try:
            return self._http.post(
                self._url,
                content=json.dumps(inputs).encode(),
                headers=headers,
                timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
                # The address has no name of its own: the certificate is the endpoint's.
                extensions={"sni_hostname": self._host},
            )
        except httpx.ReadTimeout as error:
            raise OperationError(
                "the endpoint did not answer in time",
                self.endpoint.uri,
                f"no answer within {seconds:.0f} seconds",
                "try again; for a model that takes its time give --timeout SECONDS",
            ) from error
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.TransportError) -> OperationError:
        cause: BaseException = error
        while below := cause.__cause__ or cause.__context__:
            cause = below
        if isinstance(cause, ssl.SSLCertVerificationError):
            return OperationError(
                "the endpoint's certificate is not trusted",
                self.endpoint.uri,
                cause.verify_message or str(cause),
                "something else answers at this address: do not send it anything",
            )
        return OperationError(
            "the endpoint cannot be reached",
            self.endpoint.uri,
            str(cause) or type(cause).__name__,
            f"see that stack '{self.endpoint.stack}' is deployed and, where the endpoint is "
            "private, that this machine is in its network",
        )

    def _refused(
        self, deployment: Deployment | None, reply: httpx.Response, body: Any
    ) -> OperationError:
        said = message(body)
        who = f"deployment {deployment.name}" if deployment else "the endpoint"
        status = reply.status_code
        known = {
            401: ("does not let the caller in", "sign in as somebody who may score"),
            403: ("does not let the caller in", "sign in as somebody who may score"),
            404: (
                "sends the request to nobody",
                "scripts/traffic shows who has traffic, and gives some",
            ),
            408: (
                "took too long to answer",
                "raise requests.timeoutSeconds of the deployment, and deploy it",
            ),
            424: (
                "answered that the model failed",
                "correct the request; models/NAME/request.json is one that works",
            ),
            429: ("has too many requests", "try again later, or give it more instances"),
        }
        what, fix = known.get(
            status, ("did not answer", "try again; the deployment's log says why")
        )
        return OperationError(f"{who} {what}", self.endpoint.uri, f"{status}: {said}", fix)


def message(body: Any) -> str:
    """Return what a refusal says, of Azure or of the model's container."""
    if isinstance(body, dict):
        error = body.get("error")
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            return str(error["message"])
        if isinstance(body.get("message"), str):
            return str(body["message"])
    return "it said nothing that can be understood" if body is None else json.dumps(body)[:500]
