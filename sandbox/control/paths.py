"""Property paths: where in a resource's inputs a rule looks, and where an error was.

A path is a tuple of property names and list indices, written `subnets[0].id` as the engine does.
A pattern is the same with `[*]` for every element of a list (or every value of a map, `tags.*`):
`subnets[*].id`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

Path = tuple[str | int, ...]

_STEP = re.compile(
    r'\.?(?P<name>[^.\[\]"]+)|\[(?P<index>\d+|\*)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]'
)
_PLAIN = re.compile(r"[A-Za-z_$][\w$-]*")


def write(path: Path) -> str:
    """The text of a path, as the engine writes property paths."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            quoted = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{quoted}"]'
    return text


@lru_cache(maxsize=4096)
def parse(pattern: str) -> Path:
    """The steps of a pattern; a wildcard is the step `*`. Raises ValueError when it is not one."""
    steps: list[str | int] = []
    position = 0
    while position < len(pattern):
        match = _STEP.match(pattern, position)
        if match is None:
            raise ValueError(f"{pattern!r} is not a property path: see position {position}")
        index, name, quoted = match["index"], match["name"], match["quoted"]
        if quoted is not None:
            steps.append(quoted.replace('\\"', '"').replace("\\\\", "\\"))
        elif index is not None:
            steps.append("*" if index == "*" else int(index))
        else:
            steps.append(name)
        position = match.end()
    return tuple(steps)


def matches(pattern: str, path: Path) -> bool:
    """Whether *path* is what *pattern* names, or lies below it."""
    steps = parse(pattern)
    return len(path) >= len(steps) and all(
        step == "*" or step == found for step, found in zip(steps, path, strict=False)
    )


def find(value: object, pattern: str) -> Iterator[tuple[str, object]]:
    """Yield the text of the path and the value of everything in *value* that *pattern* names."""
    yield from ((write(path), found) for path, found in _descend(value, parse(pattern), ()))


def get(value: object, pattern: str) -> object:
    """The first value that *pattern* names, or None."""
    return next((found for _, found in find(value, pattern)), None)


def _descend(value: object, steps: Path, path: Path) -> Iterator[tuple[Path, object]]:
    if not steps:
        yield path, value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        keys = list(value) if step == "*" else [step] if step in value else []
        for key in keys:
            yield from _descend(value[key], rest, (*path, key))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if step == "*":
            for index, element in enumerate(value):
                yield from _descend(element, rest, (*path, index))
        elif isinstance(step, int) and step < len(value):
            yield from _descend(value[step], rest, (*path, step))


def strings(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield every string in *value*, with its path."""
    pending: list[tuple[Path, object]] = [(path, value)]
    while pending:
        at, found = pending.pop()
        if isinstance(found, str):
            yield at, found
        elif isinstance(found, Mapping):
            pending.extend(((*at, key), element) for key, element in found.items())
        elif isinstance(found, Sequence) and not isinstance(found, bytes):
            pending.extend(((*at, index), element) for index, element in enumerate(found))
