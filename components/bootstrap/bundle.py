"""The bundle: the files of a node that user data has no room for, as one archive.

Azure's custom data holds everything. AWS counts 16 KiB of user data, so a node there starts with
what it takes to fetch an object of the environment's own bucket and to verify it: the hash is in
its user data, and the files of the bundle are as trustworthy as those. The same recipe gives the
same bytes, whatever the day and whoever deploys.
"""

import base64
import gzip
import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass

from components.bootstrap import windows
from components.bootstrap.facts import Cloud
from components.bootstrap.scripts import FIRST, cloud_files, shared_files
from components.runtimes.node import NodeFile, NodeRecipe

PLACES = ("/opt/operationalization/", "/etc/operationalization/", "/etc/systemd/system/")
"""Where a bundle may put files; `unpack_bundle.py`, which refuses others, has the same list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """A gzipped tar archive of root's files, with paths from the root of the file system.

    For Windows a zip archive of files without folders.
    """

    content: bytes

    @property
    def sha256(self) -> str:
        """Hash of the content, in hexadecimal digits: what the node verifies, and a good key."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def base64(self) -> str:
        """What AWS's `content_base64` of an object takes."""
        return base64.b64encode(self.content).decode("ascii")


def bundle(recipe: NodeRecipe, cloud: Cloud) -> Bundle | None:
    """Return what nodes of *recipe* fetch at boot; None where user data has room for all."""
    _, fetched = split(recipe, cloud)
    archive = windows.pack if recipe.family == "windows" else pack
    return Bundle(content=archive(fetched)) if fetched else None


def split(recipe: NodeRecipe, cloud: Cloud) -> tuple[tuple[NodeFile, ...], tuple[NodeFile, ...]]:
    """Return the static files that travel in user data, and those that the node fetches."""
    if recipe.family == "windows":
        return _split_windows(recipe, cloud)
    shared = (*shared_files(), *cloud_files(cloud))
    # A recipe's own file takes the place of a shared one, for systems that the latter is not for.
    files = tuple({file.path: file for file in (*shared, *recipe.files)}.values())
    first = FIRST[cloud]
    if first is None:
        return files, ()
    return (
        tuple(file for file in files if file.path in first),
        tuple(file for file in files if file.path not in first),
    )


def _split_windows(
    recipe: NodeRecipe, cloud: Cloud
) -> tuple[tuple[NodeFile, ...], tuple[NodeFile, ...]]:
    files = (*windows.shared_files(), *windows.cloud_files(cloud), *recipe.files)
    carried = tuple(file for file in files if windows.carried(file, cloud))
    return carried, tuple(file for file in files if file not in carried)


def pack(files: Sequence[NodeFile]) -> bytes:
    """Return *files* as an archive, ordered by path, without a time or a user's name.

    Raises:
        ValueError: for a file that the node would refuse to unpack.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in sorted(files, key=lambda file: file.path):
            if file.owner != "root:root":
                raise ValueError(f"{file.path}: belongs to {file.owner}, a bundle has only root's")
            if not file.path.startswith(PLACES):
                raise ValueError(f"{file.path}: is not below {', '.join(PLACES)}")
            content = file.content.encode("utf-8")
            entry = tarfile.TarInfo(file.path.removeprefix("/"))
            entry.size, entry.mode = len(content), int(file.mode, 8)
            entry.uname = entry.gname = "root"
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), compresslevel=9, mtime=0)
