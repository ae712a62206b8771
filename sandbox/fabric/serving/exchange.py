"""One HTTP request and its answer, as plain values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from urllib.parse import parse_qsl, unquote

MAX_PARAMETERS = 32


class BadQueryError(ValueError):
    """A query string that nobody can read in one way only; says what is wrong with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a client asks."""

    method: str
    target: str
    """Path and query, as they came."""
    source: IPv4Address
    """Address that it came from."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By name in small letters; one that came twice has both values, with a comma between."""
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """The path as it came, without the query: what may be logged."""
        return self.target.partition("?")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts, decoded; a slash at the end counts for nothing."""
        return tuple(unquote(part) for part in self.path.strip("/").split("/"))

    def parameters(self) -> Mapping[str, str]:
        """The query, by name in small letters. Raises BadQueryError."""
        query = self.target.partition("?")[2]
        try:
            pairs = parse_qsl(
                query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict"
            )
        except ValueError as error:
            raise BadQueryError("the query string can't be read") from error
        found: dict[str, str] = {}
        for name, value in pairs:
            if name.casefold() in found:
                raise BadQueryError("a query parameter is there twice")
            found[name.casefold()] = value
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the client gets."""

    status: int
    body: bytes = field(default=b"", repr=False)
    kind: str = "application/json; charset=utf-8"
    """Content-Type."""
    headers: Mapping[str, str] = field(default_factory=dict)
    hops: int | None = None
    """Routers that the answer passes, at most; None: as many as any packet."""
    quiet: bool = False
    """Whether it is not worth a line in the log: what every node asks every second."""


def in_json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    return Answer(status=status, body=json.dumps(value).encode(), headers=headers or {})
