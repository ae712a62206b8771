"""Whether this machine can boot hosts."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

TOOLS = {
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "slirp4netns": "slirp4netns",
    "systemd-nspawn": "systemd-container",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}
"""Commands that building and running hosts takes, with Debian's packages of them."""

_TRIAL = """
mount --make-rprivate /
lacks() { echo "$1"; exit 1; }
cd "$1" && mkdir lower upper work root
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root \
    || lacks "overlay mounts in ${1%/*}"
ip link add trial type veth peer name other || lacks "veth interfaces"
nft 'add table inet trial; add chain inet trial c { type nat hook prerouting priority 0; };
     add rule inet trial c ct state established accept' || lacks "nftables with NAT"
"""
"""Names what the kernel lacks; $1: an empty folder. Its namespaces end with it."""

_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child")
_CACHE = Path(__file__).resolve().parents[3] / ".cache"


def unavailable(folder: Path = _CACHE) -> tuple[str, ...]:
    """Reasons why this machine can't boot hosts, for a person; empty: it can. Takes some 20 ms.

    Args:
        folder: Where images and hosts are; made if need be.
    """
    return tuple(_reasons(folder))


def _reasons(folder: Path) -> Iterator[str]:
    if sys.platform != "linux":
        yield "this is not Linux"
        return
    if os.geteuid() != 0:
        yield "root is needed, and this runs as a user"
        return
    packages = {package for tool, package in TOOLS.items() if not shutil.which(tool)}
    if packages:
        yield f"Debian's tools are missing: apt-get install {' '.join(sorted(packages))}"
        return
    if set(str(folder)) & set(':,\\"'):
        yield f"overlay mounts can't name {folder}: move it to a path without : , \\ and quotes"
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="trial-", dir=folder) as trial:
            yield from _lacking(trial)
    except OSError as error:
        yield f"{folder} can't be written: {error.strerror}"


def _lacking(place: str) -> Iterator[str]:
    trial = subprocess.run(
        [*_UNSHARE, "sh", "-c", _TRIAL, "trial", place],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if trial.returncode:
        lacking = trial.stdout.strip() or "namespaces"
        why = trial.stderr.strip().splitlines()
        yield f"the kernel does not let root use {lacking}" + (f" ({why[-1]})" if why else "")
