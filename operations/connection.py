"""HTTPS to one environment, which trusts that environment's own certificate and nothing else.

Plain HTTP where the environment's settings want it so; then nothing at all is trusted.
Proxies of the shell's variables are not used: an environment lets in the addresses that its stack
names.
"""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from operations.answering import first_answering
from operations.errors import OperationError
from operations.stack import Environment

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""For all that neither publishes nor scores."""
HTTPS_PORT = 443
SEVERAL = 2
BYTES = "application/octet-stream"
LARGEST_ANSWER = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A status and what came with it."""

    status: int
    body: Any
    """JSON, or the bytes of what is none by its own word (application/octet-stream)."""
    timing: str = ""
    """What the answer says of where its time went (`Server-Timing`), if it does."""

    @property
    def message(self) -> str:
        """What the environment says of a refusal."""
        if isinstance(self.body, dict) and isinstance(self.body.get("message"), str):
            return str(self.body["message"])
        return f"status {self.status} without a message"


class Connection:
    """Sends requests; what cannot be sent or understood is an `OperationError`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.endpoint = environment.endpoint
        self._base: str | None = None
        """The endpoint as it is connected to; None until the first request."""
        self._http = httpx.Client(
            # A connection that was not made was not heard either: another node may take it.
            transport=httpx.HTTPTransport(verify=trust(environment), retries=1),
            trust_env=False,
        )

    def close(self) -> None:
        """End all connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        seconds: float = ANSWER_SECONDS,
        token: str | None = None,
    ) -> Reply:
        """Send *body* as JSON, with *token* if there is one, and return what comes back.

        Raises:
            OperationError: when nobody answers in time, or not as the environment would.
        """

        def request(base: str) -> httpx.Request:
            return self._http.build_request(
                method,
                base + path,
                content=None if body is None else json.dumps(body).encode(),
                headers={"Content-Type": "application/json"}
                | ({"Authorization": f"Bearer {token}"} if token else {}),
                timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
            )

        try:
            response = self._connected(request)
            try:
                content = self._content(response)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise self._unreachable(error, seconds) from error
        timing = response.headers.get("Server-Timing", "")
        if response.headers.get("Content-Type") == BYTES:
            return Reply(status=response.status_code, body=content, timing=timing)
        try:
            return Reply(status=response.status_code, body=json.loads(content), timing=timing)
        except ValueError:
            if response.is_success:
                raise self.foreign("an answer came that is not JSON") from None
            return Reply(status=response.status_code, body=None)

    def _connected(self, request: Callable[[str], httpx.Request]) -> httpx.Response:
        """Send *request* to an address of the environment that takes a connection."""
        if self._base is not None:
            try:
                return self._http.send(request(self._base), stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # Nobody heard it. The address may have gone with its zone.
                if len(self._environment.addresses) < SEVERAL:
                    raise
        base = self._reachable()
        response = self._http.send(request(base), stream=True)
        # Only now: a name that nobody answered for yet may be in no DNS of this machine.
        self._base = base
        return response

    def _reachable(self) -> str:
        """Return the endpoint with an address that answers in the place of its name."""
        endpoint = httpx.URL(self.endpoint)
        addresses = self._environment.addresses
        if not addresses or addresses == (endpoint.host,):
            return self.endpoint
        found = first_answering(addresses, endpoint.port or HTTPS_PORT, CONNECT_SECONDS)
        return str(endpoint.copy_with(host=found)) if found else self.endpoint

    def _content(self, response: httpx.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > LARGEST_ANSWER:
                raise self.foreign(f"an answer of more than {LARGEST_ANSWER} bytes came")
        return bytes(content)

    def _unreachable(self, error: httpx.TransportError, seconds: float) -> OperationError:
        stack = self._environment.stack
        cause = _cause(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return OperationError(
                "the environment's certificate is not trusted",
                self.endpoint,
                cause.verify_message or str(cause),
                f"if somebody changed stack '{stack}', deploy it again; else something else "
                "answers at this address: do not send it anything",
            )
        if isinstance(error, httpx.ConnectTimeout):
            return OperationError(
                "the environment does not answer",
                self.endpoint,
                f"no connection within twice {CONNECT_SECONDS:.0f} seconds: no web node is ready, "
                "or your address is not allowed",
                f"access.clients of stack '{stack}' must have your address; if it has, look at "
                "the web nodes",
            )
        if isinstance(error, httpx.TimeoutException):
            return OperationError(
                "the environment took too long",
                self.endpoint,
                f"no answer within {seconds:.0f} seconds",
                "try again; for a model that takes its time give --timeout SECONDS",
            )
        return OperationError(
            "the environment cannot be reached",
            self.endpoint,
            str(cause) or type(cause).__name__,
            f"see that stack '{stack}' is deployed and its web nodes run, then try again",
        )

    def foreign(self, why: str) -> OperationError:
        """Return the error for an answer that is not as the environment's are."""
        return OperationError(
            "the environment's answer cannot be understood",
            self.endpoint,
            why,
            "deploy the stack with the release that you publish and score with",
        )


def trust(environment: Environment) -> ssl.SSLContext:
    """Return what verifies the environment: its authority and its address, nothing else.

    Raises:
        OperationError: when the stack's output is no certificate.
    """
    if not environment.endpoint.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    brought = environment.certificate
    output = "certificate" if brought else "certificateAuthority"
    try:
        # With data of our own the system's authorities are not loaded.
        context = ssl.create_default_context(cadata=_first(brought or environment.authority))
        if brought:
            # This one certificate and no other: it is for names that clients know, and the stack
            # tells us the address.
            context.check_hostname = False
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context
    except (ssl.SSLError, ValueError):
        raise OperationError(
            "the environment's certificate cannot be read",
            f"output {output} of stack '{environment.stack}'",
            "it is not a certificate in PEM",
            f"deploy stack '{environment.stack}' again",
        ) from None


def _first(chain: str) -> str:
    """Return the first certificate of a PEM *chain*: the server's own, or the only one."""
    end = "-----END CERTIFICATE-----"
    return chain.partition(end)[0] + end


def _cause(error: BaseException) -> BaseException:
    """Return what lies at the bottom of *error*."""
    while below := error.__cause__ or error.__context__:
        error = below
    return error
