"""R's types as the API knows them (facts.md 13.3), and their values in JSON."""

from collections.abc import Mapping
from typing import Literal, cast

Type = Literal["logical", "numeric", "integer", "character", "vector", "matrix", "data.frame"]

HOW: Mapping[Type, str] = {
    "logical": "write true, false, null, or an array of them",
    "numeric": "write a number, null, or an array of them",
    "integer": "write a whole number, null, or an array of them",
    "character": "write a string, null, or an array of them",
    "vector": "write an array of values",
    "matrix": "write an array of rows, each an array of as many values",
    "data.frame": 'write the columns by name, each an array of as many values: {"x": [1, 2]}',
}
"""How to write a value of each type."""


def fits(value: object, kind: Type) -> bool:
    """Return whether *value* of JSON is one of the R type *kind*."""
    match kind:
        case "vector":
            return isinstance(value, list)
        case "matrix":
            return isinstance(value, list) and _even(value)
        case "data.frame":
            return isinstance(value, dict) and _even(list(value.values()))
    scalars = value if isinstance(value, list) else [value]
    return all(scalar is None or _is(scalar, kind) for scalar in scalars)


def _even(rows: list[object]) -> bool:
    """Return whether *rows* are arrays of one length."""
    return all(isinstance(row, list) for row in rows) and (
        len({len(cast("list[object]", row)) for row in rows}) <= 1
    )


def _is(scalar: object, kind: str) -> bool:
    if isinstance(scalar, bool):
        return kind == "logical"
    match kind:
        case "numeric":
            return isinstance(scalar, int | float)
        case "integer":
            return isinstance(scalar, int) or (isinstance(scalar, float) and scalar.is_integer())
        case "character":
            return isinstance(scalar, str)
    return False
