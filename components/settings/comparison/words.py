"""A comparison as text: for a terminal, for a pull request, for a program."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.settings.comparison.differences import Comparison, Difference, SecretDifference
from components.settings.comparison.effective import Effective, Setting

LONGEST = 300
"""Characters of one value."""

NOT_SET = "not set"
CANNOT_TELL = (
    "set in both; each stack encrypts for itself, so whether they are the same is not known"
)


def terminal(comparison: Comparison) -> str:
    """Return the comparison for people at a terminal."""
    first, second = comparison.first, comparison.second
    width = max(len(first.stack), len(second.stack))
    lines = [f"{each.stack:{width}}  {layers(each)}" for each in (first, second)]
    if not comparison.look_at and not comparison.expected:
        lines += ["", "Their settings are the same."]
    if comparison.look_at:
        lines += ["", f"To look at ({len(comparison.look_at)}):"]
        lines += _lines(comparison.look_at, comparison, width)
    if comparison.expected:
        lines += ["", f"Expected to differ ({_kinds(comparison)}):"]
        lines += _lines(comparison.expected, comparison, width)
    if comparison.secrets:
        lines += [
            "",
            "Secrets:",
            *(f"  {each.name}: {_secret(each)}" for each in comparison.secrets),
        ]
    return "\n".join(lines) + "\n"


def markdown(comparison: Comparison) -> str:
    """Return the comparison for a pull request; what is expected is folded."""
    first, second = comparison.first, comparison.second
    lines = [f"### {code(first.stack)} and {code(second.stack)}", ""]
    lines += [f"- {code(each.stack)}: {layers(each)}" for each in (first, second)]
    if comparison.look_at:
        lines += ["", f"**{len(comparison.look_at)} to look at**", ""]
        lines += _table(comparison.look_at, comparison)
    elif comparison.expected:
        lines += ["", "Nothing but what is expected to differ."]
    else:
        lines += ["", "Their settings are the same."]
    if comparison.expected:
        lines += ["", f"<details><summary>Expected to differ: {_kinds(comparison)}</summary>", ""]
        lines += [*_table(comparison.expected, comparison), "", "</details>"]
    if comparison.secrets:
        lines += ["", "| Secret | |", "|---|---|"]
        lines += [f"| {code(each.name)} | {_secret(each)} |" for each in comparison.secrets]
    return "\n".join(lines) + "\n"


def as_json(comparison: Comparison) -> str:
    """Return the comparison for programs."""
    found = {
        "stacks": [
            {"stack": each.stack, "file": each.file, "bases": list(each.bases)}
            for each in (comparison.first, comparison.second)
        ],
        "same": comparison.same,
        "lookAt": [_object(each) for each in comparison.look_at],
        "expected": [_object(each) | {"kind": each.expected} for each in comparison.expected],
        "secrets": [
            {"name": each.name, "first": each.first, "second": each.second}
            for each in comparison.secrets
        ],
    }
    return json.dumps(found, indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Comparison], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "json": as_json,
}


def layers(effective: Effective) -> str:
    """Return the files that a stack is made of."""
    over = f" over {' over '.join(effective.bases)}" if effective.bases else ""
    return f"{effective.file}{over}"


def _kinds(comparison: Comparison) -> str:
    """Return how many there are of each kind: `4 counts, 1 place`."""
    counts = Counter(each.expected for each in comparison.expected)
    plain = {"protection": "protection"}
    return ", ".join(
        f"{count} {plain.get(str(kind), f'{kind}s' if count > 1 else str(kind))}"
        for kind, count in counts.most_common()
    )


def _lines(
    differences: tuple[Difference, ...], comparison: Comparison, width: int
) -> Iterator[str]:
    for each in differences:
        yield f"  {each.path}"
        for stack, setting in (
            (comparison.first.stack, each.first),
            (comparison.second.stack, each.second),
        ):
            yield f"    {stack:{width}}  {_told(setting)}"


def _told(setting: Setting | None) -> str:
    return NOT_SET if setting is None else f"{on_a_line(setting.value)}  ({setting.origin})"


def _table(differences: tuple[Difference, ...], comparison: Comparison) -> Iterator[str]:
    yield f"| Setting | {code(comparison.first.stack)} | {code(comparison.second.stack)} |"
    yield "|---|---|---|"
    for each in differences:
        yield f"| {code(each.path)} | {_cell(each.first)} | {_cell(each.second)} |"


def _cell(setting: Setting | None) -> str:
    if setting is None:
        return NOT_SET
    return f"{code(on_a_line(setting.value))}<br><sub>{setting.origin}</sub>"


def code(text: str) -> str:
    """Return *text* as code inside of a table: only these two end it."""
    return f"`{text.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def on_a_line(found: Any) -> str:
    """Return a value on one line."""
    if isinstance(found, dict):
        return f"{{{', '.join(f'{key}: {on_a_line(item)}' for key, item in found.items())}}}"
    if isinstance(found, list):
        return f"[{', '.join(on_a_line(item) for item in found)}]"
    plain = isinstance(found, str) and found and found.isprintable()
    text = found if plain else json.dumps(found)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _secret(each: SecretDifference) -> str:
    if each.differs:
        return "set in the first only" if each.first else "set in the second only"
    return CANNOT_TELL


def _object(each: Difference) -> dict[str, Any]:
    return {
        "setting": each.path,
        "first": None if each.first is None else _side(each.first),
        "second": None if each.second is None else _side(each.second),
    }


def _side(setting: Setting) -> dict[str, Any]:
    return {"value": setting.value, "origin": setting.origin}
