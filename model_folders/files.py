"""Reads files of a person's choice: regular ones, up to a size, as JSON when they must be that."""

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

MEGABYTE = 1024 * 1024


class FileProblem(Exception):  # noqa: N818 - it becomes a `Problem` or an `OperationError`
    """A file that cannot be taken: the reason, and what to do."""

    def __init__(self, reason: str, fix: str) -> None:
        self.reason, self.fix = reason, fix
        super().__init__(f"{reason}; {fix}")


def read(path: Path, limit: int) -> bytes:
    """Return the content of the regular file *path*, of at most *limit* bytes.

    Raises:
        FileProblem: when it is not there, not a file, too large or not readable.
    """
    try:
        # Without waiting: a pipe that nobody writes to would hold us for ever.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileProblem("is not there", "add it") from None
    except OSError as error:
        raise FileProblem(f"cannot be read: {error.strerror}", "make it readable") from None
    # open() itself refuses the descriptor of a folder.
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise FileProblem("is not a regular file", "put a file in its place")
    with os.fdopen(number, "rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise FileProblem(f"has more than {size(limit)}", "make it smaller")
    return content


def parse_json(content: bytes) -> Any:
    """Return the JSON value in *content*: no NaN, no name twice.

    Raises:
        FileProblem: when it is not JSON, with the line.
    """
    try:
        return json.loads(content, parse_constant=_no_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        raise FileProblem(reason, "correct it") from None
    except UnicodeDecodeError:
        raise FileProblem("is not text in UTF-8", "save it as UTF-8") from None
    except RecursionError:
        raise FileProblem("is nested too deeply", "make it flatter") from None


def parse_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object in *content*.

    Raises:
        FileProblem: when it is not a JSON object.
    """
    value = parse_json(content)
    if not isinstance(value, dict):
        raise FileProblem("is not a JSON object", 'write the values by name: {"name": value}')
    return value


def size(count: int) -> str:
    """Return *count* bytes for a person."""
    return f"{count // MEGABYTE} MB" if count >= MEGABYTE else f"{count} bytes"


def _no_constant(name: str) -> NoReturn:
    raise FileProblem(f"has {name}, which JSON does not know", "write null, or a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FileProblem(f'has "{twice}" twice in one object', "remove one of them")
    return found
