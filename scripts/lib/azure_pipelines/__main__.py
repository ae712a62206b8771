"""`python -m scripts.lib.azure_pipelines FOLDER`: prints what is wrong with the pipelines there."""

import sys
from pathlib import Path

from scripts.lib.azure_pipelines.rules import problems
from scripts.lib.azure_pipelines.schema import violations
from scripts.lib.azure_pipelines.shell import complaints
from scripts.lib.azure_pipelines.tree import Unreadable, read


def main(arguments: list[str]) -> int:
    """Return 1 where something is wrong."""
    folder = Path(arguments[0])
    found: list[str] = []
    for path in sorted(folder.rglob("*.yml")):
        try:
            document = read(path.read_text())
        except Unreadable as error:
            found.append(f"{path}: {error}")
            continue
        judges = (violations, problems, complaints)
        found += [f"{path}: {each}" for judge in judges for each in judge(document)]
    sys.stdout.write("".join(f"{each}\n" for each in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
