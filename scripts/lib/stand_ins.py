"""Renews the SHA-256 of stand-ins in stack files: `stand_ins.py [--check] FOLDER`.

A stack file names the sum of what its nodes install. What stands in for an installer on the
sandbox is built from this project, so its sum changes with the project; each build of it has the
same bytes.
"""

import hashlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NAMED = re.compile(
    r"(?P<before>url:\s*https://downloads\.sandbox\.example/"
    r"(?P<product>rserver|mlserver)-(?P<version>[\w.-]+)\.tar\b[^\n]*\n\s*sha256:\s*\"?)"
    r"(?P<sum>[0-9a-f]{64})"
)


def renewed(text: str, sums: "Sums") -> str:
    """*text* of a stack file with the sums of today's stand-ins."""
    return _NAMED.sub(
        lambda found: found["before"] + sums.of(found["product"], found["version"]), text
    )


class Sums:
    """The sums of stand-ins, each built once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.of = cache(self._of)

    def _of(self, product: str, version: str) -> str:
        command = [str(ROOT / "stand_ins/build"), product, version, "--output", str(self._folder)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        with (self._folder / f"{product}-{version}.tar").open("rb") as archive:
            return hashlib.file_digest(archive, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    """0: every stack file is, or was made, as the build; 1: `--check` found one that is not."""
    check = arguments[:1] == ["--check"]
    sums = Sums(Path(arguments[-1]))
    stale = 0
    for file in sorted((ROOT / "stacks").rglob("*.yaml")):
        text = file.read_text()
        new = renewed(text, sums)
        if new == text:
            continue
        stale += 1
        where = file.relative_to(ROOT)
        if check:
            sys.stderr.write(
                f"error: {where} names another stand-in than this project builds\n"
                "  fix: run scripts/stand-ins and commit the file\n"
            )
        else:
            file.write_text(new)
            sys.stderr.write(f"{where} is renewed\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
