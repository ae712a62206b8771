"""Writes a cloud-config document (cloud-init 22.4, module reference: `write_files`, `runcmd`)."""

from collections.abc import Sequence

import yaml

from components.runtimes.node import NodeFile


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that a golden file reads like the files."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def cloud_config(files: Sequence[NodeFile]) -> str:
    """Return the document that writes *files* and configures the node.

    The locale is one that every image has: Debian's default needs package `locales`.
    """
    document = {
        "locale": "C.UTF-8",
        "write_files": [
            {
                "path": file.path,
                "owner": file.owner,
                "permissions": file.mode,
                "content": file.content,
            }
            for file in sorted(files, key=lambda file: file.path)
        ],
        "runcmd": [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "operationalization-configure.service"],
            ["systemctl", "start", "operationalization-configure.service"],
        ],
    }
    body = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=4096
    )
    return f"#cloud-config\n{body}"
