"""Reads a request's JSON body with a limit, and fields out of it with their types."""

import json
from typing import Any, TypeVar

from starlette.requests import Request

from server.api.errors import ApiError

SMALL = 16 * 1024
"""Bytes of a body that holds no model."""

T = TypeVar("T")


async def read_object(request: Request, limit: int = SMALL) -> dict[str, Any]:
    """Return the JSON object in the body of *request*.

    Raises:
        ApiError: 413 over *limit* bytes, 400 when it is not a JSON object.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise ApiError(413, f"the body is over the limit of {limit} bytes")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError(400, "the body must be JSON") from None
    if not isinstance(value, dict):
        raise ApiError(400, "the body must be a JSON object")
    return value


def take(body: dict[str, Any], key: str, kind: type[T], default: T | None = None) -> T:
    """Return field *key* of *body*, or *default* when it is absent or null.

    Raises:
        ApiError: 400 when it has another type, or is absent and has no default.
    """
    value = body.get(key)
    if value is None:
        if default is None:
            raise ApiError(400, f"{key}: is missing")
        return default
    if not isinstance(value, kind):
        raise ApiError(400, f"{key}: must be of type {NAMES[kind]}")
    if isinstance(value, str) and not is_text(value):
        raise ApiError(400, f"{key}: has a character that is not text")
    return value


def is_text(value: str) -> bool:
    """Return whether a database can keep *value*: JSON also has half surrogates and zeros."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


NAMES: dict[type, str] = {str: "string", list: "array", dict: "object"}
