"""The first line of everything that is written: what it is about, which only a program reads.

operations/preview writes it, too, without a run.
"""

import re
from dataclasses import dataclass
from typing import Self

STACK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""Names of stacks, as scripts/lib/stack.sh takes them."""

_LINE = re.compile(
    rf"<!-- operationalization-(?P<kind>[a-z]+): (?P<stack>{STACK.pattern})"
    r"(?: run (?P<run>[0-9]{1,19}))? -->"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """What a comment or an issue is about."""

    kind: str
    """`preview` or `drift`."""
    stack: str
    run: int = 0
    """Number of the pipeline's run, which grows: what an older run says late is not said."""

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the marker of *text*, which is its first line or nowhere."""
        found = _LINE.fullmatch(text.partition("\n")[0].strip())
        if found is None:
            return None
        return cls(kind=found["kind"], stack=found["stack"], run=int(found["run"] or 0))

    def marks(self, text: str) -> bool:
        """Whether *text* is about the same, whatever run wrote it."""
        found = self.read(text)
        return found is not None and (found.kind, found.stack) == (self.kind, self.stack)

    def __str__(self) -> str:
        run = f" run {self.run}" if self.run else ""
        return f"<!-- operationalization-{self.kind}: {self.stack}{run} -->"


def without(text: str) -> str:
    """Return *text* without a marker on its first line."""
    return text.partition("\n")[2].lstrip("\n") if Marker.read(text) else text
