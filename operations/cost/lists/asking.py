"""Asks a public price list: politely, no longer than needed, and believes nothing unchecked."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

import httpx

from operations.errors import OperationError

TRIES = 6
LONGEST_PAUSE = 60.0
TIMEOUT = httpx.Timeout(30.0, read=120.0)
BUSY = {408, 429, 500, 502, 503, 504}

LARGEST_PAGE = 20_000_000

LARGEST_PRICE = Decimal(1_000_000)
"""In any unit and currency: what is dearer is no price but a fault."""


class Asking:
    """A client of one price list, and of no other host."""

    def __init__(self, base: str, client: httpx.Client, told: Callable[[str], None]) -> None:
        self._base = base.rstrip("/")
        self._client = client
        self._told = told
        host = urlsplit(base)
        if host.scheme != "https" and host.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise OperationError(
                "the price list is not asked", base, "it is not https", "give an https address"
            )

    def address(self, path: str) -> str:
        """Return the address of *path* in the list."""
        return f"{self._base}{path}"

    def is_ours(self, address: str) -> bool:
        """Return whether *address* is one of this list."""
        asked, ours = urlsplit(address), urlsplit(self._base)
        same = (asked.scheme, asked.hostname) == (ours.scheme, ours.hostname)
        ports = {"https": 443, "http": 80}
        return same and (asked.port or ports.get(asked.scheme)) == (
            ours.port or ports.get(ours.scheme)
        )

    def json(self, address: str) -> Any:
        """Return the JSON at *address*. Raises OperationError."""
        content = bytearray()
        try:
            with self.stream(address) as response:
                for part in response.iter_bytes():
                    content += part
                    if len(content) > LARGEST_PAGE:
                        raise self._refused(address, f"it answers more than {LARGEST_PAGE} bytes")
            return json.loads(content)
        except httpx.HTTPError as error:
            raise self._refused(address, f"it broke off: {type(error).__name__}") from None
        except (ValueError, RecursionError):
            raise self._refused(address, "the answer is no JSON") from None

    @contextmanager
    def stream(self, address: str) -> Iterator[httpx.Response]:
        """Ask *address* until it answers; yield the answer, unread. Raises OperationError."""
        why = ""
        for tried in range(TRIES):
            if tried:
                pause = min(2.0**tried, LONGEST_PAUSE)
                self._told(f"{self._base}: {why}; asking again in {pause:.0f} s")
                time.sleep(pause)
            try:
                request = self._client.build_request("GET", address)
                response = self._client.send(request, stream=True)
            except httpx.HTTPError as error:
                why = f"{type(error).__name__}: {error}"
                continue
            try:
                if response.status_code == httpx.codes.OK:
                    yield response
                    return
            finally:
                response.close()
            why = f"it answers {response.status_code}"
            if response.status_code not in BUSY:
                break
            self._wait_as_told(response)
        raise self._refused(address, why)

    def _wait_as_told(self, response: httpx.Response) -> None:
        told = response.headers.get("retry-after", "")
        if told.isdecimal():
            time.sleep(min(float(told), LONGEST_PAUSE))

    def _refused(self, address: str, why: str) -> OperationError:
        return OperationError(
            "the price list does not answer",
            address,
            why,
            "try later, or from a machine that may call it: it is public and takes no key",
        )


def price(value: Any) -> Decimal:
    """Return *value* as a price. Raises ValueError where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is no price")  # noqa: TRY004 -- what a list says, not our type
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no price") from None
    if not found.is_finite() or not 0 <= found <= LARGEST_PRICE:
        raise ValueError(f"{value!r} is no price")
    return found
