"""Reads the static files of a node recipe out of this repository."""

from collections.abc import Sequence
from pathlib import Path

from components.runtimes.node import NodeFile

REPOSITORY = Path(__file__).resolve().parents[2]


def node_file(source: str, destination: str, *, mode: str = "0644") -> NodeFile:
    """Return the file at *source*, relative to the repository, for *destination* on a node."""
    content = (REPOSITORY / source).read_text(encoding="utf-8")
    return NodeFile(path=destination, content=content, mode=mode)


def joined_file(sources: Sequence[str], destination: str) -> NodeFile:
    """Return the files at *sources*, one below the other, as one file for *destination*."""
    parts = [(REPOSITORY / source).read_text(encoding="utf-8") for source in sources]
    return NodeFile(path=destination, content="\n".join(parts))


def node_files(
    source: str, pattern: str, destination: str, *, mode: str = "0644", separator: str = "/"
) -> list[NodeFile]:
    """Return the files of folder *source* that match *pattern*, by name, below *destination*.

    On Windows the *separator* of a path is another one.

    Raises:
        FileNotFoundError: when nothing matches, so that a renamed folder is noticed.
    """
    folder = REPOSITORY / source
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not found:
        raise FileNotFoundError(f"{folder} has no file like {pattern}: the node recipe needs it")
    return [
        node_file(
            str(path.relative_to(REPOSITORY)),
            f"{destination}{separator}{path.relative_to(folder)}",
            mode=mode,
        )
        for path in found
    ]
