"""What the scoring URI answers to this machine: name, connection, certificate, credential, score.

The certificate is looked at without trusting it, and then trusted or not as clients do; no
credential is sent over a connection that is not trusted. There are no routes for callers but the
scoring one: that the front lives is seen by its refusal of a request without a credential.
"""

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
from cryptography import x509

from model_folders.reading import ModelFolder
from operations.endpoint import Access, Deployment, Endpoint
from operations.endpoint_client import EndpointClient, message
from operations.errors import OperationError
from operations.prove import same

CONNECT_SECONDS = 5.0
SCORE_SECONDS = 15.0
MODEL_STATUS = "ms-azureml-model-error-statuscode"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back for a model's own sample request."""

    deployment: str
    """Who was asked by name; empty: whomever the traffic chose."""
    status: int = 0
    """0 when nothing came."""
    seconds: float = 0.0
    said: str = ""
    """What a refusal says, or why nothing came."""
    right: bool = False
    """Whether it is what the model's folder says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """What was found out about the way in."""

    host: str
    port: int
    addresses: tuple[str, ...] = ()
    unresolved: str = ""
    unreached: str = ""
    """Why there is no connection."""
    until: float | None = None
    """When its certificate ends; None when none was shown."""
    refused: str = ""
    """Why a client would not trust it."""
    stranger: int | None = None
    """Status for a caller without a credential; None when none was asked, or nothing came."""
    no_credential: str = ""
    answers: tuple[Answer, ...] = ()

    @property
    def outside(self) -> bool:
        """Whether its name leads nowhere, or out of private networks."""
        return not self.addresses or not all(ip_address(each).is_private for each in self.addresses)

    @property
    def trusted(self) -> bool:
        """Whether a client would send something."""
        return self.until is not None and not self.refused


def look(
    endpoint: Endpoint, access: Access, folders: Mapping[str, ModelFolder], *, private: bool
) -> Front:
    """Return what the way in answers; *folders*: those of models, by deployment.

    From outside of its network a private one is not asked anything.
    """
    parts = urlsplit(endpoint.uri)
    front = Front(host=str(parts.hostname), port=parts.port or 443)
    try:
        target = access.address(front.host)
        found = socket.getaddrinfo(target, front.port, type=socket.SOCK_STREAM)
    except OperationError as error:
        return replace(front, unresolved=error.why)
    except OSError as error:
        return replace(front, unresolved=str(error))
    front = replace(front, addresses=tuple(sorted({str(each[4][0]) for each in found})))
    if private and front.outside:
        return front
    front = _shown(front, target, access)
    return _asked(front, endpoint, access, folders) if front.trusted else front


def _shown(front: Front, target: str, access: Access) -> Front:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((target, front.port), CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=front.host) as wrapped,
        ):
            der = wrapped.getpeercert(binary_form=True) or b""
        until = x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp()
    except (OSError, ValueError) as error:
        return replace(front, unreached=str(error) or type(error).__name__)
    front = replace(front, until=until)
    try:
        with (
            socket.create_connection((target, front.port), CONNECT_SECONDS) as plain,
            access.trust().wrap_socket(plain, server_hostname=front.host),
        ):
            return front
    except ssl.SSLCertVerificationError as error:
        return replace(front, refused=error.verify_message or str(error))
    except OperationError as error:
        return replace(front, refused=error.why)
    except OSError as error:
        return replace(front, refused=str(error) or type(error).__name__)


def _asked(
    front: Front, endpoint: Endpoint, access: Access, folders: Mapping[str, ModelFolder]
) -> Front:
    with EndpointClient(endpoint, access) as client:
        try:
            # Nothing that a model could take for its inputs: it is not to be answered at all.
            front = replace(front, stranger=_stranger(client))
            client.sign_in()
        except OperationError as error:
            return replace(front, no_credential=f"{error.what}: {error.why}")
        asked: list[tuple[Deployment | None, ModelFolder]] = [
            (each, folders[each.name]) for each in endpoint.deployments if each.name in folders
        ]
        live = [name for name, percent in endpoint.traffic.items() if percent]
        if live and all(name in folders for name in live):
            # Whoever is chosen: deployments of another model would refuse its inputs.
            models = {folders[name].path for name in live}
            if len(models) == 1:
                asked.append((None, folders[live[0]]))
        if not asked:
            return front
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = pool.map(lambda each: _answer(client, *each), asked)
            return replace(front, answers=tuple(answers))


def _stranger(client: EndpointClient) -> int | None:
    try:
        return client.send(None, {}, CONNECT_SECONDS, stranger=True).status_code
    except OperationError:
        return None


def _answer(client: EndpointClient, deployment: Deployment | None, folder: ModelFolder) -> Answer:
    name, began = deployment.name if deployment else "", time.monotonic()
    try:
        reply = client.send(deployment, folder.request, SCORE_SECONDS)
    except OperationError as error:
        return Answer(deployment=name, seconds=time.monotonic() - began, said=error.why)
    took = time.monotonic() - began
    body = _body(reply)
    if reply.status_code == HTTPStatus.OK:
        right = isinstance(body, dict) and same(body, folder.answer)
        return Answer(deployment=name, status=reply.status_code, seconds=took, right=right)
    inner = reply.headers.get(MODEL_STATUS, "")
    said = f"{f'the container answered {inner}: ' if inner else ''}{message(body)}"
    return Answer(deployment=name, status=reply.status_code, seconds=took, said=said)


def _body(reply: httpx.Response) -> object:
    try:
        found: object = reply.json()
    except ValueError:
        return None
    return found


def named(answers: Sequence[Answer], deployment: str) -> Answer | None:
    """Return what a deployment that was asked by name answered."""
    return next((each for each in answers if each.deployment == deployment), None)
