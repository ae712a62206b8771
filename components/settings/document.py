"""Reads YAML as the engine does, and remembers on which line everything stands.

The engine reads YAML 1.2 with few exceptions, PyYAML reads YAML 1.1: `no`, `19:00` and dates mean
other things there. Duplicate keys are an error for the engine and overwrite each other in PyYAML.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.settings.problems import Problem, SettingsError, show
from components.settings.shape import join

LARGEST_FILE = 1024 * 1024
"""Bytes; certificates and encrypted values included, a stack file has some 20 KiB."""

FIX = "mend the file there; an editor with YAML support marks the place"


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML file holds."""

    value: Any
    node: yaml.Node | None
    """The same as it stands in the file; none in an empty one."""

    def lines(self, *keys: str, deep: bool = True) -> dict[str, int]:
        """Return the line of each value below *keys*, one in the other, by key path from there.

        Ask only for what `check_shape` found to be of a sane size: aliases can multiply. Without
        *deep*, only the keys of that one mapping are looked at.
        """
        node = self.node
        for key in keys:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            node = next((inner for name, inner in pairs if name.value == key), None)
        if deep:
            return {} if node is None else dict(_lines(node, ""))
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        return {name.value: name.start_mark.line + 1 for name, _ in pairs}


def read(path: Path, stack: str) -> Document:
    """Return what the YAML file at *path* holds. Raises SettingsError, for *stack*."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            rule = "must be at most 1 MiB"
            raise SettingsError(stack, [Problem(str(path), "", rule, "remove what is no setting")])
        # A safe loader: this one only narrows yaml.SafeLoader.
        loader = _EngineLoader(content)
        try:
            node = loader.get_single_node()
            return Document(None if node is None else loader.construct_document(node), node)
        finally:
            loader.dispose()
    except OSError as error:
        rule = f"cannot be read: {error.strerror}"
        fix = "name a stack file of the folder stacks"
        raise SettingsError(stack, [Problem(str(path), "", rule, fix)]) from None
    except RecursionError:
        raise SettingsError(stack, [Problem(str(path), "", "is nested too deep", FIX)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        rule = f"is not YAML: {error.problem or error.context}"
        raise SettingsError(stack, [Problem(place, "", rule, FIX)]) from None
    except (yaml.YAMLError, ValueError) as error:
        rule = f"is not YAML: {str(error).splitlines()[0]}"
        raise SettingsError(stack, [Problem(str(path), "", rule, FIX)]) from None


def _lines(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            at = join(path, key.value)
            yield at, key.start_mark.line + 1
            yield from _lines(value, at)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            at = join(path, index)
            yield at, value.start_mark.line + 1
            yield from _lines(value, at)


class _EngineLoader(yaml.SafeLoader):
    """SafeLoader that resolves plain words as the engine does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _resolve(tag: str, pattern: str, first: str) -> None:
    _EngineLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})\\Z"), list(first)
    )


_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("null", "~|null|Null|NULL|", ["~", "n", "N", ""])  # type: ignore[arg-type]
_resolve("int", r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789")
_resolve(
    "float",
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+",
    "-+.0123456789",
)


def _mapping(loader: _EngineLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    """Build a mapping; a key that is there twice is an error, and there is no merging."""
    made: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise _refused("a key must be text, not a list or mapping", key_node)
        if key in made:
            raise _refused(f"the key {show(key)} is there twice", key_node)
        made[key] = loader.construct_object(value_node, deep=True)
    return made


def _refused(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_EngineLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
