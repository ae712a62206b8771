"""Whether this machine can boot hosts."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

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
mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir lower upper work root || lacks "a tmpfs"
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root \
    || lacks "overlay mounts"
ip link add trial type veth peer name other || lacks "veth interfaces"
nft 'add table inet trial; add chain inet trial c { type nat hook prerouting priority 0; };
     add rule inet trial c ct state established accept' || lacks "nftables with NAT"
"""
"""Tried in namespaces of its own, which end with it: names what the kernel lacks."""


def unavailable() -> tuple[str, ...]:
    """Reasons why this machine can't boot hosts, for a person; empty: it can. Takes some 20 ms."""
    return tuple(_reasons())


def _reasons() -> Iterator[str]:
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
    trial = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _TRIAL],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if trial.returncode:
        lacking = trial.stdout.strip() or "namespaces"
        why = trial.stderr.strip().splitlines()
        yield f"the kernel does not let root use {lacking}" + (f" ({why[-1]})" if why else "")
