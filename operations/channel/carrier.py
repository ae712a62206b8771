"""What is sent to a node, and what its answer says: the same over every transport."""

import base64
import gzip
import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from operations.errors import OperationError

HERE = Path(__file__).resolve().parent
PIECE = 12 * 1024
"""Bytes of a file that go with one call: with base64 twice around them the text stays below 24 KiB,
which is less than any transport's limit."""
LARGEST_TEXT = 48 * 1024
"""Characters of one call: parameters of a Systems Manager command have 64 KB together."""
LARGEST_FILE = 4 * 1024 * 1024
SPARE = 60.0
"""Seconds that a transport may take beside the script's own time."""
SEND_SECONDS = 60.0
END = "DATA\n"
PLACE = "{{archive}}"
LINE = 120
"""Characters in a line of an archive inside a script of PowerShell."""
MARK = re.compile(r"channel-answer:([A-Za-z0-9+/=]*):")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One machine of an environment."""

    name: str
    """For people."""

    id: str
    """What the cloud knows it by: an ARM id, an instance's id."""

    role: str
    address: str = ""
    system: str = "linux"
    """`windows`: it runs PowerShell, and unpacks zip archives."""

    @property
    def is_windows(self) -> bool:
        """Whether its scripts are PowerShell."""
        return self.system == "windows"

    @property
    def suffix(self) -> str:
        """The end of the names of scripts for it."""
        return "ps1" if self.is_windows else "sh"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a script ended."""

    code: int
    """124: it took too long, as timeout(1) has it."""

    stdout: str
    stderr: str
    """The ends of both, a thousand bytes at least."""


class Transport(Protocol):
    """One cloud's way to run a text as root, or the system, on one of its machines."""

    def carry(self, node: Node, text: str, seconds: float) -> str:
        """Run the script *text*, shell or PowerShell, on *node*; return what it printed.

        The text is not secret: clouds keep what they were asked to run. Raises OperationError when
        it did not run to its end.
        """
        ...


class Channel:
    """Runs scripts on nodes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(self, node: Node, script: str, text: str, seconds: float) -> Answer:
        """Run a *script* as root on *node*, with *text* as its input.

        In bash, or in PowerShell, where the input is the file `input` beside the script. Neither
        may hold a secret: a script fetches what it needs on the node, with the node's own identity.
        Raises OperationError when the node cannot be reached, or did not answer.
        """
        carried = (packed_for_windows if node.is_windows else packed)(script, text, seconds)
        if len(carried) > LARGEST_TEXT:
            raise ValueError(f"{len(carried)} characters for one call: send files in pieces")
        said = self._transport.carry(node, carried, seconds + SPARE)
        answer = unpacked(said)
        if answer is None:
            raise OperationError(
                "a node's answer cannot be understood",
                node.name,
                said.strip()[-500:] or "it said nothing",
                "try again; what was under way on the node went on",
            )
        return answer

    def send(self, node: Node, name: str, content: bytes) -> None:
        """Put a file into the folder of *node* that the receiving script names.

        Raises OperationError when it did not arrive.
        """
        if len(content) > LARGEST_FILE:
            raise ValueError(f"{name} has {len(content)} bytes, more than {LARGEST_FILE}")
        script = (HERE / f"receive.{node.suffix}").read_text()
        sum_there = ""
        for offset, piece in pieces(content):
            text = f"{name}\n{offset}\n{base64.b64encode(piece).decode()}\n"
            answer = self.run(node, script, text, SEND_SECONDS)
            if answer.code:
                raise _lost(node, name, answer.stderr.strip() or f"it ended with {answer.code}")
            sum_there = answer.stdout.strip()
        if sum_there != hashlib.sha256(content).hexdigest():
            raise _lost(node, name, "its sum is another one there")


def pieces(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield *content* in pieces, each with its place; an empty file is one piece."""
    for offset in range(0, max(len(content), 1), PIECE):
        yield offset, content[offset : offset + PIECE]


def packed(script: str, text: str, seconds: float) -> str:
    """Return the carrier with a script and its input inside."""
    files = {"script": script, "input": text, "seconds": f"{seconds:.0f}"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            data = content.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
    encoded = base64.b64encode(gzip.compress(buffer.getvalue(), mtime=0)).decode()
    return f"{(HERE / 'carry.sh').read_text().removesuffix(END)}{encoded}\n{END}"


def packed_for_windows(script: str, text: str, seconds: float) -> str:
    """Return the carrier for PowerShell: the archive is a zip, since there is no tar."""
    files = {"script.ps1": script, "input": text, "seconds": f"{seconds:.0f}"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            # The earliest time that the format knows: the same bytes on every day.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content.encode())
    encoded = base64.b64encode(buffer.getvalue()).decode()
    lines = "\n".join(encoded[at : at + LINE] for at in range(0, len(encoded), LINE))
    return (HERE / "carry.ps1").read_text().replace(PLACE, lines)


def unpacked(said: str) -> Answer | None:
    """Return the answer in what a transport gives back; None when there is none."""
    found = MARK.findall(said)
    if not found:
        return None
    try:
        texts = _texts(base64.b64decode(found[-1], validate=True))
        return Answer(code=int(texts["code"]), stdout=texts["stdout"], stderr=texts["stderr"])
    except (ValueError, KeyError, OSError, EOFError, tarfile.TarError, zipfile.BadZipFile):
        return None


def _texts(content: bytes) -> Mapping[str, str]:
    """Return the files of an answer: of a zip from Windows, which ends lines in its own way."""
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as zipped:
            return {
                name: zipped.read(name).decode(errors="replace").replace("\r\n", "\n")
                for name in zipped.namelist()
            }
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as archive:
        return {entry.name: _text(archive, entry) for entry in archive}


def _text(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    stream = archive.extractfile(entry)
    return stream.read().decode(errors="replace") if stream else ""


def _lost(node: Node, name: str, why: str) -> OperationError:
    return OperationError(f"{name} did not arrive", node.name, why, "try again")
