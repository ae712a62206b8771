import hashlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from sandbox.fabric.contract import FabricError, Machine
from sandbox.fabric.hosts import Hosts
from sandbox.fabric.images import DEFAULT, Images

USER_DATA = b"""\
#cloud-config
locale: C.UTF-8
write_files:
- path: /srv/data
  content: "\\u00e9 tab\\t end"
runcmd:
- [sh, -c, "echo again >>/srv/runs"]
"""


def machine(number: int = 0, **changes: Any) -> Machine:
    values = {
        "id": f"/test/virtualMachineScaleSets/web/virtualMachines/{number}",
        "incarnation": str(uuid.uuid4()),
        "group": "/test/virtualMachineScaleSets/web",
        "name": f"web_{number}",
        "hostname": f"web00000{number}",
        "network": "/test/network",
        "port": "/test/port",
        "address": IPv4Address("10.0.0.4"),
        "image": "base",
        "user_data": USER_DATA,
        "vcpus": 1,
        "memory": 256,
    }
    return Machine(**{**values, **changes})


@pytest.fixture(scope="session")
def images() -> Images:
    if os.geteuid() != 0 or shutil.which("systemd-nspawn") is None:
        pytest.skip("hosts need root and systemd-nspawn (scripts/setup)")
    found = Images(DEFAULT)
    try:
        found.layers("complete")
    except FabricError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture(scope="module")
def namespace(images: Images) -> Iterator[str]:
    name = f"ophost{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.fixture(scope="module")
def room(
    images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Hosts]]:
    """Makes rooms for hosts that are cleared in the end."""
    rooms: list[Path] = []

    def make(folder: Path | None = None, **options: Any) -> Hosts:
        if folder is None:
            folder = tmp_path_factory.mktemp("hosts")
        rooms.append(folder)
        return Hosts(folder, images, **options)

    try:
        yield make
    finally:
        for folder in rooms:
            hosts = Hosts(folder, images)
            hosts.recover()
            for host in hosts.all():
                hosts.remove(host.machine_id)
        assert [left for folder in rooms for left in leftovers(folder)] == []


def leftovers(folder: Path) -> list[str]:
    """What there still is of the hosts in *folder*."""
    found = [str(path) for path in folder.iterdir()] if folder.exists() else []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in process.read_bytes():
                found.append(str(process))
        except OSError:
            continue
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [line for line in mounts if str(folder) in line]
    prefix = f"op-{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}-"
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{prefix}*")]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"{prefix}*")]
    found += [str(path) for path in Path("/run/systemd/nspawn").glob(f"*/{prefix}*")]
    return found
