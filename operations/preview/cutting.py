"""Makes a text fit into what a platform takes, and keeps what matters most.

Each part of a report has forms, the fullest first. While the whole is too long, the part that is
missed least takes its next shorter form, in an order that is fixed. What was left out is said, at
the top, where somebody who reads only that will see it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LIMITS = {"github": 65_536, "azure-devops": 150_000}
"""Characters that a comment may have. GitHub: "Body is too long (maximum is 65536 characters)";
Azure DevOps Services: "Azure DevOps limits", pull requests: 150,000 characters a comment."""

SPARE = 512
"""Kept free: who posts it may add a line."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a report."""

    forms: Sequence[Callable[[], str]]
    """The fullest first; the last one is what always stays."""
    missed: Sequence[str] = field(default=())
    """What the step to the next form leaves out, one for each step."""


def length(text: str) -> int:
    """Return how long a text is for whoever counts it in UTF-16, as both platforms do at worst."""
    return len(text.encode("utf-16-le", errors="replace")) // 2


def fit(
    parts: Sequence[Part], order: Sequence[int], limit: int, notice: Callable[[list[str]], str]
) -> str:
    """Return the parts as one text of at most *limit* characters.

    *order* names a part for each step, the one that is missed least first. *notice* says what is
    left out; it stands behind the first part.
    """
    chosen = [0] * len(parts)
    rendered = [part.forms[0]() for part in parts]
    left_out: list[str] = []

    def whole() -> str:
        said = [notice(left_out)] if left_out else []
        return "\n".join(each for each in (rendered[0], *said, *rendered[1:]) if each)

    for index in order:
        if length(whole()) <= limit:
            break
        part = parts[index]
        if chosen[index] + 1 >= len(part.forms):
            continue
        missed = part.missed[chosen[index]]
        chosen[index] += 1
        shorter = part.forms[chosen[index]]()
        if shorter != rendered[index]:
            rendered[index] = shorter
            left_out.append(missed)
    return _ended(whole(), limit)


def _ended(text: str, limit: int) -> str:
    """Return *text*, cut at a line's end where nothing else helped, with no block left open."""
    if length(text) <= limit:
        return text
    closing = "\n\nThe rest is cut: it is too long for one comment.\n"
    kept: list[str] = []
    used = length(closing) + 16
    fence = ""
    for line in text.split("\n"):
        used += length(line) + 1
        if used > limit:
            break
        kept.append(line)
        mark = line[: len(line) - len(line.lstrip("`"))]
        if fence:
            fence = "" if line == fence else fence
        elif len(mark) >= len("```"):
            fence = mark
    opened = sum(line.count("<details>") - line.count("</details>") for line in kept)
    return "\n".join([*kept, *([fence] if fence else []), *["</details>"] * opened]) + closing
