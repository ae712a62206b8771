"""Prints `PRODUCT VERSION FILE SHA256` for a stack whose nodes install from the sandbox's site.

Nothing is printed for any other stack: one with a real installer brings it along. What is wrong
with the settings is for the program to say.
"""

import sys
from pathlib import Path

from components import settings

SITE = "https://downloads.sandbox.example/"


def main(stack_file: Path) -> None:
    """Look into *stack_file* and its bases."""
    try:
        environment = settings.parse_file(stack_file)
    except settings.SettingsError:
        return
    runtime = getattr(environment, "runtime", None)
    server = getattr(runtime, "server", None)
    if runtime is None or server is None or runtime.operating_system.startswith("windows"):
        return  # Windows never boots there: nobody would download anything
    archive = server.installers.server
    if archive.url.startswith(SITE):
        name = archive.url.removeprefix(SITE)
        sys.stdout.write(f"{runtime.product} {runtime.version} {name} {archive.sha256}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
