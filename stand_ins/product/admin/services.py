"""The services of a node, through systemd (facts.md 6)."""

import shutil
import subprocess

from stand_ins.product.place import on_a_node, place
from stand_ins.versions import Version

UNITS = "/etc/systemd/system"
SCRIPTS = "autoStartScriptsLinux"
"""Folder beside a node's program with its unit files."""


def of(version: Version, part: str) -> list[str]:
    """Return the units of a part, in starting order."""
    if part == "web":
        return [version.units["web"]]
    return [version.units["rserve"], version.units["compute"]]


def define(version: Version, part: str) -> None:
    """Make a part's services known to systemd, and start them at boot."""
    source = place(version.folder("web" if part == "web" else "compute")) / SCRIPTS
    place(UNITS).mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.service")):
        shutil.copyfile(path, place(UNITS) / path.name)
    _systemctl("daemon-reload")
    _systemctl("enable", "--quiet", *of(version, part))


def start(version: Version, part: str) -> None:
    """Start a part's services anew, without waiting for them."""
    _systemctl("restart", "--no-block", *of(version, part))


def stop(version: Version, part: str) -> None:
    """Stop a part's services."""
    _systemctl("stop", *reversed(of(version, part)))


def is_active(unit: str) -> bool:
    """Return whether a service runs."""
    if not on_a_node():
        return False
    return subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0


def _systemctl(*arguments: str) -> None:
    if on_a_node():
        subprocess.run(["systemctl", *arguments], check=True)
