"""What a report of drift does not tell, though the engine does not mark it as secret.

A report becomes an issue that anybody may read. A program may have forgotten to mark a value, and
what somebody typed in a portal was never marked at all.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from operations.drift.values import ABSENT, Difference
from operations.export.state import SECRET
from operations.preview.values import cleaned, hides, is_secret, told

_PARTS = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
"""Parts of a path: entries of lists by their names, and properties."""


def without_secrets(difference: Difference) -> Difference:
    """Return *difference* without anything that is secret, or looks so."""
    path, before, after = difference.path, difference.before, difference.after
    keys = list(_keys(path))
    key = keys[-1] if keys else ""
    marked = before is SECRET or after is SECRET
    if marked or any(map(hides, keys)) or is_secret(key, before) or is_secret(key, after):
        return Difference(told(path), SECRET, SECRET)
    old, new = _cleaned(key, before), _cleaned(key, after)
    if old == new:
        # They differ in what is not told, and in nothing else.
        return Difference(told(path), SECRET, SECRET)
    return Difference(told(path), old, new)


def _keys(path: str) -> Iterator[str]:
    """Yield the properties on a path; the value of an entry goes by the entry's name."""
    entry = ""
    for match in _PARTS.finditer(path):
        name = match[2]
        if name is None:
            entry = match[1].strip("\"'")
            continue
        yield entry if entry and name.lower() == "value" else name
        entry = ""


def _cleaned(key: str, value: Any) -> Any:
    if value is ABSENT:
        return ABSENT
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            document = json.loads(value)
            safe = cleaned(key, document)
        except (ValueError, RecursionError):
            return cleaned(key, value)
        # Told as it was written where nothing in it is secret.
        return value if safe == document else json.dumps(safe)
    return cleaned(key, value)
