"""Prints `protected` for a stack that others depend on: its updates are held to the policy pack.

So is one whose settings are wrong: what is wrong with them is for the program to say.
"""

import sys
from pathlib import Path

from components import settings


def main(stack_file: Path) -> None:
    """Look into *stack_file* and its bases."""
    try:
        protection = settings.parse_file(stack_file).protection
    except settings.SettingsError:
        protection = True
    if protection:
        sys.stdout.write("protected\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
