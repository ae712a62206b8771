"""What a person hears when something cannot be done."""

from collections.abc import Sequence
from typing import NamedTuple


class OperationError(Exception):
    """Something that cannot be done: what, where, why, and how to mend it.

    The text is what scripts/lib/console.sh prints for errors of scripts.
    """

    def __init__(self, what: str, where: str, why: str, fix: str) -> None:
        self.what, self.where, self.why, self.fix = what, where, why, fix
        super().__init__(f"error: {what}\n  where: {where}\n  why:   {why}\n  fix:   {fix}")


class Problem(NamedTuple):
    """One thing that is wrong with a model folder."""

    place: str
    """File, and the place in it."""
    reason: str
    fix: str


class FolderError(Exception):
    """A model folder that cannot be published; says all that is wrong with it at once."""

    def __init__(self, folder: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [f"error: model folder {folder} cannot be published:"]
        for place, reason, fix in problems:
            lines += [f"  {place}: {reason}", f"    fix: {fix}"]
        super().__init__("\n".join(lines))
