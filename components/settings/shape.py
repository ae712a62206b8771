"""Refuses values that no stack file means, before anything walks through them."""

from components.settings.problems import Problem, show

DEEPEST = 12
"""Levels of nesting; the settings have five."""

LARGEST = 5_000
"""Values in the whole object; the largest sensible environment has a few hundred."""

LONGEST = 4_096
"""Characters of one text."""


def check_shape(value: object) -> Problem | None:
    """Return what makes *value* too deep, too large or no plain data, if anything does.

    It never recurses, so that no depth of nesting can exhaust the stack.
    """
    waiting: list[tuple[str, int, object]] = [("", 1, value)]
    seen = 0
    while waiting:
        path, depth, item = waiting.pop()
        seen += 1
        if seen > LARGEST:
            rule = f"must have at most {LARGEST} values"
            return Problem("environment", "", rule, "remove what is not a setting")
        if problem := _check(path or "environment", depth, item):
            return problem
        if isinstance(item, dict):
            waiting += [(join(path, key), depth + 1, inner) for key, inner in item.items()]
        elif isinstance(item, list):
            waiting += [(join(path, at), depth + 1, inner) for at, inner in enumerate(item)]
    return None


def join(path: str, part: object) -> str:
    """Return the key path of *part* under *path*, as the stack file's reader would write it."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    text = str(part)[:80]
    if not text.isprintable():
        # A terminal would obey what is in there.
        text = show(text)
    return f"{path}.{text}" if path else text


def _check(path: str, depth: int, item: object) -> Problem | None:
    if depth > DEEPEST and isinstance(item, dict | list):
        rule = f"must be nested at most {DEEPEST} levels deep"
        return Problem(_cut(path), "", rule, "remove the levels that are no setting")
    if isinstance(item, str) and len(item) > LONGEST:
        rule = f"must be at most {LONGEST} characters long"
        return Problem(_cut(path), show(item), rule, "shorten it")
    if isinstance(item, dict) and not all(isinstance(key, str) for key in item):
        odd = next(key for key in item if not isinstance(key, str))
        return Problem(_cut(path), show(odd), "must have keys that are text", "put it in quotes")
    return None


def _cut(path: str) -> str:
    return path if len(path) <= 120 else path[:117] + "..."
