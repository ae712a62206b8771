"""`python -m components.settings.comparison FIRST [SECOND]`: what scripts/compare runs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from components.settings.comparison import alone
from components.settings.comparison.differences import compare
from components.settings.comparison.effective import read
from components.settings.comparison.words import FORMATS
from components.settings.problems import SettingsError

SAME, DIFFERENT, WRONG = 0, 1, 2
"""As diff ends."""


def main(arguments: Sequence[str]) -> int:
    """Compare two stack files, or show all that one says."""
    parser = argparse.ArgumentParser(prog="components.settings.comparison")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--format", choices=FORMATS, default="terminal")
    parser.add_argument("--accept-expected", action="store_true")
    options = parser.parse_args(arguments)
    try:
        first, *others = (read(path) for path in options.files)
    except SettingsError as error:
        sys.stderr.write(f"error: {error}\n")
        return WRONG
    if not others:
        sys.stdout.write(alone.FORMATS[options.format](first))
        return SAME
    found = compare(first, others[0])
    sys.stdout.write(FORMATS[options.format](found))
    same = found.same_but_for_the_expected if options.accept_expected else found.same
    return SAME if same else DIFFERENT


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
