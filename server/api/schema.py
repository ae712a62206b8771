"""The numbered files that a schema is made of, whichever engine runs them."""

import re
from dataclasses import dataclass
from pathlib import Path


class MigrationError(RuntimeError):
    """The schema cannot be brought up to date; the text says why and what to do."""


@dataclass(frozen=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    statements: str


def read_migrations(folder: Path) -> list[Migration]:
    """Return the files of *folder* in order.

    Raises:
        MigrationError: when a name has no number, or the numbers have a gap or a twin.
    """
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)", path.stem)
        if match is None:
            raise MigrationError(f"{path.name} is not called NNNN_name.sql")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations must count 1, 2, 3 ... without a gap, got {numbers}")
    return found
