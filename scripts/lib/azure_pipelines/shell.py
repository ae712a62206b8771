"""What shellcheck says of the shell text in a pipeline, as actionlint has it say on GitHub."""

import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.lib.azure_pipelines.tree import OURS, shell, steps

LEFT_OUT = "SC1091,SC2153,SC2154"
"""Files that are sourced are checked by themselves; variables come from env: and the service."""


def complaints(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what it says, with the step's place."""
    for place in steps(document):
        text = shell(place.value) if isinstance(place.value, Mapping) else ""
        if not text:
            continue
        done = subprocess.run(
            ["shellcheck", "--shell=bash", f"--exclude={LEFT_OUT}", "--format=gcc", "-"],
            input=f"{text.replace(OURS, ':')}\n",
            capture_output=True,
            text=True,
            check=False,
        )
        for line in done.stdout.splitlines():
            yield f"{place.path}: {line.removeprefix('-:')}"
