"""One REST API: who asks, how often a throttled request is tried again, and what is never done.

The token is in memory and in one header: in no argument, no message and no request to another host.
Redirects are not followed for the same reason.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from operations.errors import OperationError

PATIENCE = 300.0
"""Seconds that all waiting for one request may take together; a job pays for them."""

TRIES = 6

PASSING = frozenset({500, 502, 503, 504})
"""The service's own trouble: what may be said twice without harm is said again."""

SAFE = frozenset({"GET", "PATCH", "PUT", "DELETE"})


SIGN_IN = 203
"""Azure DevOps's answer to a token that it does not know: the page where people sign in."""


class Api:
    """A service under one address."""

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.base = base.rstrip("/")
        self._pause, self._clock = pause, clock
        self._client = httpx.Client(headers=dict(headers), timeout=30.0, follow_redirects=False)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        """Return the answer to one request; *path* is below the address, or a whole one there.

        Raises:
            OperationError: the service refuses, or cannot be reached.
        """
        url = path if path.startswith(f"{self.base}/") else f"{self.base}{path}"
        if not url.startswith(f"{self.base}/") or "://" in path.removeprefix(self.base):
            raise self._error(method, path, f"it leads away from {self.base}")
        waited = 0.0
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._client.request(
                    method, url, json=json, params=params, headers=headers
                )
            except httpx.TransportError as error:
                if method not in SAFE or attempt == TRIES:
                    raise self._error(method, url, str(error) or type(error).__name__) from None
                wait = float(2**attempt)
            else:
                good = answer.is_success and answer.status_code != SIGN_IN
                if good or answer.status_code in accepted:
                    return answer
                asked = self._asked_to_wait(answer, attempt, again=method in SAFE)
                if asked is None:
                    raise self._refused(method, url, answer)
                wait = asked
                if waited + wait > PATIENCE or attempt == TRIES:
                    raise OperationError(
                        "the service asks to wait longer than a pipeline can",
                        f"{method} {url}",
                        f"it answered {answer.status_code} and wants {wait:.0f} seconds more",
                        "run the job again later; the report is in the run's summary meanwhile",
                    )
            self._pause(wait)
            waited += wait
        raise self._error(method, url, "it failed again and again")  # pragma: no cover

    def pages(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[Any]:
        """Yield the JSON of each page, as long as the service's Link header names a next one."""
        following = path
        for _ in range(100):
            answer = self.ask("GET", following, params=params)
            yield self.read(answer)
            following, params = answer.links.get("next", {}).get("url") or "", None
            if not following:
                return

    def read(self, answer: httpx.Response) -> Any:
        """Return the JSON of *answer*. Raises OperationError when somebody else has answered."""
        try:
            return answer.json()
        except ValueError:
            request = answer.request
            raise self._error(request.method, str(request.url), "the answer is not JSON") from None

    def _asked_to_wait(self, answer: httpx.Response, attempt: int, *, again: bool) -> float | None:
        """Return the seconds to wait before the next try, None where there is to be none.

        GitHub ("Rate limits for the REST API") says 403 or 429, with Retry-After, or with
        x-ratelimit-remaining 0 and the time of its end; Azure DevOps ("Rate and usage limits") 429
        with Retry-After. Neither has done what it so refuses, so that a POST may be said again.
        """
        headers = answer.headers
        if answer.status_code in {403, 429}:
            if (told := headers.get("retry-after")) is not None:
                return self._seconds(told)
            if headers.get("x-ratelimit-remaining") == "0":
                return self._until(headers.get("x-ratelimit-reset", ""))
            return float(2**attempt) if answer.status_code == 429 else None
        if answer.status_code in PASSING and again:
            told = headers.get("retry-after")
            return float(2**attempt) if told is None else self._seconds(told)
        return None

    def _seconds(self, told: str) -> float:
        """Read a Retry-After: seconds, or a date (RFC 9110, 10.2.3)."""
        try:
            return max(1.0, float(int(told)))
        except ValueError:
            pass
        try:
            return max(1.0, parsedate_to_datetime(told).timestamp() - self._clock())
        except ValueError:
            return 60.0

    def _until(self, moment: str) -> float:
        return max(1.0, float(moment) - self._clock()) if moment.isdigit() else 60.0

    def _refused(self, method: str, url: str, answer: httpx.Response) -> OperationError:
        try:
            body = answer.json()
            said = str(body.get("message", "")) if isinstance(body, dict) else ""
            said = "".join(each for each in said if each.isprintable())
        except ValueError:
            said = ""
        return self._error(method, url, f"it answered {answer.status_code} {said}".strip())

    def _error(self, method: str, url: str, why: str) -> OperationError:
        return OperationError(
            "the report could not be posted",
            f"{method} {url}",
            why,
            "see that the job has the permission that docs/pipelines.md names for it, and that "
            "this is the service's address",
        )
