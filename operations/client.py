"""A client of one environment's API, over HTTPS that trusts the environment's authority alone.

Paths and bodies are those of facts.md 13. Tokens and password are in memory only: not in an
argument, a variable, a message or a `repr`. Proxies of the shell's variables are not used: an
environment lets in the addresses that its stack names.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from operations.errors import OperationError
from operations.stack import Environment

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""For all that neither publishes nor scores."""
PUBLISH_SECONDS = 120.0
"""A model goes up, R loads it (40 s at most), every compute node gets it (10 s at most)."""
SPARE_SECONDS = 60.0
"""An access token is renewed so long before its end."""
LARGEST_ANSWER = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Published:
    """A service version, as the environment describes it."""

    name: str
    version: str
    description: str
    inputs: tuple[tuple[str, str], ...]
    """Names and R types."""
    outputs: tuple[tuple[str, str], ...]
    sha256: str
    """The model's sum."""
    created: datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service answered."""

    outputs: dict[str, Any]
    error: str | None
    """What R said, when the model failed."""
    console: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A status and the JSON that came with it."""

    status: int
    body: Any

    @property
    def message(self) -> str:
        """What the environment says of a refusal."""
        if isinstance(self.body, dict) and isinstance(self.body.get("message"), str):
            return str(self.body["message"])
        return f"status {self.status} without a message"


@dataclass(frozen=True)
class _Tokens:
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    ends: float
    """By `time.monotonic`: the clocks of the two machines may differ."""


