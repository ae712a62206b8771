"""The scripts of a Windows node that every product shares: real files, the same for every node.

Nothing of Windows can boot where this project is tested: `scripts/lib/powershell` parses and judges
them, and docs/r-server.md says so.
"""

import base64
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Final

from components.bootstrap.facts import Cloud
from components.runtimes.files import node_file
from components.runtimes.node import NodeFile

SOURCE: Final = "components/bootstrap/windows"
PROGRAMS: Final = r"C:\Program Files\Operationalization"
NODE_FILE: Final = r"C:\ProgramData\Operationalization\node.json"

SHARED: Final = (
    "begin.ps1",
    "configure.ps1",
    "firewall.ps1",
    "health.config",
    "health.ps1",
    "library.ps1",
    "wait-until-ready.ps1",
    "watch.ps1",
)

FIRST: Final[dict[Cloud, frozenset[str] | None]] = {
    "azure": None,
    "aws": frozenset(f"{PROGRAMS}\\{name}" for name in ("begin", "cloud", "library")),
}
"""What a node needs to fetch the rest of its files, without `.ps1`; None where all of them are in
user data."""

NAME: Final = re.compile(r"[a-z][a-z0-9-]*\.(ps1|json|config|R)")
"""Of a file in an archive: `start.ps1`, which refuses others, has the same pattern."""

EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive: the earliest that the format knows."""

LINE: Final = 100
"""Characters in a line of the archive's text."""


def shared_files() -> tuple[NodeFile, ...]:
    """Return the scripts of every Windows node."""
    return tuple(node_file(f"{SOURCE}/{name}", f"{PROGRAMS}\\{name}") for name in SHARED)


def cloud_files(cloud: Cloud) -> tuple[NodeFile, ...]:
    """Return what speaks to *cloud*: one script behind the same name on every cloud."""
    return (node_file(f"{SOURCE}/cloud-{cloud}.ps1", f"{PROGRAMS}\\cloud.ps1"),)


def carried(file: NodeFile, cloud: Cloud) -> bool:
    """Whether *file* travels in user data."""
    first = FIRST[cloud]
    return first is None or file.path.removesuffix(".ps1") in first


def pack(files: Sequence[NodeFile]) -> bytes:
    """Return *files* as a zip archive, ordered by name, without a time or a folder.

    A zip, because Windows Server 2012 R2 and 2016 have no tar.

    Raises:
        ValueError: for a file that the node would refuse to unpack.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(files, key=lambda file: file.path):
            name = PureWindowsPath(file.path).name
            place = NODE_FILE if name == "node.json" else f"{PROGRAMS}\\{name}"
            if not NAME.fullmatch(name) or file.path != place:
                raise ValueError(f"{file.path}: is no place for a file of a Windows node")
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.content.encode("utf-8"), compresslevel=9)
    return buffer.getvalue()


def document(files: Sequence[NodeFile], cloud: Cloud) -> str:
    """Return the script that unpacks *files* and begins, as *cloud* hands it to a machine.

    Azure stores it as it is; on AWS it stands in a block that says what it is (Amazon EC2 User
    Guide, "How Amazon EC2 handles user data for Windows instances"). Nothing in it is compressed
    but the archive, which the script itself unpacks: Windows unpacks nothing.
    """
    start = (Path(__file__).parent / "start.ps1").read_text(encoding="utf-8")
    packed = base64.b64encode(pack(files)).decode("ascii")
    lines = [packed[at : at + LINE] for at in range(0, len(packed), LINE)]
    script = start.replace("{{archive}}", "\n".join(lines))
    return f"<powershell>\n{script}</powershell>\n" if cloud == "aws" else script
