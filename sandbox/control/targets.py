"""What the inputs of a resource of AWS refer to.

An ARN or an id that EC2 made up refers to a resource wherever it stands alone in an input; a name
does so where the kind says which types it may be of (`Kind.references`).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sandbox.control import arns
from sandbox.control.kinds import Kind, Record
from sandbox.control.paths import Path, matches, parse, strings
from sandbox.control.store import Rows

_NEVER = frozenset({"tags", "tagsAll", "description", "name", "namePrefix"})


class Target(NamedTuple):
    """One input that refers to something."""

    path: Path
    text: str
    types: tuple[str, ...]
    """Pulumi types that it may be of; empty: any."""


def targets(kind: Kind, inputs: Mapping[str, object]) -> Iterator[Target]:
    """Yield every input that refers to something, by path; an empty string refers to nothing."""
    for path, text in sorted(strings(inputs), key=lambda item: [str(step) for step in item[0]]):
        if path[0] in _NEVER and str(path[0]) not in kind.references:
            continue
        if not text or any(matches(pattern, path) for pattern in kind.unchecked):
            continue
        types = next((t for p, t in kind.references.items() if _is(p, path)), ())
        if types or arns.is_arn(text) or arns.is_generated(text):
            yield Target(path, text, types)


def _is(pattern: str, path: Path) -> bool:
    return len(parse(pattern)) == len(path) and matches(pattern, path)


def resolve(rows: Rows, text: str, types: tuple[str, ...] = (), region: str = "") -> Record | None:
    """The resource that *text* refers to: in *region* (if given), or in none.

    What the provider calls as it calls another resource (a topic's policy) is meant where its type
    is asked for.
    """
    # A log group's ARN is often written with all of its streams.
    kept = (rows.get(text) or rows.get(text.removesuffix(":*"))) if text[:4] == "arn:" else None
    found = kept.record if kept else None
    if found and (not types or found.type in types):
        return found
    for kind in types or ("",):
        if not kind and not arns.is_generated(text):
            return found  # a name means nothing without a type
        for record in rows.short(text, kind):
            if not region or arns.region_of(record.id) in ("", region):
                return record
    return found


def held(
    kind: Kind, inputs: Mapping[str, object], rows: Rows, region: str
) -> Iterator[tuple[Path, str]]:
    """Yield the ARN of what can't be deleted while this resource names it, by path."""
    for path, text, types in targets(kind, inputs):
        if any(matches(pattern, path) for pattern in kind.weak):
            continue
        if record := resolve(rows, text, types, region):
            yield path, record.id
