"""Judges the repository's PowerShell scripts: `python -m scripts.lib.powershell [FILE...]`."""

import subprocess
import sys
from pathlib import Path

from scripts.lib.powershell.rules import problems
from scripts.lib.powershell.tree import Script

ROOT = Path(__file__).resolve().parents[3]


def main(arguments: list[str]) -> int:
    """Print what is wrong with the files, or with all that git knows or would know."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.ps1"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = arguments or sorted(set(listed.stdout.split("\n")) - {""})
    scripts = [Script.read(ROOT, name) for name in names if (ROOT / name).exists()]
    found = problems({script.path: script for script in scripts})
    sys.stdout.write("".join(f"{each}\n" for each in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
