"""The rules as tables, for docs/policies.md: written by scripts/docs."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from policies.rule import Rule, Stance
from policies.rules import TOPICS

BEGIN = "<!-- begin: written by scripts/docs -->"
END = "<!-- end: written by scripts/docs -->"

EFFECTS = {
    Stance.REFUSES: ("refuses", "refuses"),
    Stance.PROTECTS: ("refuses", "advises"),
    Stance.KEEPS: ("refuses", "says nothing"),
    Stance.ADVISES: ("advises", "advises"),
}
"""What a rule does with `protection: true`, and without."""

HEAD = (
    "| Rule | Severity | Protected | Others | Why | To mend it | Elsewhere |",
    "|---|---|---|---|---|---|---|",
)


def page(text: str) -> str:
    """Return *text* with the list between its marks written anew."""
    before, rest = text.split(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{render()}{END}{after}"


def render() -> str:
    """Return all rules, a chapter a topic."""
    return "".join(line + "\n" for topic in TOPICS for line in _chapter(topic))


def _chapter(topic: ModuleType) -> Iterator[str]:
    title = " ".join((topic.__doc__ or "").split("\n\n")[0].split()).rstrip(".")
    rules: tuple[Rule, ...] = topic.RULES
    yield from ("", f"### {title}", "", *HEAD)
    yield from map(_row, rules)
    yield ""


def _row(rule: Rule) -> str:
    name = f'<a id="{rule.id}"></a>`{rule.id}`'
    cells = (name, rule.severity, *EFFECTS[rule.stance], rule.why, rule.fix, ", ".join(rule.ids))
    return f"| {' | '.join(each.replace('|', chr(92) + '|') for each in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1]).read_text(encoding="utf-8")))
