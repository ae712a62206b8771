"""A client of one environment's API, whose paths and bodies are those of facts.md 13.

Tokens and password are in memory only: not in an argument, a variable, a message or a `repr`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from operations.connection import ANSWER_SECONDS, Connection, Reply
from operations.definitions import Dialect, Family, Open, Published
from operations.errors import OperationError
from operations.patience import until
from operations.product import LOCAL, Product
from operations.stack import Environment

__all__ = ["Answer", "Client", "Published"]

PUBLISH_SECONDS = 120.0
"""A model goes up, R loads it (40 s at most), every compute node gets it (10 s at most)."""
SPARE_SECONDS = 60.0
"""An access token is renewed so long before its end."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service answered."""

    outputs: dict[str, Any]
    error: str | None
    """What R said, when the model failed."""
    console: str


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
        self._connection = Connection(environment)
        product = environment.product
        self.dialect: Dialect = Family(product.r_version) if product else Open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    @property
    def endpoint(self) -> str:
        """Where the environment is."""
        return self._environment.endpoint

    @property
    def product(self) -> Product | None:
        """R Server or ML Server; None for the open runtime."""
        return self._environment.product

    def token(self) -> str:
        """Return an access token that is good for `SPARE_SECONDS` at least.

        Callers beside this client share it: logins are counted by address.
        """
        return self._access()

    def reconnect(self) -> None:
        """Let the next request go to whichever node the balancer chooses; tokens stay."""
        self._connection.close()
        self._connection = Connection(self._environment)

    def await_serving(self, seconds: float) -> None:
        """Wait until a node says that it serves.

        A cloud may call a machine of its own ready when it merely runs, as AWS does.

        Raises:
            OperationError: when nobody answers in time.
        """

        def ask() -> Reply | OperationError:
            try:
                return self._connection.send("GET", "/ping")
            except OperationError as error:
                return error

        def serves(found: Reply | OperationError) -> bool:
            return isinstance(found, Reply) and found.status != HTTPStatus.SERVICE_UNAVAILABLE

        found = until(ask, serves, seconds)
        if isinstance(found, OperationError):
            raise found
        if not serves(found):
            raise self.refuse(found, "wait until a node serves")

    def versions(self, name: str) -> tuple[Published, ...]:
        """Return the versions of a service, oldest first; none when nobody published it."""
        reply = self._call("GET", f"/services/{name}")
        if reply.status == HTTPStatus.NOT_FOUND:
            return ()
        return self._services(self._good(reply, f"list the versions of {name}"))

    def names(self) -> tuple[str, ...]:
        """Return the names of all services."""
        found = self._services(self._good(self._call("GET", "/services"), "list the services"))
        return tuple(sorted({service.name for service in found}))

    def find(self, name: str, version: str) -> Published | None:
        """Return a service version, or None."""
        reply = self._call("GET", f"/services/{name}/{version}")
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        return self._services(self._good(reply, f"look up {name} {version}"))[0]

    def model(self, name: str, version: str) -> bytes:
        """Return the model of a version as it was published; only an Owner gets it.

        Raises:
            OperationError: when it cannot be had, or what is published is R code of somebody else.
        """
        if self._environment.product:
            return self._model_in_code(name, version)
        path = f"/services/{name}/{version}/model"
        found = self._good(
            self._call("GET", path, seconds=PUBLISH_SECONDS), f"give the model of {name} {version}"
        )
        if not isinstance(found, bytes):
            raise self._connection.foreign("a model came as something else than bytes")
        return found

    def _model_in_code(self, name: str, version: str) -> bytes:
        found = self.find(name, version)
        if found is None or found.model is None:
            raise OperationError(
                f"the model of {name} {version} cannot be taken out of it",
                self.endpoint,
                "it is R code, or a snapshot, that scripts/publish did not make",
                "publish it by the way that it was published, or delete it",
            )
        return found.model

    def status(self) -> dict[str, Any]:
        """Return what a web node says of itself and of all that it uses (facts.md 13.4)."""
        found = self._good(self._call("GET", "/status"), "say how it is")
        if not isinstance(found, dict):
            raise self._connection.foreign("a status came that is no object")
        return found

    def sign_in(self) -> None:
        """Log in, unless that is done. Raises OperationError when the environment says no."""
        self._access()

    def raw_status(self) -> tuple[int, Any]:
        """Return what `/status` answers with the token that we have, whatever that is."""
        reply = self._connection.send("GET", "/status", token=self._access())
        return reply.status, reply.body

    def execute(self, code: str) -> Any:
        """Run a block of R code in a session of its own, which ends with it (facts.md 14.1).

        Raises:
            OperationError: when there is no session, or the code fails.
        """
        opened = self._call("POST", "/sessions", {"name": "diagnostics", "runtimeType": "R"})
        session = f"/sessions/{self._good(opened, 'open a session')['sessionId']}"
        try:
            reply = self._call("POST", f"{session}/execute", {"code": code})
            answer = self._good(reply, "execute code")
        finally:
            self._call("DELETE", session)
        if not isinstance(answer, dict) or answer.get("success") is not True:
            why = answer.get("errorMessage") if isinstance(answer, dict) else "it is no object"
            raise OperationError(
                "code could not be executed",
                self.endpoint,
                str(why or "it says no reason"),
                "the web node's log has the request",
            )
        return answer

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
        if reply.status != HTTPStatus.OK:
            return reply
        body = reply.body
        if not isinstance(body, dict) or not isinstance(body.get("outputParameters"), dict):
            raise self._connection.foreign("an answer without outputParameters came")
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
        if status == HTTPStatus.FORBIDDEN:
            fix = (
                f"if it is the address: add yours to access.clients of stack "
                f"'{self._environment.stack}' and deploy it"
            )
        elif status == HTTPStatus.TOO_MANY_REQUESTS:
            fix = "wait a minute, then try again"
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            fix = "try again; if it stays so, the nodes' journals say why"
        return OperationError(
            f"the environment did not {what}", self.endpoint, f"{status}: {reply.message}", fix
        )

    def _good(self, reply: Reply, what: str) -> Any:
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise self.refuse(reply, what)
        return reply.body

    def _services(self, body: Any) -> tuple[Published, ...]:
        try:
            return tuple(self.dialect.read(entry) for entry in body)
        except (TypeError, KeyError, ValueError):
            raise self._connection.foreign("a list of services in another shape came") from None

    def _call(
        self, method: str, path: str, body: object = None, seconds: float = ANSWER_SECONDS
    ) -> Reply:
        """Send a request with an access token; a refused token is renewed once."""
        known = self._tokens is not None
        reply = self._connection.send(method, path, body, seconds, self._access())
        if reply.status == HTTPStatus.UNAUTHORIZED and known:
            self._tokens = None
            reply = self._connection.send(method, path, body, seconds, self._access())
        if reply.status == HTTPStatus.UNAUTHORIZED:
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
        self._knows_us(environment)
        credentials = {"username": environment.username, "password": environment.password}
        reply = self._connection.send("POST", "/login", credentials)
        if reply.status == HTTPStatus.UNAUTHORIZED:
            raise OperationError(
                f"the login as {environment.username} is refused",
                self.endpoint,
                "the stack's password is not the one that the nodes have",
                f"deploy stack '{environment.stack}' again: nodes read their secrets at boot",
            )
        return self._granted(self._good(reply, "log in"))

    def _knows_us(self, environment: Environment) -> None:
        """Refuse to log in as an account that a directory has switched off (facts.md R13)."""
        product = environment.product
        if product and product.authentication != LOCAL:
            raise OperationError(
                f"nobody can log in as {environment.username}",
                self.endpoint,
                f"users of this environment are those of its directory "
                f"({product.authentication}), and the local account is off",
                "use a client of the product's, and log in as one of them",
            )

    def _renewed(self, tokens: _Tokens) -> _Tokens | None:
        """Return a new pair, or None when only the password helps."""
        reply = self._connection.send(
            "POST", "/login/refreshToken", {"refreshToken": tokens.refresh}
        )
        if reply.status == HTTPStatus.UNAUTHORIZED:
            return None
        return self._granted(self._good(reply, "renew the access token"))

    def _granted(self, body: Any) -> _Tokens:
        try:
            ends = self._clock() + float(body["expires_in"]) - SPARE_SECONDS
            return _Tokens(str(body["access_token"]), str(body["refresh_token"]), ends)
        except (TypeError, KeyError, ValueError):
            raise self._connection.foreign("the login gave no tokens") from None
