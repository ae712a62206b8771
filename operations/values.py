"""Reads the inputs of resources, which anybody may have written."""

from collections.abc import Mapping
from typing import Any

from operations.links import UnclearError, is_unknown


def at(value: Any, *path: str) -> Any:
    """Return what is at *path* in mappings in *value*, or None."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def maps(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def texts(*values: Any) -> list[str]:
    """Return the texts that *values* are, or are lists of."""
    found = []
    for value in values:
        if isinstance(value, list):
            found += texts(*value)
        elif value is not None and value != "":
            found.append(str(value))
    return found


def known(value: Any, what: str) -> Any:
    """Return *value*. Raises UnclearError where only a deployment makes it known."""
    if any(is_unknown(each) for each in texts(value)):
        raise UnclearError(f"only a deployment tells {what}")
    return value


def text(value: Any, what: str) -> str:
    """Return *value* as a text. Raises UnclearError where it is none, or an empty one."""
    found = known(value, what)
    if not isinstance(found, str) or not found:
        raise UnclearError(f"{what}: not told")
    return found


def number(value: Any, what: str) -> int:
    """Return *value* as a count. Raises UnclearError where it is none."""
    known(value, what)
    try:
        found = int(float(value))
    except (TypeError, ValueError, OverflowError):
        raise UnclearError(f"{what}: not a number") from None
    if found < 0:
        raise UnclearError(f"{what}: less than nothing")
    return found
