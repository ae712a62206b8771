"""What is wrong with a stack, told so that the user can mend it without reading our code."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import pulumi

LONGEST_VALUE = 60
"""Characters of a refused value that a message repeats; the user has the rest in the file."""


class Problem(NamedTuple):
    """One setting that cannot be deployed."""

    key: str
    """Path as in the stack file, such as `compute.autoscale.schedules[0].start`."""

    value: str
    """The refused value as `show` gives it; empty where there is none or it is a secret."""

    rule: str
    """What holds for the key; completes the sentence that begins with the key."""

    fix: str
    """What to write instead."""

    source: str = ""
    """File and line that the value is from, where it is not the stack's own file."""

    def __str__(self) -> str:
        known = [f"got {self.value}"] if self.value else []
        known += [f"from {self.source}"] if self.source else []
        got = f" ({', '.join(known)})" if known else ""
        return f"  {self.key}: {self.rule}{got}\n    fix: {self.fix}"


class SettingsError(pulumi.RunError):
    """A stack that cannot be deployed as configured; the CLI prints it without a trace."""

    def __init__(self, stack: str, problems: Sequence[Problem]) -> None:
        self.stack = stack
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems]
        super().__init__("\n".join([f"stack '{stack}' cannot be deployed:", *lines]))


def show(value: object) -> str:
    """Return *value* as the stack file would hold it, on one line and cut to a readable length.

    Never call it with a secret.
    """
    if isinstance(value, dict):
        return f"a mapping with {len(value)} keys" if len(value) != 1 else "a mapping with 1 key"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=True) if _plain(value) else f'"{value}"'
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _plain(value: object) -> bool:
    """Return whether JSON has a word for *value*; dates and networks have none."""
    return value is None or isinstance(value, str | bool | int | float)


def closest(word: str, names: Iterable[str]) -> str | None:
    """Return the one of *names* that *word* most likely means, if any is near."""
    by_plain = {_plain_name(name): name for name in names}
    near = get_close_matches(_plain_name(word[:80]), by_plain, n=1, cutoff=0.6)
    return by_plain[near[0]] if near else None


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return *names* for a sentence; past *most*, the first ones and how many more there are."""
    all_names = list(names)
    text = ", ".join(all_names[:most])
    rest = len(all_names) - most
    return f"{text} and {rest} more" if rest > 0 else text


def _plain_name(name: str) -> str:
    """Return *name* without what people forget about spelling: case, hyphens, underscores."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()