class Client:
    """Talks to one environment; use it in a `with` statement."""

    def __init__(
        self, environment: Environment, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._environment = environment
        self._clock = clock
        self._tokens: _Tokens | None = None
        self._http = httpx.Client(
            base_url=environment.endpoint,
            # A connection that was not made was not heard either: another node may take it.
            transport=httpx.HTTPTransport(verify=trust(environment), retries=1),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    @property
    def endpoint(self) -> str:
        """Where the environment is."""
        return self._environment.endpoint

    def versions(self, name: str) -> tuple[Published, ...]:
        """Return the versions of a service, oldest first; none when nobody published it."""
        reply = self._call("GET", f"/services/{name}")
        if reply.status == httpx.codes.NOT_FOUND:
            return ()
        return self._services(self._good(reply, f"list the versions of {name}"))

    def names(self) -> tuple[str, ...]:
        """Return the names of all services."""
        found = self._services(self._good(self._call("GET", "/services"), "list the services"))
        return tuple(sorted({service.name for service in found}))

    def find(self, name: str, version: str) -> Published | None:
        """Return a service version, or None."""
        reply = self._call("GET", f"/services/{name}/{version}")
        if reply.status == httpx.codes.NOT_FOUND:
            return None
        return self._services(self._good(reply, f"look up {name} {version}"))[0]

    def publish(self, name: str, version: str, definition: Mapping[str, Any]) -> Reply:
        """Publish a version; 201, or 403 when it exists, 400 and 503 with words are for callers."""
        return self._call("POST", f"/services/{name}/{version}", definition, PUBLISH_SECONDS)

    def change(self, name: str, version: str, definition: Mapping[str, Any]) -> Reply:
        """Change a version; statuses as for `publish`, and 404 when it is not there."""
        return self._call("PATCH", f"/services/{name}/{version}", definition, PUBLISH_SECONDS)

    def consume(
        self, name: str, version: str, inputs: Mapping[str, Any], seconds: float
    ) -> Answer | Reply:
        """Return what a service answers, or the refusal when no model answered."""
        reply = self._call("POST", f"/api/{name}/{version}", inputs, seconds)
        if reply.status != httpx.codes.OK:
            return reply
        body = reply.body
        if not isinstance(body, dict) or not isinstance(body.get("outputParameters"), dict):
            raise self._foreign("an answer without outputParameters came")
        failed = body.get("success") is not True
        return Answer(
            outputs=body["outputParameters"],
            error=str(body.get("errorMessage") or "the model failed") if failed else None,
            console=str(body.get("consoleOutput") or ""),
        )

    def refuse(self, reply: Reply, what: str) -> OperationError:
        """Return the error for a reply that nobody has a better word for."""
        status = reply.status
        fix = "the message says what is wrong"
        if status == httpx.codes.FORBIDDEN:
            fix = (
                f"if it is the address: add yours to access.clients of stack "
                f"'{self._environment.stack}' and deploy it"
            )
        elif status == httpx.codes.TOO_MANY_REQUESTS:
            fix = "wait a minute, then try again"
        elif status >= httpx.codes.INTERNAL_SERVER_ERROR:
            fix = "try again; if it stays so, the nodes' journals say why"
        return OperationError(
            f"the environment did not {what}", self.endpoint, f"{status}: {reply.message}", fix
        )

    def _good(self, reply: Reply, what: str) -> Any:
        if not httpx.codes.is_success(reply.status):
            raise self.refuse(reply, what)
        return reply.body

    def _services(self, body: Any) -> tuple[Published, ...]:
        try:
            return tuple(_published(entry) for entry in body)
        except (TypeError, KeyError, ValueError):
            raise self._foreign("a list of services in another shape came") from None

    def _call(
        self, method: str, path: str, body: object = None, seconds: float = ANSWER_SECONDS
    ) -> Reply:
        """Send a request with an access token; a refused token is renewed once."""
        known = self._tokens is not None
        reply = self._send(method, path, body, seconds, self._access())
        if reply.status == httpx.codes.UNAUTHORIZED and known:
            self._tokens = None
            reply = self._send(method, path, body, seconds, self._access())
        if reply.status == httpx.codes.UNAUTHORIZED:
            raise self.refuse(reply, "take its own token")
        return reply

    def _access(self) -> str:
        if self._tokens and self._clock() > self._tokens.ends:
            self._tokens = self._renewed(self._tokens)
        if self._tokens is None:
            self._tokens = self._log_in()
        return self._tokens.access

    def _log_in(self) -> _Tokens:
        environment = self._environment
        credentials = {"username": environment.username, "password": environment.password}
        reply = self._send("POST", "/login", credentials)
        if reply.status == httpx.codes.UNAUTHORIZED:
            raise OperationError(
                f"the login as {environment.username} is refused",
                self.endpoint,
                "the stack's password is not the one that the nodes have",
                f"deploy stack '{environment.stack}' again: nodes read their secrets at boot",
            )
        return self._granted(self._good(reply, "log in"))

    def _renewed(self, tokens: _Tokens) -> _Tokens | None:
        """Return a new pair, or None when only the password helps."""
        reply = self._send("POST", "/login/refreshToken", {"refreshToken": tokens.refresh})
        if reply.status == httpx.codes.UNAUTHORIZED:
            return None
        return self._granted(self._good(reply, "renew the access token"))

    def _granted(self, body: Any) -> _Tokens:
        try:
            ends = self._clock() + float(body["expires_in"]) - SPARE_SECONDS
            return _Tokens(str(body["access_token"]), str(body["refresh_token"]), ends)
        except (TypeError, KeyError, ValueError):
            raise self._foreign("the login gave no tokens") from None

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        seconds: float = ANSWER_SECONDS,
        token: str | None = None,
    ) -> Reply:
        request = self._http.build_request(
            method,
            path,
            content=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {token}"} if token else {}),
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
        )
        try:
            response = self._http.send(request, stream=True)
            try:
                content = self._content(response)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise self._unreachable(error, seconds) from error
        try:
            return Reply(status=response.status_code, body=json.loads(content))
        except ValueError:
            if response.is_success:
                raise self._foreign("an answer came that is not JSON") from None
            return Reply(status=response.status_code, body=None)

    def _content(self, response: httpx.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > LARGEST_ANSWER:
                raise self._foreign(f"an answer of more than {LARGEST_ANSWER} bytes came")
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

    def _foreign(self, why: str) -> OperationError:
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


def _published(entry: Mapping[str, Any]) -> Published:
    return Published(
        name=str(entry["name"]),
        version=str(entry["version"]),
        description=str(entry["description"]),
        inputs=_parameters(entry["inputParameterDefinitions"]),
        outputs=_parameters(entry["outputParameterDefinitions"]),
        sha256=str(entry["modelSha256"]),
        created=datetime.fromisoformat(entry["creationTime"]),
    )


def _parameters(entries: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(entry["name"]), str(entry["type"])) for entry in entries)
