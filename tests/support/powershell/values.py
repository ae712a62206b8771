"""Values of the language, and what it does with them by itself."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

VOID = object()
"""What a method without a result gives: nothing at all, which is not `$null`."""


class Thrown(Exception):  # noqa: N818 - it is what `throw` throws
    """A terminating error of a script."""

    def __init__(self, message: str, kind: str = "", **more: Any) -> None:
        super().__init__(message)
        self.Message = message
        self.kind = kind
        for name, value in more.items():
            setattr(self, name, value)


class ScriptExit(Exception):  # noqa: N818 - it is what `exit` does
    """The end of a script, with its code."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Scope:
    """Variables; what is not here is the caller's (the language's scopes are dynamic)."""

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.parent = parent
        self.names: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        place: Scope | None = self
        while place is not None:
            if name in place.names:
                return place.names[name]
            place = place.parent
        raise Thrown(f"The variable '${name}' cannot be retrieved because it has not been set.")


class Thing:
    """An object with named members, such as what JSON becomes; names have no case."""

    def __init__(self, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        self.values: dict[str, Any] = {**(values or {}), **more}

    def key(self, name: str) -> str | None:
        return next((key for key in self.values if key.lower() == name.lower()), None)


class Table(dict[Any, Any]):
    """A hashtable; keys that are texts have no case."""

    def key(self, name: Any) -> Any:
        if not isinstance(name, str):
            return name
        return next((k for k in self if isinstance(k, str) and k.lower() == name.lower()), name)


@dataclass
class Block:
    """A block of script that is a value."""

    node: Any


@dataclass
class Property:
    Name: str
    Value: Any


@dataclass
class ErrorRecord:
    Exception: Thrown
    InvocationInfo: Any


def of_json(value: Any) -> Any:
    """What ConvertFrom-Json makes of a value."""
    if isinstance(value, dict):
        return Thing({key: of_json(each) for key, each in value.items()})
    if isinstance(value, list):
        return [of_json(each) for each in value]
    return value


def to_json(value: Any) -> str:
    """What ConvertTo-Json makes of a value."""
    return json.dumps(value, default=lambda each: each.values)


def stream(value: Any) -> list[Any]:
    """What an expression's value puts into the pipeline: a list's elements, one by one."""
    if value is VOID:
        return []
    if isinstance(value, list | tuple | bytes | bytearray):
        return list(value)
    return [value]


def collapsed(outputs: list[Any]) -> Any:
    """What a variable gets of a command's output."""
    if not outputs:
        return None
    return outputs[0] if len(outputs) == 1 else outputs


def truth(value: Any) -> bool:
    if isinstance(value, list):
        return truth(value[0]) if len(value) == 1 else bool(value)
    return bool(value)


def text(value: Any) -> str:
    """A value inside of a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return " ".join(text(each) for each in value)
    return str(value)


def same(left: Any, right: Any) -> bool:
    """`-eq` between two single values: the right one becomes what the left one is."""
    if isinstance(left, str):
        return right is not None and left.lower() == text(right).lower()
    if isinstance(left, bool) or left is None:
        return left is right if left is None else left == truth(right)
    if isinstance(left, int) and isinstance(right, str):
        return str(left) == right
    return bool(left == right)


def formatted(pattern: str, values: Any) -> str:
    """`-f`, with the formats that scripts use."""
    given = values if isinstance(values, list) else [values]

    def replaced(found: re.Match[str]) -> str:
        value = given[int(found[1])]
        if found[2]:
            return format(value, re.sub(r"^x(\d+)$", r"0\1x", found[2]))
        return text(value)

    return re.sub(r"\{(\d+)(?::(\w+))?\}", replaced, pattern)


def cast(kind: str, value: Any) -> Any:
    """A value as a type of the language."""
    kind = kind.lower()
    if kind == "byte[]":
        return bytes(value or b"")
    if kind.endswith("[]"):
        return [cast(kind[:-2], each) for each in _listed(value)]
    match kind:
        case "string":
            return text(value)
        case "int":
            return int(value or 0)
        case "bool" | "switch":
            return truth(value)
    return value


def compared(operator: str, left: Any, right: Any) -> Any:
    """A comparison; against a list, `-eq` and `-ne` choose from it."""
    return OPERATORS[operator.lower()](left, right)


def _equal(left: Any, right: Any) -> Any:
    if isinstance(left, list):
        return [each for each in left if same(each, right)]
    return same(left, right)


def _unequal(left: Any, right: Any) -> Any:
    if isinstance(left, list):
        return [each for each in left if not same(each, right)]
    return not same(left, right)


def _contains(left: Any, right: Any) -> bool:
    return any(same(each, right) for each in _listed(left))


def _matches(left: Any, right: str) -> bool:
    return re.search(right, text(left), re.IGNORECASE) is not None


def _like(left: Any, right: Any) -> bool:
    pattern = re.escape(text(right)).replace(r"\*", ".*")
    return re.fullmatch(pattern, text(left), re.IGNORECASE) is not None


def _replaced(left: Any, right: Any) -> str:
    pattern, new = right if isinstance(right, list) else (right, "")
    return re.sub(pattern, new, text(left), flags=re.IGNORECASE)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "-eq": _equal,
    "-ceq": lambda left, right: text(left) == text(right),
    "-ne": _unequal,
    "-contains": _contains,
    "-notcontains": lambda left, right: not _contains(left, right),
    "-match": _matches,
    "-notmatch": lambda left, right: not _matches(left, right),
    "-like": _like,
    "-replace": _replaced,
    "-join": lambda left, right: text(right).join(text(each) for each in _listed(left)),
    "-is": lambda left, right: right in getattr(left, "kinds", ()),
    "-lt": lambda left, right: left < right,
    "-le": lambda left, right: left <= right,
    "-gt": lambda left, right: left > right,
    "-ge": lambda left, right: left >= right,
}


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
