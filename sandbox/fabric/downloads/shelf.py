"""The files that are offered: those in a folder of the sandbox, where every start finds them."""

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from sandbox.fabric.contract import FabricError

FOLDER = "downloads"
"""Of the sandbox's own folder."""
HOST = "downloads.sandbox.example"
"""Name of the site; `example` is nobody's (RFC 2606)."""

BLOBS = "blob.core.windows.net"
"""Domain of Azure's private stores."""
STORES = "stores"
"""Folder of the files in private stores; none of them is at the site itself."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}")
_DRAFT = ".offered-"
"""Begins the name of what is still being copied; no file that is offered begins with a dot."""


def address_in(pool: IPv4Network) -> IPv4Address:
    """The site's address: one of those that are not given to resources."""
    return pool[2]


def verify_name(name: str) -> None:
    """Raise FabricError when *name* can't be the last part of an address, and of nothing else."""
    if not _NAME.fullmatch(name):
        raise FabricError(
            f"{name!r} is no name for a file that is offered: it has letters, digits and . _ + ~ - "
            "only, no slash, and begins with a letter or a digit; give another one with --as"
        )


class Shelf:
    """The files of one sandbox. Methods may be called by several processes at once."""

    def __init__(self, folder: Path) -> None:
        """*folder* may be absent: then nothing is offered."""
        self.folder = folder

    def names(self) -> Sequence[str]:
        """What is offered."""
        try:
            found = [each.name for each in self.folder.iterdir() if each.is_file()]
        except OSError:
            return ()
        return sorted(name for name in found if _NAME.fullmatch(name))

    def is_empty(self) -> bool:
        """Whether nothing is offered, neither here nor in a store below."""
        return not self.names() and not any(
            Shelf(folder).names() for folder in (self.folder / STORES).glob("*/*")
        )

    def store(self, place: str) -> "Shelf":
        """The files of a private store, `ACCOUNT/CONTAINER`. Raises FabricError."""
        account, _, container = place.partition("/")
        verify_name(account)
        verify_name(container)
        return Shelf(self.folder / STORES / account / container)

    def find(self, name: str) -> Path | None:
        """The file of this name; None when there is none."""
        if not _NAME.fullmatch(name):
            return None
        file = self.folder / name
        return file if file.is_file() else None

    def add(self, source: Path, name: str = "") -> str:
        """Offer a copy of *source*, in place of what had its name; its name and SHA-256.

        Raises FabricError.
        """
        chosen = name or source.name
        verify_name(chosen)
        draft = self.folder / f"{_DRAFT}{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(source, draft)
            with draft.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            # Who downloads the old one meanwhile goes on reading the old one.
            draft.replace(self.folder / chosen)
        except OSError as error:
            raise FabricError(f"{source} can't be offered: {error}") from error
        finally:
            draft.unlink(missing_ok=True)
        return digest

    def remove(self, name: str) -> None:
        """Offer it no longer. Raises FabricError."""
        verify_name(name)
        try:
            (self.folder / name).unlink()
        except FileNotFoundError:
            offered = ", ".join(self.names()) or "nothing"
            raise FabricError(f"{name} is not offered; offered: {offered}") from None
        except OSError as error:
            raise FabricError(f"{name} can't be withdrawn: {error}") from error
