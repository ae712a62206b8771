"""A recommendation as the change of a stack file that does it: comments and order stay.

PyYAML says where each value stands, and only these places are changed; whether the text then says
what was meant, and nothing else differs, is read again with PyYAML.
"""

import difflib
from collections.abc import Iterable, Sequence

import yaml

from operations.capacity.recommendation import Change

KEY = "operationalization:environment"
ROOT = ("config", KEY)


class UnwritableError(ValueError):
    """A stack file that is written in a way that this cannot change."""


def changed(text: str, changes: Iterable[Change]) -> str:
    """Return *text* with every change. Raises UnwritableError."""
    wanted = list(changes)
    after = text
    for change in wanted:
        after = _with(after, (*ROOT, *change.path), change.value)
    try:
        expected = _unshared(yaml.safe_load(text))
        for change in wanted:
            _put(expected, (*ROOT, *change.path), change.value)
        same = yaml.safe_load(after) == expected
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise UnwritableError("it is written in a way that this cannot change") from error
    if not same:
        raise UnwritableError("it is written in a way that this cannot change")
    return after


def difference(name: str, before: str, after: str) -> str:
    """Return what changes, as a patch that `patch -p1` and `git apply` take."""
    return "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"a/{name}",
            f"b/{name}",
        )
    )


def fragment(changes: Iterable[Change]) -> str:
    """Return the changes as YAML that may stand in a stack file."""
    document: dict[str, object] = {}
    for change in changes:
        _put(document, (*ROOT, *change.path), change.value)
    return yaml.safe_dump(document, sort_keys=False)


def _unshared(document: object) -> object:
    """Return a copy in which what two aliases name is there twice."""
    if isinstance(document, dict):
        return {key: _unshared(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_unshared(value) for value in document]
    return document


def _put(document: object, path: Sequence[str], value: int) -> None:
    for key in path[:-1]:
        if not isinstance(document, dict):
            raise TypeError(f"{key} is in no mapping")
        if document.get(key) is None:
            document[key] = {}
        document = document[key]
    if not isinstance(document, dict):
        raise TypeError(f"{path[-1]} is in no mapping")
    document[path[-1]] = value


def _with(text: str, path: Sequence[str], value: int) -> str:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise UnwritableError(f"it is not YAML: {str(error).splitlines()[0]}") from error
    for index, key in enumerate(path):
        below = _member(node, key)
        if below is None or _empty(below):
            return _inserted(text, node, path[index:], value)
        node = below
    if not isinstance(node, yaml.ScalarNode):
        raise UnwritableError(f"{path[-1]} is no number there")
    return text[: node.start_mark.index] + str(value) + text[node.end_mark.index :]


def _member(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _inserted(text: str, node: yaml.Node | None, path: Sequence[str], value: int) -> str:
    """Add what is missing to the mapping that is there, before its first member.

    The last one's end is hard to tell from the comments behind it.
    """
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise UnwritableError(f"it has no place for {path[0]}")
    if any(key.value == path[0] for key, _ in node.value):
        raise UnwritableError(f"{path[0]} is there, and empty: give it a value first")
    first = node.value[0][0].start_mark
    if node.flow_style:
        return f"{text[: first.index]}{_flow(path, value)}, {text[first.index :]}"
    start, indent = first.index - first.column, " " * first.column
    return f"{text[:start]}{indent}{_flow(path, value)}\n{text[start:]}"


def _flow(path: Sequence[str], value: int) -> str:
    inner = str(value)
    for key in reversed(path[1:]):
        inner = f"{{ {key}: {inner} }}"
    return f"{path[0]}: {inner}"
