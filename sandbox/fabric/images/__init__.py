"""The disks that hosts start from: small Debian trees, built once on this machine.

`base` is built from nothing, the others are layers over it; a host is an overlay over them. All
sandboxes of a checkout share them. `python -m sandbox.fabric.images` builds what is missing.
"""

from pathlib import Path

from sandbox.fabric.authority import Authority
from sandbox.fabric.contract import FabricError
from sandbox.fabric.images import digests
from sandbox.fabric.images.definitions import ALL, Image
from sandbox.fabric.images.machine import unavailable as unavailable

DEFAULT = Path(__file__).resolve().parents[3] / ".cache" / "images"
"""The checkout's."""

HOW = "run scripts/setup (as root), or: python -m sandbox.fabric.images"
"""What to do where images are missing."""


class Images:
    """The images in a folder."""

    def __init__(self, folder: Path = DEFAULT, definitions: tuple[Image, ...] = ALL) -> None:
        """Look at *folder*; nothing is read or made yet."""
        self.folder = folder
        self._definitions = {each.name: each for each in definitions}
        self._authority: Authority | None = None

    @property
    def authority(self) -> Authority:
        """The one whose certificate the images trust; made at the first use. Raises FabricError."""
        if self._authority is None:
            self._authority = Authority(digests.authority(self.folder))
        return self._authority

    def layers(self, name: str) -> tuple[Path, ...]:
        """Folders to overlay for *name*, topmost first: what was last built under that name.

        Raises:
            FabricError: there is none, or a part of it is gone.
        """
        if name not in self._definitions:
            raise FabricError(f"the sandbox has no image {name!r}: {', '.join(self._definitions)}")
        found = digests.chain(self.folder / name)
        if not found:
            raise FabricError(f"the image {name!r} is not in {self.folder}; {HOW}")
        return found

    def missing(self) -> tuple[str, ...]:
        """Names of images that are not there, or were built from another definition."""
        wanted = digests.wanted(self.folder, tuple(self._definitions.values()))
        return tuple(
            name
            for name in self._definitions
            if name not in wanted or not digests.is_current(self.folder / name, wanted[name])
        )
