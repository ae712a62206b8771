"""What callers ask an environment, and what they take for an answer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from operations.capacity import timing
from operations.capacity.samples import Sample
from operations.connection import Connection, Reply
from operations.errors import OperationError
from operations.stack import Environment

MODEL_FAILED = "the model failed"
UNHEARD = "no answer"


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request, again and again."""

    method: str
    path: str
    inputs: Mapping[str, Any] | None = None
    scores: bool = False
    """Whether the answer must be a model's."""

    any_answer: bool = False
    """Whether a refusal is as good: it took its time as well."""


def scoring(name: str, version: str, inputs: Mapping[str, Any]) -> Question:
    """Return the request for a score."""
    return Question(method="POST", path=f"/api/{name}/{version}", inputs=inputs, scores=True)


def looking_up(name: str, version: str) -> Question:
    """Return the request that a web node answers out of the database."""
    return Question(method="GET", path=f"/services/{name}/{version}")


PING = Question(method="GET", path="/ping", any_answer=True)
"""A web node answers it alone; R Server and ML Server have no such path, and say so as fast."""


class Caller:
    """One caller with a connection of its own, and a token that all callers share."""

    def __init__(
        self,
        environment: Environment,
        question: Question,
        token: str | None,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = Connection(environment)
        self._question, self._token, self._seconds = question, token, seconds
        self._clock = clock

    def ask(self) -> Sample:
        """Ask once."""
        asked, began = self._question, self._clock()
        try:
            reply = self._connection.send(
                asked.method, asked.path, asked.inputs, self._seconds, self._token
            )
        except OperationError as error:
            return Sample(seconds=self._clock() - began, error=f"{UNHEARD}: {error.what}")
        took = self._clock() - began
        return Sample(seconds=took, error=wrong(reply, asked), parts=_parts(reply, took))

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def wrong(reply: Reply, asked: Question) -> str:
    """Return why a reply is no good answer; nothing for one that is."""
    if asked.any_answer and reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    if reply.status != HTTPStatus.OK:
        return f"status {reply.status}"
    if asked.scores and not (isinstance(reply.body, dict) and reply.body.get("success") is True):
        return MODEL_FAILED
    return ""


def _parts(reply: Reply, took: float) -> dict[str, float]:
    """Return the parts that the answer names, and the whole beside them."""
    found = timing.read(reply.timing)
    return {timing.WHOLE: took, **found} if found else {}
