"""Debian packages and archives whose bytes depend on their content alone."""

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = 1_500_000_000
"""The time of every file: a fixed day of 2017."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a package."""

    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package to be built."""

    name: str
    version: str
    about: str
    files: Mapping[str, File] = field(default_factory=dict)
    """By absolute path."""
    folders: Mapping[str, int] = field(default_factory=dict)
    """Empty folders, with their modes."""
    scripts: Mapping[str, File] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    def control(self) -> bytes:
        """Return what dpkg is told of it."""
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": "all",
            "Maintainer": "Stand-ins of this project <nobody@example.com>",
            "Depends": ", ".join(("python3", *self.depends)),
            "Replaces": ", ".join(self.replaces),
            "Section": "misc",
            "Priority": "optional",
            "Description": f"{self.about} (stand-in)\n For tests: not Microsoft's package.",
        }
        return "".join(f"{key}: {value}\n" for key, value in fields.items() if value).encode()


def build(package: Package) -> bytes:
    """Return the package: uncompressed, owned by root, every time the same."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        _lay_out(tree, package)
        target = Path(scratch) / "package.deb"
        subprocess.run(
            ["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(target)],
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8"},
        )
        return target.read_bytes()


def _lay_out(tree: Path, package: Package) -> None:
    for path, mode in package.folders.items():
        (tree / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        (tree / path.lstrip("/")).chmod(mode)
    control = {"control": File(content=package.control()), **package.scripts}
    files = {**package.files, **{f"/DEBIAN/{name}": file for name, file in control.items()}}
    for path, file in files.items():
        target = tree / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    for folder in [tree, *tree.rglob("*")]:
        if folder.is_dir() and f"/{folder.relative_to(tree)}" not in package.folders:
            folder.chmod(0o755)
        os.utime(folder, (EPOCH, EPOCH))


def archive(files: Mapping[str, File]) -> bytes:
    """Return a tar archive of *files*, every time the same."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder in sorted({str(parent) for path in files for parent in _parents(path)}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            tar.addfile(entry)
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(file.content), file.mode, EPOCH
            tar.addfile(entry, io.BytesIO(file.content))
    return target.getvalue()


def _parents(path: str) -> list[Path]:
    return [parent for parent in Path(path).parents if str(parent) != "."]
