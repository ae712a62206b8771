"""Unpacks the archive that brings a node's files, after it has proved to be the right one.

usage: unpack_bundle.py ARCHIVE SHA256 ROOT

All of it is checked before the first file is written: the hash, the paths, that there is nothing
but plain files. Each file is put in place as a whole, so that a boot that is cut short can be
repeated. Only the standard library: the nodes that run it have nothing else yet.
"""

import gzip
import hashlib
import io
import os
import re
import sys
import tarfile
from pathlib import Path
from typing import Final

PLACES: Final = (
    r"opt/operationalization/(bin|server(/[a-z0-9_]+)*)/[A-Za-z0-9_.-]+",
    r"etc/operationalization/[A-Za-z0-9_.-]+",
    r"etc/systemd/system/operationalization-[A-Za-z0-9_.@-]+(/[A-Za-z0-9_.-]+)?",
)
"""Paths that a bundle may bring; `components.bootstrap.bundle` packs no others."""

OWN: Final = ("etc/operationalization/node.json",)
"""Said by the user data alone."""

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of all files together."""


class Refused(Exception):  # noqa: N818 - the archive is wrong, not the program
    """Why nothing of the archive was written."""


def verified(archive: bytes, sha256: str) -> bytes:
    """Return the unpacked tar file.

    Raises:
        Refused: for another archive than the one of that hash, or one that is too large.
    """
    found = hashlib.sha256(archive).hexdigest()
    if found != sha256:
        raise Refused(f"its sha256 is {found}, not {sha256}")
    with gzip.open(io.BytesIO(archive)) as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Refused(f"it has more than {LARGEST} bytes")
    return content


def files(content: bytes) -> dict[str, tuple[int, bytes]]:
    """Return mode and content by path.

    Raises:
        Refused: for anything but plain files in their places.
    """
    found: dict[str, tuple[int, bytes]] = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for entry in archive:
            name = entry.name
            if not entry.isreg():
                raise Refused(f"{name} is no plain file")
            parts = name.split("/")
            allowed = any(re.fullmatch(place, name, re.ASCII) for place in PLACES)
            if not allowed or name in OWN or {".", ".."} & set(parts):
                raise Refused(f"{name} is no place for a file of a bundle")
            if entry.mode not in (0o644, 0o755):
                raise Refused(f"{name} has mode {entry.mode:o}")
            if name in found:
                raise Refused(f"{name} is there twice")
            stream = archive.extractfile(entry)
            found[name] = (entry.mode, stream.read() if stream else b"")
    return found


def write(root: Path, name: str, mode: int, content: bytes) -> None:
    """Put a file of root's in place at once."""
    path = root / name
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), mode)
    draft.replace(path)


def main() -> None:
    """Unpack, or say why not."""
    archive, sha256, root = sys.argv[1:]
    try:
        found = files(verified(Path(archive).read_bytes(), sha256))
    except (Refused, tarfile.TarError, OSError, EOFError) as reason:
        sys.exit(f"refused: {reason}")
    for name, (mode, content) in found.items():
        write(Path(root), name, mode, content)


if __name__ == "__main__":
    main()
