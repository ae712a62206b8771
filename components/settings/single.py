"""Settings that are configuration keys of their own, one value each.

`pulumi config set operationalization:compute.autoscale.maximum 30` and the prompts of `pulumi new`
write one key at a time, always as text, and never into an object. So each setting may also stand
beside `environment` under the path by which errors name it; it lies over the environment and its
base. What the text means follows from the setting that it is for.
"""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from components.settings.messages import schema_at
from components.settings.model import Model
from components.settings.problems import Problem, show
from components.settings.shape import DEEPEST, LONGEST
from components.settings.topology import NAMESPACE, model_of

_PATH = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9][A-Za-z0-9_-]*|\[[0-9]{1,3}\])*")
_PART = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")
_WHOLE = re.compile(r"-?[0-9]{1,9}")

Parts = tuple[str | int, ...]


def lay_over(value: Any, own: Mapping[str, object]) -> tuple[Any, list[Problem]]:
    """Return *value* with each of *own* at its path, and what has no place in it.

    *own* are texts, as the engine hands configuration over; other values stand for their JSON.
    """
    made = deepcopy(value) if isinstance(value, dict) else {}
    if "topology" in own:  # it says what the others are settings of
        made["topology"] = own["topology"]
    model = model_of(made)
    tried = [_put(made, name, own[name], model) for name in sorted(own, key=_order)]
    return made, [problem for problem in tried if problem]


def meant(text: object, parts: Parts, model: type[Model]) -> object:
    """Return what the *text* of a configuration key says for the setting at *parts*."""
    if not isinstance(text, str):
        text = json.dumps(text)
    if len(text) > LONGEST:
        return text
    kind = schema_at(parts, model).get("type")
    if kind == "string":
        return text
    if kind == "integer" and _WHOLE.fullmatch(text.strip()):
        return int(text)
    if kind == "array" and not text.lstrip().startswith(("[", "{")):
        items = [each.strip() for each in text.split(",")]
        return [meant(each, (*parts, 0), model) for each in items if each]
    if kind in ("boolean", "array", "object", None):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _put(made: dict[str, Any], name: str, text: object, model: type[Model]) -> Problem | None:
    """Set one key, and return why that cannot be."""
    if not _PATH.fullmatch(name):
        rule, fix = "is not the path of a setting", "write it like compute.autoscale.maximum"
        return Problem(name[:80], "", rule, fix)
    parts = _parts(name)
    if len(parts) > DEEPEST:
        return Problem(name[:80], "", "is deeper than any setting", "shorten the path")
    place: Any = made
    for part, after in zip(parts, (*parts[1:], None), strict=True):
        if problem := _misfit(place, part, name):
            return problem
        if after is None:
            new: Any = meant(text, parts, model)
        else:
            old = _at(place, part)
            new = old if old is not None else [] if isinstance(after, int) else {}
        if isinstance(part, int) and part == len(place):
            place.append(new)
        else:
            place[part] = new
        place = new
    return None


def _misfit(place: Any, part: str | int, name: str) -> Problem | None:
    if isinstance(part, str) and not isinstance(place, dict):
        rule = f"has no place: what should hold {part} is {show(place)}"
    elif isinstance(part, int) and not isinstance(place, list):
        rule = f"has no place: what should hold entry [{part}] is {show(place)}"
    elif isinstance(part, int) and part > len(place):
        rule = f"has no place: the list has {len(place)} entries before [{part}]"
    else:
        return None
    return Problem(name, "", rule, f"correct the path, or run: pulumi config rm {NAMESPACE}:{name}")


def _at(place: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return place[part] if part < len(place) else None
    return place.get(part)


def _parts(name: str) -> Parts:
    return tuple(_each_part(name))


def _each_part(name: str) -> Iterator[str | int]:
    for index, word in _PART.findall(name):
        yield int(index) if index else word


def _order(name: str) -> list[tuple[int, str]]:
    """Return the order in which paths are set: entries of a list by number."""
    return [
        (part, "") if isinstance(part, int) else (0, part)
        for part in (_parts(name) if _PATH.fullmatch(name) else ())
    ]
