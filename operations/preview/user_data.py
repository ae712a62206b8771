"""What a node is told at its first boot: compared, and never shown.

User data holds no secret (a policy and tests see to that), but it is long, packed, and all of a
node's programs; so a report has its digest and the files that differ, and nothing of their content.
"""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Mapping

KEYS = frozenset({"customData", "userData", "userDataBase64", "user_data"})
"""Properties that hold it, on either cloud."""

MOST = 4_000_000
"""Bytes that are unpacked: a node takes 64 KiB, and a packed bomb is not worth more."""

_FILE = re.compile(r'^- path: "?([^"\n]+)"?$', re.MULTILINE)
_END = re.compile(r"^[^\s-]", re.MULTILINE)


def digest(content: str) -> str:
    """Return a short digest of user data as it is in the state."""
    return f"sha256 {hashlib.sha256(content.encode()).hexdigest()[:12]}"


def difference(before: str, after: str) -> list[str]:
    """Return which files differ, one a line; nothing where they can't be told apart."""
    old, new = files(before), files(after)
    return [
        *(f"changed {path}" for path in sorted(old.keys() & new.keys()) if old[path] != new[path]),
        *(f"added {path}" for path in sorted(new.keys() - old.keys())),
        *(f"removed {path}" for path in sorted(old.keys() - new.keys())),
    ]


def files(content: str) -> Mapping[str, str]:
    """Return the digest of each file that a cloud-config of ours writes, by its path."""
    text = unpacked(content)
    if not text.startswith("#cloud-config"):
        return {}
    starts = list(_FILE.finditer(text))
    found: dict[str, str] = {}
    for index, start in enumerate(starts):
        following = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        end = _END.search(text, start.end(), following)
        chunk = text[start.end() : end.start() if end else following]
        found[start.group(1)] = hashlib.sha256(chunk.encode()).hexdigest()
    return found


def unpacked(content: str) -> str:
    """Return user data as a node reads it; nothing of what is packed and broken."""
    try:
        raw = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return content
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, MOST)
        except zlib.error:
            return ""
    return raw.decode(errors="replace")
