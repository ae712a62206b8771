"""What the API says when it refuses: facts.md 13.1 has the shape of the body."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse


class ApiError(Exception):
    """A request that is refused, with the status and the words for the caller."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(message)


def refusal(_request: Request, error: Exception) -> JSONResponse:
    """Return the answer for an `ApiError`."""
    if not isinstance(error, ApiError):
        raise error
    return JSONResponse({"message": error.message}, error.status, error.headers)


def database_away(_request: Request, _error: Exception) -> JSONResponse:
    """Return the answer while the database cannot be reached; scoring goes on meanwhile."""
    return JSONResponse(
        {"message": "the database cannot be reached just now: try again"},
        503,
        {"Retry-After": "5"},
    )


"""The reason itself is in the service's journal, never in an answer."""
