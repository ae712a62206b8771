"""Writes a cloud-config document (cloud-init 22.4, module reference: `write_files`, `runcmd`).

By hand, because a YAML library needs 170 ms for what is one list of texts, at every preview.
"""

import json
from collections.abc import Sequence

from components.runtimes.node import NodeFile

HEAD = "#cloud-config\nlocale: C.UTF-8\nwrite_files:\n"
"""The locale is one that every image has: Debian's default needs package `locales`."""

TAIL = """\
runcmd:
- [systemctl, --no-reload, enable, operationalization-configure.service]
- [systemctl, daemon-reload]
- [systemctl, start, operationalization-configure.service]
"""


def cloud_config(files: Sequence[NodeFile]) -> str:
    """Return the document that writes *files* and configures the node.

    Raises:
        ValueError: for a file that is no plain text; artifacts travel another way.
    """
    ordered = sorted(files, key=lambda file: file.path)
    return HEAD + "".join(_entry(file) for file in ordered) + TAIL


def _entry(file: NodeFile) -> str:
    return (
        f"- path: {_quoted(file.path)}\n"
        f"  owner: {_quoted(file.owner)}\n"
        f"  permissions: {_quoted(file.mode)}\n"
        f"  content: |\n{_block(file)}"
    )


def _quoted(text: str) -> str:
    """Return *text* as a double-quoted scalar: for ASCII, YAML's are JSON's."""
    return json.dumps(text)


def _block(file: NodeFile) -> str:
    """Return the file's content as the lines of a literal block, which needs no escape."""
    lines = file.content.split("\n")
    if lines[-1] or not lines[0] or lines[0][0].isspace() or not lines[-2]:
        raise ValueError(f"{file.path}: must begin with a text and end with one line end")
    for number, line in enumerate(lines, start=1):
        if not line.replace("\t", " ").isprintable():
            raise ValueError(f"{file.path}: line {number} has a character that is not text")
    return "".join(f"    {line}\n" if line else "\n" for line in lines[:-1])
