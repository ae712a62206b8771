"""Writes what a preview looks like into docs/preview.md, from one that was recorded.

`python -m operations.preview.documented PAGE RECORDING` prints the page with the report in it.
"""

import sys
from pathlib import Path

from operations.errors import OperationError
from operations.preview import recording
from operations.preview.command import made_of
from operations.preview.markdown import markdown

BEGIN = "<!-- begin: written by scripts/docs -->\n"
END = "<!-- end: written by scripts/docs -->\n"
AGAINST = "what main (0123456789ab) would have deployed"


def page(text: str, path: Path) -> str:
    """Return the page with the report on the recording in *path*."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise OperationError(
            "the page has no place for the report", "docs/preview.md",
            f"{BEGIN.strip()} or {END.strip()} is missing", "take the page from git",
        )  # fmt: skip
    made = made_of(recording.load(path), "dev", against=AGAINST)
    return f"{before}{begin}\n{_lowered(markdown(made))}\n{end}{after}"


def _lowered(text: str) -> str:
    """Return the report with its headings below those of the page, and no marker of a comment."""
    _, _, rest = text.partition("\n")
    return "".join(
        f"#{line}" if line.startswith("##") else line for line in rest.splitlines(keepends=True)
    )


def main(arguments: list[str]) -> int:
    """Write the page to standard output."""
    target, found = map(Path, arguments)
    try:
        sys.stdout.write(page(target.read_text(), found))
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
