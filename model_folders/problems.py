"""What is wrong with a model folder."""

from collections.abc import Sequence
from typing import NamedTuple


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
