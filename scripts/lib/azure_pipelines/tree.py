"""A pipeline as a tree: what template expressions add is where it would be put."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

OURS = "${{ parameters.script }}"
"""The one text that is put into another: steps/in-cloud.yml is about nothing else."""


class Unreadable(Exception):  # noqa: N818 - it says what the file is
    """A file that is no pipeline at all."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something in a document, and the way to it."""

    path: str
    value: Any


def read(text: str) -> dict[str, Any]:
    """Return the document in *text*, with `${{ if }}` and `${{ each }}` taken as met once."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Unreadable(f"not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise Unreadable("not a mapping")
    plain = _put(found)
    assert isinstance(plain, dict)  # noqa: S101 - of a dict it makes one
    return plain


def places(value: Any, path: str = "") -> Iterator[Place]:
    """Yield *value* and all below it."""
    yield Place(path or "(root)", value)
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from places(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from places(below, f"{path}[{index}]")


def steps(document: Mapping[str, Any]) -> Iterator[Place]:
    """Yield every step."""
    for place in places(document):
        if place.path.endswith("]") and place.path.rpartition("[")[0].endswith("steps"):
            yield place


def shell(step: Mapping[str, Any]) -> str:
    """Return the shell text of a step, empty where it has none."""
    inputs = step.get("inputs") or {}
    parameters = step.get("parameters") or {}
    texts = (step.get("bash"), step.get("script"), inputs.get("inlineScript"),
             parameters.get("script") if isinstance(parameters, Mapping) else None)  # fmt: skip
    return next((text for text in texts if isinstance(text, str)), "")


def _put(value: Any) -> Any:
    if isinstance(value, Mapping):
        made: dict[str, Any] = {}
        for key, below in value.items():
            if str(key).startswith("${{"):
                inside = _put(below)
                made.update(inside if isinstance(inside, Mapping) else {})
            else:
                made[str(key)] = _put(below)
        return made
    if isinstance(value, list):
        listed: list[Any] = []
        for each in value:
            if (
                isinstance(each, Mapping)
                and len(each) == 1
                and str(next(iter(each))).startswith("${{")
            ):
                inside = _put(next(iter(each.values())))
                listed += inside if isinstance(inside, list) else [inside]
            else:
                listed.append(_put(each))
        return listed
    return value
