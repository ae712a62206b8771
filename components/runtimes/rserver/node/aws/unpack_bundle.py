"""Unpacks the archive that brings a node's files, after it has proved to be the right one.

usage: unpack_bundle.py ARCHIVE SHA256 ROOT

As the shared program of this name, for systems with an older Python. All of it is checked before
the first file is written: the hash, the paths, that there is nothing but plain files. Each file is
put in place as a whole, so that a boot that is cut short can be repeated. Python 3.4.
"""

import gzip
import hashlib
import io
import os
import re
import sys
import tarfile

PLACES = (
    r"opt/operationalization/(bin|server(/[a-z0-9_]+)*)/[A-Za-z0-9_.-]+",
    r"etc/operationalization/[A-Za-z0-9_.-]+",
    r"etc/systemd/system/operationalization-[A-Za-z0-9_.@-]+(/[A-Za-z0-9_.-]+)?",
    # What we add to the product's own unit.
    r"etc/systemd/system/rserve\.service\.d/operationalization\.conf",
)
"""Paths that a bundle may bring; `components.bootstrap.bundle` packs no others."""

OWN = ("etc/operationalization/node.json",)
"""Said by the user data alone."""

LARGEST = 4 * 1024 * 1024
"""Bytes of all files together."""


class Refused(Exception):  # noqa: N818 - the archive is wrong, not the program
    """Why nothing of the archive was written."""


def verified(archive: "bytes", sha256: "str") -> "bytes":
    """Return the unpacked tar file, or refuse another archive than the one of that hash."""
    found = hashlib.sha256(archive).hexdigest()
    if found != sha256:
        raise Refused("its sha256 is {}, not {}".format(found, sha256))
    with gzip.open(io.BytesIO(archive)) as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Refused("it has more than {} bytes".format(LARGEST))
    return content


def files(content: "bytes") -> "dict[str, tuple[int, bytes]]":
    """Return mode and content by path, or refuse anything but plain files in their places."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for entry in archive:
            name = entry.name
            if not entry.isreg():
                raise Refused("{} is no plain file".format(name))
            allowed = any(re.match("(?:" + place + r")\Z", name, re.ASCII) for place in PLACES)
            if not allowed or name in OWN or {".", ".."} & set(name.split("/")):
                raise Refused("{} is no place for a file of a bundle".format(name))
            if entry.mode not in (0o644, 0o755):
                raise Refused("{} has mode {:o}".format(name, entry.mode))
            if name in found:
                raise Refused("{} is there twice".format(name))
            stream = archive.extractfile(entry)
            found[name] = (entry.mode, stream.read() if stream else b"")
    return found


def write(root: "str", name: "str", mode: "int", content: "bytes") -> "None":
    """Put a file of root's in place at once."""
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    draft = path + ".new"
    if os.path.exists(draft):
        os.remove(draft)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), mode)
    os.replace(draft, path)


def main() -> "None":
    """Unpack, or say why not."""
    archive, sha256, root = sys.argv[1:]
    try:
        with open(archive, "rb") as stream:
            found = files(verified(stream.read(), sha256))
    except (Refused, tarfile.TarError, OSError, EOFError) as reason:
        sys.exit("refused: {}".format(reason))
    for name in sorted(found):
        mode, content = found[name]
        write(root, name, mode, content)


if __name__ == "__main__":
    main()
