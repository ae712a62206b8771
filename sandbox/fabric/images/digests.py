"""How an image's folder is named after all that decided its content, and how layers find parents.

FOLDER/base -> base-0123456789ab
FOLDER/base-0123456789ab/upper              the tree
FOLDER/base-0123456789ab/parent             name of the parent's folder; absent without one
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sandbox.fabric.authority import Authority
from sandbox.fabric.images import sources
from sandbox.fabric.images.definitions import SUITE, Image

_SCRIPT = Path(__file__).with_name("build.sh")


def authority(folder: Path) -> Path:
    """Where the images' certificate authority is."""
    return folder / "authority"


def wanted(folder: Path, definitions: Sequence[Image]) -> Mapping[str, str]:
    """Names of the folders that hold *definitions* as this machine would build them now.

    Empty while there is no authority yet: then nothing can be there.
    """
    if not Authority.exists(authority(folder)):
        return {}
    ground = [
        SUITE,
        sources.text(SUITE),
        *sources.settings(),
        _SCRIPT.read_text(),
        (authority(folder) / "certificate.pem").read_text(),
    ]
    found: dict[str, str] = {}
    for image in definitions:
        parent = found[image.parent] if image.parent else ""
        told = repr(replace(image, content=None))  # content counts, its place does not
        parts = [*ground, parent, told, *_content(image.folder)]
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        found[image.name] = f"{image.name}-{digest}"
    return found


def is_current(link: Path, wanted_name: str) -> bool:
    """Whether *link* leads to the wanted folder, and all its parents are there."""
    return link.is_symlink() and link.readlink().name == wanted_name and bool(chain(link))


def chain(link: Path) -> tuple[Path, ...]:
    """The trees of an image and its parents, topmost first; empty when one is not there."""
    try:
        folder = link.parent / link.readlink()
    except OSError:
        return ()
    found: list[Path] = []
    while True:
        tree = folder / "upper"
        if not tree.is_dir():
            return ()
        found.append(tree)
        try:
            folder = folder.with_name((folder / "parent").read_text())
        except FileNotFoundError:
            return tuple(found)


def _content(folder: Path) -> Iterator[str]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield f"{file.relative_to(folder)}:{file.stat().st_mode & 0o777:o}:{file.read_text()}"
