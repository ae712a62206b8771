"""Clients that ask an environment for scores the whole time, and remember every request lost.

They behave as HTTP clients do: one that keeps its connection opens another one when the server
said `Connection: close` or closed it between two requests. Nothing is tried a second time.
"""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from operations.connection import trust
from operations.stack import Environment

PATIENCE = 20.0
"""Seconds after which a request is lost; an answer takes some milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A request that was not answered as it must be."""

    client: int
    """Its number: the first half of the clients keep their connections."""
    began: datetime
    seconds: float
    why: str

    def __str__(self) -> str:
        return f"{self.began:%T.%f} client {self.client} after {self.seconds:.2f} s: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the clients ask, and what they must hear."""

    path: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


class Load:
    """What the clients saw so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served = 0
        self._losses: list[Loss] = []
        self.over = threading.Event()

    @property
    def served(self) -> int:
        """Good answers so far."""
        with self._lock:
            return self._served

    @property
    def losses(self) -> Sequence[Loss]:
        """Requests lost so far."""
        with self._lock:
            return tuple(self._losses)

    def await_served(self, more: int, seconds: float = 120.0) -> None:
        """Return once *more* requests have been answered from now on."""
        wanted, deadline = self.served + more, time.monotonic() + seconds
        while self.served < wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"only {self.served} of {wanted} answers came; {self}")
            time.sleep(0.05)

    def go_on(self, seconds: float) -> None:
        """Let the clients ask for some time."""
        self.over.wait(seconds)

    def note(self, loss: Loss | None) -> None:
        """One request has ended: well, or lost."""
        with self._lock:
            if loss is None:
                self._served += 1
            else:
                self._losses.append(loss)

    def __str__(self) -> str:
        lost = self.losses
        return "\n".join([f"{self.served} served, {len(lost)} lost", *map(str, lost[:40])])


class Serving(Protocol):
    """An environment that answers clients."""

    stack: str

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in clear."""
        ...


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who is signed in to an environment, and whom it trusts."""

    endpoint: str
    trusted: ssl.SSLContext
    token: str

    def client(self) -> httpx.Client:
        """A client with connections of its own."""
        return httpx.Client(
            base_url=self.endpoint,
            verify=self.trusted,
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=PATIENCE,
        )


def sign_in(dev: Serving) -> Caller:
    """Sign in as the environment's administrator."""
    outputs = dev.outputs()
    environment = Environment(
        stack=dev.stack,
        # By address: nothing here resolves the names of the sandbox's balancers.
        endpoint=f"https://{outputs['loadBalancerAddress']}:{urlsplit(outputs['endpoint']).port}",
        addresses=tuple(outputs["loadBalancerAddresses"]),
        authority=outputs["certificateAuthority"],
        password=outputs["adminPassword"],
    )
    trusted = trust(environment)
    answer = httpx.post(
        f"{environment.endpoint}/login",
        json={"username": environment.username, "password": environment.password},
        verify=trusted,
        trust_env=False,
        timeout=PATIENCE,
    )
    answer.raise_for_status()
    return Caller(
        endpoint=environment.endpoint, trusted=trusted, token=answer.json()["access_token"]
    )


@contextmanager
def under_load(
    dev: Serving, question: Question, *, clients: int = 4, rate: float = 6.0
) -> Iterator[Load]:
    """Ask *question* with some *clients*, each *rate* times a second, while the context lasts.

    Half of them keep their connections, the others open one for each request.
    """
    load, caller = Load(), sign_in(dev)
    with ExitStack() as kept:
        askers = [
            partial(_judge, kept.enter_context(caller.client()), question)
            if number < clients / 2
            else partial(_judge_anew, caller, question)
            for number in range(clients)
        ]
        asking = [
            threading.Thread(target=_ask_on, args=(load, number, ask, 1 / rate))
            for number, ask in enumerate(askers)
        ]
        for thread in asking:
            thread.start()
        try:
            yield load
        finally:
            load.over.set()
            for thread in asking:
                thread.join()


def _judge_anew(caller: Caller, question: Question) -> str:
    with caller.client() as once:
        return _judge(once, question)


def _judge(asking: httpx.Client, question: Question) -> str:
    """Ask once; why the answer is wrong, or nothing."""
    try:
        answer = asking.post(question.path, json=dict(question.inputs))
    except httpx.HTTPError as error:
        return repr(error)
    if answer.status_code != httpx.codes.OK:
        return f"status {answer.status_code}: {answer.text[:300]}"
    if answer.json().get("outputParameters") != question.outputs:
        return f"another answer: {json.dumps(answer.json())[:300]}"
    return ""


def _ask_on(load: Load, number: int, ask: Callable[[], str], pause: float) -> None:
    while not load.over.is_set():
        began, clock = datetime.now(UTC), time.monotonic()
        why = ask()
        took = time.monotonic() - clock
        load.note(Loss(client=number, began=began, seconds=took, why=why) if why else None)
        load.over.wait(max(0.0, pause - took))
