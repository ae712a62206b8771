"""Writes an endpoint's traffic into a stack file, and leaves every other character as it was.

YAML is read with PyYAML, which says where each value stands; only these places are changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from operations.errors import OperationError
from operations.split import Split, made

PATH = ("config", "operationalization:environment", "endpoint")
FIELDS = ("traffic", "mirror")


@dataclass(frozen=True)
class StackFile:
    """The text of a stack file."""

    path: Path
    text: str

    @property
    def split(self) -> Split | None:
        """What it says of the traffic; None: nothing, its base or the default decide."""
        found: object = yaml.safe_load(self.text)
        for key in PATH:
            found = found.get(key) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping) or "traffic" not in found:
            return None
        return made(found.get("traffic"), found.get("mirror"))

    def with_split(self, split: Split) -> str:
        """Return the text with another split. Raises OperationError when it can't be written."""
        text = self._with(self.text, "traffic", split.traffic)
        text = self._with(text, "mirror", split.mirror)
        written = StackFile(self.path, text)
        if written.split != split or not _same_but_for_traffic(self.text, text):
            raise self._refusal("it is written in a way that this cannot change")
        return text

    def _with(self, text: str, field: str, values: Mapping[str, int]) -> str:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise self._refusal(f"it is not YAML: {str(error).splitlines()[0]}") from error
        missing: list[str] = []
        for index, key in enumerate((*PATH, field)):
            below = _member(node, key)
            if below is None:
                missing = list((*PATH, field)[index:])
                break
            node = below
        if missing:
            return self._inserted(text, node, missing, values) if values else text
        if node is None:
            raise self._refusal("it is empty")
        if not isinstance(node, yaml.MappingNode):
            return _replaced(text, node, _flow(values))
        if node.flow_style or not values or not node.value:
            return _replaced(text, node, _flow(values))
        return _changed(text, node, values)

    def _inserted(
        self, text: str, node: yaml.Node | None, missing: Sequence[str], values: Mapping[str, int]
    ) -> str:
        """Add what is missing before the first member of the mapping that is there."""
        if (
            not isinstance(node, yaml.MappingNode)
            or node.flow_style
            or not node.value
            or "config" in missing
        ):
            raise self._refusal(
                f"it has no place for {missing[-1]}: write {'.'.join(PATH[1:])} as a block"
            )
        first = node.value[0][0].start_mark
        lines, indent = [], " " * first.column
        for depth, key in enumerate(missing[:-1]):
            lines.append(f"{indent}{'  ' * depth}{key}:")
        lines.append(f"{indent}{'  ' * (len(missing) - 1)}{missing[-1]}: {_flow(values)}")
        start = first.index - first.column
        return text[:start] + "".join(f"{line}\n" for line in lines) + text[start:]

    def _refusal(self, why: str) -> OperationError:
        return OperationError(
            "the traffic cannot be written into the stack file",
            str(self.path),
            why,
            "write endpoint.traffic (and endpoint.mirror) by hand, and deploy the stack",
        )


def read(path: Path) -> StackFile:
    """Return the stack file *path*. Raises OperationError when it can't be read."""
    try:
        return StackFile(path, path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise OperationError(
            "the stack file cannot be read", str(path), str(error), "give a stack that has one"
        ) from error


def _member(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _flow(values: Mapping[str, int]) -> str:
    inside = ", ".join(f"{_key(name)}: {percent}" for name, percent in values.items())
    return f"{{ {inside} }}" if inside else "{}"


def _key(name: str) -> str:
    """Return a name as YAML has it: `off`, and some more, are no texts there."""
    return name if yaml.safe_load(name) == name else f'"{name}"'


def _replaced(text: str, node: yaml.Node, new: str) -> str:
    """Put *new* in the place of a value, without what stands after its last character."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        # A block's own lines go; it began below its key.
        last = node.value[-1][1].end_mark.index
        head = text[:start].rstrip()
        tail = text[last:]
        return f"{head} {new}{tail}"
    if not text[start:end]:
        return f"{text[:start].rstrip()} {new}{text[end:]}"
    return text[:start] + new + text[end:]


def _changed(text: str, node: yaml.MappingNode, values: Mapping[str, int]) -> str:
    """Change the members of a block one by one: comments beside them stay."""
    left = dict(values)
    pieces: list[tuple[int, int, str]] = []
    for key, value in node.value:
        start, end = value.start_mark.index, value.end_mark.index
        if key.value in left:
            pieces.append((start, end, str(left.pop(key.value))))
        else:
            begin = key.start_mark.index - key.start_mark.column
            line = text.find("\n", end)
            pieces.append((begin, len(text) if line < 0 else line + 1, ""))
    if left:
        first = node.value[0][0].start_mark
        begin = first.index - first.column
        added = "".join(
            f"{' ' * first.column}{_key(name)}: {each}\n" for name, each in left.items()
        )
        pieces.append((begin, begin, added))
    for start, end, new in sorted(pieces, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _same_but_for_traffic(before: str, after: str) -> bool:
    return _without(yaml.safe_load(before)) == _without(yaml.safe_load(after))


def _without(document: object) -> object:
    """Return the document without traffic, and without an endpoint that has nothing else."""
    if not isinstance(document, dict):
        return document
    config = dict(document.get("config") or {})
    environment = dict(config.get(PATH[1]) or {})
    endpoint = {k: v for k, v in (environment.get("endpoint") or {}).items() if k not in FIELDS}
    environment.pop("endpoint", None)
    if endpoint:
        environment["endpoint"] = endpoint
    return {**document, "config": {**config, PATH[1]: environment}}
