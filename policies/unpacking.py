"""What a machine is told at boot, unpacked as cloud-init does it: base64, gzip, parts, files.

Nothing in it is trusted: sizes and depth are limited, and what can't be read is left as it is.
"""

import base64
import binascii
import email
import email.policy
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from functools import lru_cache

LARGEST = 8 * 1024 * 1024
"""Bytes of one piece; the largest user data of a cloud is 64 KiB."""
DEEPEST = 8
GZIP, XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
TAR = (257, b"ustar")
"""Where a tar archive says that it is one."""

_RUN = re.compile(r"[A-Za-z0-9+/]{60,}={0,2}")
"""Base64 on one line of a text: a file of cloud-init's `write_files`, an argument of a script."""
_LINE = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@lru_cache(maxsize=64)
def texts(data: str) -> tuple[str, ...]:
    """Return every text in the user data *data*, which may be base64."""
    decoded = _decoded(data)
    return tuple(_texts(data.encode() if decoded is None else decoded, DEEPEST))


def _texts(data: bytes, depth: int) -> Iterator[str]:
    if not data or not depth:
        return
    unpacked = _unpacked(data)
    if unpacked is not None:
        yield from _texts(unpacked, depth - 1)
    elif data[TAR[0] : TAR[0] + len(TAR[1])] == TAR[1]:
        for each in _members(data):
            yield from _texts(each, depth - 1)
    else:
        text = data.decode("utf-8", "replace")
        yield text
        yield from _parts(text, depth)
        for block in _blocks(text):
            inner = _decoded(block)
            if inner is not None and (_is_packed(inner) or inner.isascii()):
                yield from _texts(inner, depth - 1)


def _blocks(text: str) -> Iterator[str]:
    """Yield what may be base64 in *text*; lines that are nothing else belong together."""
    lines: list[str] = []
    for line in map(str.strip, text.splitlines()):
        runs = _RUN.findall(line)
        if lines and _LINE.fullmatch(line):
            lines.append(line)
            continue
        yield "".join(lines)
        lines = []
        if runs and line.endswith(runs[-1]):
            lines = [runs.pop()]
        yield from runs
    yield "".join(lines)


def _is_packed(data: bytes) -> bool:
    return data.startswith((GZIP, XZ)) or data[TAR[0] : TAR[0] + len(TAR[1])] == TAR[1]


def _decoded(data: str) -> bytes | None:
    plain = "".join(data.split())
    try:
        return base64.b64decode(plain, validate=True) if plain else None
    except (ValueError, binascii.Error):
        return None


def _unpacked(data: bytes) -> bytes | None:
    """Return what *data* is packed from; at most `LARGEST` of it."""
    try:
        if data.startswith(GZIP):
            return zlib.decompressobj(wbits=31).decompress(data, LARGEST)
        if data.startswith(XZ):
            return lzma.LZMADecompressor().decompress(data, LARGEST)
    except (zlib.error, lzma.LZMAError, EOFError):
        return None
    return None


def _members(data: bytes) -> Iterator[bytes]:
    """Yield the files of a tar archive, without writing one."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    yield file.read(LARGEST)
    except tarfile.TarError:
        return


def _parts(text: str, depth: int) -> Iterator[str]:
    """Yield the texts of a MIME message's parts, which cloud-init takes as user data."""
    if not text.lstrip().lower().startswith(("content-type: multipart", "mime-version:")):
        return
    message = email.message_from_string(text, policy=email.policy.default)
    for part in message.walk():
        content = part.get_payload(decode=True) if not part.is_multipart() else None
        if isinstance(content, bytes):
            yield from _texts(content, depth - 1)
