"""What a guest is to be, and the command line that makes it so."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.fabric.contract import FabricError, Machine
from sandbox.fabric.hosts.control_groups import ControlGroup

LAUNCHER = Path(__file__).with_name("launch.sh")
ROOM = 1_000_000_000
"""Bytes that must be free for a guest to start."""
SUPERVISOR, INSIDE = "launcher", "guest"
"""Control groups below a guest's own: of its launcher, and of systemd-nspawn and all in it."""
_NAMESPACES = Path("/run/netns")


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What runs, on what, and how much of the machine it may use."""

    name: str
    """Unique on this machine: letters of a host name, at most 60."""
    layers: tuple[Path, ...]
    """Of the image, topmost first; nothing ever writes to them."""
    namespace: str
    """Name of its network namespace, which must exist."""
    hostname: str = ""
    """"" takes *name*."""
    uuid: str = ""
    """Its machine id; "" makes one up."""
    memory: int | None = None
    """Megabytes; None: no limit."""
    vcpus: int | None = None
    cpus: tuple[int, ...] = ()
    """Processors of this machine that it may use; none: any."""
    command: tuple[str, ...] = ()
    """What runs, as process 2; none: systemd boots."""
    user: str = "root"
    """Who runs *command*."""
    directory: str = ""
    """Where *command* starts; "": its user's home."""
    confined: bool = False
    """Whether it may do nothing to its network, and get no privileges that it does not have."""
    binds: Mapping[Path, str] = field(default_factory=dict)
    """Folders or files of this machine -> where the guest has them, to read and write."""
    read_only: Mapping[Path, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What `host.json` tells besides, as JSON; no secrets."""


def check(plan: Plan, folder: Path) -> None:
    """Raise FabricError when the guest of *folder* can't start as planned."""
    if shutil.which("systemd-nspawn") is None:
        raise FabricError(
            "systemd-nspawn is missing: hosts can't boot; install Debian's package "
            "systemd-container (scripts/setup does)"
        )
    for path in (folder, *plan.layers):
        if set(str(path)) & set(':,\\"'):
            raise FabricError(
                f"{path} can't hold a host's disk: its path has one of the characters "
                '`:`, `,`, `\\`, `"`; choose another folder'
            )
    if not _is_namespace(_NAMESPACES / plan.namespace):
        raise FabricError(f"network namespace {plan.namespace} of {plan.name} does not exist")
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if (free := shutil.disk_usage(there).free) < ROOM:
        raise FabricError(
            f"host {plan.hostname or plan.name} can't start: {there} has only {free >> 20} MB "
            f"free, and a host needs {ROOM // 1_000_000} MB; make room on that disk"
        )


def _is_namespace(file: Path) -> bool:
    """Whether a namespace is mounted there: `ip netns` may leave an empty file behind."""
    try:
        return file.stat().st_dev != file.parent.stat().st_dev
    except OSError:
        return False


def command_line(plan: Plan, group: ControlGroup, folder: Path) -> list[str]:
    """What starts the guest in *folder*, in *group* and its groups below."""
    layers = ":".join(map(str, plan.layers))
    options = [
        *(each for door in group.doors(SUPERVISOR) for each in ("--group", door)),
        *(each for door in group.doors(INSIDE) for each in ("--guest-group", door)),
    ]
    for kind, binds in (("--bind", plan.binds), ("--bind-ro", plan.read_only)):
        for source, target in binds.items():
            options += [kind, str(source), target]
    return [
        *("unshare", "--mount", "--propagation", "slave", "--"),
        *(str(LAUNCHER), str(folder), layers, *options, "--"),
        f"--machine={plan.name}",
        f"--hostname={plan.hostname or plan.name}",
        *([f"--uuid={plan.uuid}"] if plan.uuid else []),
        f"--network-namespace-path={_NAMESPACES / plan.namespace}",
        *("--register=no", "--keep-unit", "--settings=no"),
        "--no-new-privileges=yes" if plan.confined else "--capability=CAP_NET_ADMIN",
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
        *(f"--setenv={name}={value}" for name, value in plan.environment.items()),
        *_payload(plan),
    ]


def _payload(plan: Plan) -> list[str]:
    if not plan.command:
        return ["--console=read-only", "--boot"]
    where = [f"--chdir={plan.directory}"] if plan.directory else []
    return ["--console=pipe", "--as-pid2", f"--user={plan.user}", *where, "--", *plan.command]


def facts_of(machine: Machine, layers: Sequence[Path], cpus: Sequence[int]) -> dict[str, Any]:
    """What is written down of a machine's guest."""
    return {
        "machine_id": machine.id,
        "incarnation": machine.incarnation,
        "name": machine.name,
        "hostname": machine.hostname,
        "group": machine.group,
        "address": str(machine.address),
        "layers": [str(layer) for layer in layers],
        "cpus": list(cpus),
    }
