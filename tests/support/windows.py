"""What a Windows node gets, taken apart again."""

import base64
import io
import json
import re
import zipfile
from typing import Any

ARCHIVE = re.compile(r"(?<=\$Archive = @'\n)[A-Za-z0-9+/=\n]+(?=\n'@)")


def script(user_data: str) -> str:
    """The script in user data, which is base64."""
    return base64.b64decode(user_data, validate=True).decode("ascii")


def unpacked(content: bytes) -> dict[str, str]:
    """The files of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def files(text: str) -> dict[str, str]:
    """What the script unpacks."""
    [found] = ARCHIVE.findall(text)
    return unpacked(base64.b64decode(found.replace("\n", ""), validate=True))


def node_json(user_data: str) -> Any:
    """The node's JSON file."""
    return json.loads(files(script(user_data))["node.json"])
