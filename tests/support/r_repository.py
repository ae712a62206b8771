"""A repository of R packages as miniCRAN makes it, as an archive: one package, and one it needs."""

import io
import tarfile
from pathlib import Path

NAME = "r-packages.tar.gz"
PACKAGE = "slopes"
CALL = f"{PACKAGE}::slope()"
"""Is 2."""

_PACKAGES = {
    "figures": ("", "export(two)\n", "two <- function() 2\n"),
    PACKAGE: ("figures", "export(slope)\n", "slope <- function() figures::two()\n"),
}


def made(folder: Path) -> Path:
    """The archive, in *folder*."""
    file = folder / NAME
    place = "repository/src/contrib"
    files: dict[str, bytes] = {}
    index = []
    for name, (needed, exported, code) in _PACKAGES.items():
        described = {"Package": name, "Version": "1.0"}
        described |= {"Imports": needed} if needed else {}
        described |= {"License": "GPL-3", "NeedsCompilation": "no"}
        index.append(_fields(described))
        more = {"Title": name.title(), "Description": "Of tests.", "Author": "Tests"}
        description = _fields({**described, **more, "Maintainer": "Tests <tests@example.com>"})
        source = {"DESCRIPTION": description, "NAMESPACE": exported, "R/code.R": code}
        packed = {f"{name}/{path}": text.encode() for path, text in source.items()}
        files[f"{place}/{name}_1.0.tar.gz"] = _tar(packed)
    files[f"{place}/PACKAGES"] = "\n".join(index).encode()
    file.write_bytes(_tar(files))
    return file


def _fields(values: dict[str, str]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in values.items())


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
