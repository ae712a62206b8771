"""The machine below the product: units, disks, memory, clock, packages."""

import os
import time

from operations.diagnosis.node import ground

PLACES = ("/", "/var", "/var/lib", "/var/log", "/var/tmp", "/opt", "/tmp", "/run")  # noqa: S108 - looked at, not written to
TELLING = ("haproxy", "nginx", "python3-psycopg", "python3-starlette", "r-base-core")
"""Packages whose version decides how a node behaves; the product's own come besides."""
OURS = ("microsoft", "r-cran-plumber")
MOST = 12


def units(node: "dict[str, object]") -> "dict[str, object]":
    """Return the state of each unit that the node should run, and which of ours have failed."""
    wanted = ground.texts(node.get("services"))
    states = {}
    for unit in wanted:
        _, out, _ = ground.run(["systemctl", "is-active", unit])
        states[unit] = out.decode("ascii", "replace").strip() or "unknown"
    _, out, _ = ground.run(
        [
            "systemctl",
            "list-units",
            "--state=failed",
            "--plain",
            "--no-legend",
            "operationalization-*",
        ]
    )
    lines = out.decode("utf-8", "replace").split("\n")
    failed = sorted(line.split()[0] for line in lines if line.split())
    return {"states": states, "failed": failed[:MOST]}


def boot() -> "dict[str, object]":
    """Return how far the node's configuration came, and what it said last where it failed."""
    state = ""
    try:
        with open(os.path.join(ground.RUNTIME, "state.map"), encoding="ascii") as stream:
            state = stream.read().split()[-1]
    except (OSError, IndexError):
        pass
    words = ""
    if state != "ready":
        try:
            with open("/var/log/operationalization/configure.log", encoding="utf-8") as stream:
                lines = [line for line in stream if "failed:" in line]
            words = ground.cut(lines[-1]) if lines else ""
        except OSError as error:
            words = ground.cut(error)
    return {"state": state, "words": words}


def disks() -> "dict[str, object]":
    """Return percent and megabytes that are free of each file system, and percent of its inodes."""
    found = {}  # type: dict[str, object]
    seen = set()
    for place in PLACES:
        try:
            device, stat = os.stat(place).st_dev, os.statvfs(place)
        except OSError:
            continue
        if device in seen or not stat.f_blocks:
            continue
        seen.add(device)
        inodes = 100 * stat.f_favail // stat.f_files if stat.f_files else 100
        free = stat.f_bavail * stat.f_frsize
        found[place] = [100 * stat.f_bavail // stat.f_blocks, free // 1024**2, inodes]
    return found


def memory() -> "dict[str, object]":
    """Return megabytes, all and available, and how many processes the kernel has ended of late."""
    sizes = {}
    with open("/proc/meminfo", encoding="ascii") as stream:
        for line in stream:
            name, _, rest = line.partition(":")
            sizes[name] = int(rest.split()[0]) // 1024
    # The journal of the kernel alone, of this boot; a container has none, and says nothing.
    code, out, _ = ground.run(
        ["journalctl", "--dmesg", "--since", "-1h", "--quiet", "--no-pager", "--output", "cat"]
    )
    killed = out.count(b"Out of memory: Killed process") if code == 0 else 0
    return {"total": sizes["MemTotal"], "available": sizes["MemAvailable"], "killed": killed}


def clock() -> "dict[str, object]":
    """Return the time here, and whether anybody sets it; a container has its host's clock."""
    _, where, _ = ground.run(["systemd-detect-virt", "--container"])
    code, out, _ = ground.run(["timedatectl", "status"])
    words = out.decode("utf-8", "replace").lower()
    told = "synchronized: " in words and where.strip() in (b"", b"none") and code == 0
    return {"set": "synchronized: yes" in words if told else None, "time": time.time()}


def packages(node: "dict[str, object]") -> "dict[str, object]":
    """Return the versions of packages that tell one node from another."""
    form = "${Package} ${Version} ${db:Status-Status}\\n"
    code, out, _ = ground.run(["dpkg-query", "--show", "--showformat", form])
    if code:
        form = "%{NAME} %{VERSION}-%{RELEASE} installed\\n"
        code, out, _ = ground.run(["rpm", "--query", "--all", "--queryformat", form])
    if code:
        raise ground.Unknown("neither dpkg nor rpm says what is installed")
    wanted = set(TELLING) | {each for each in ground.texts(node.get("packages")) if "cran" in each}
    found = {}
    for line in out.decode("utf-8", "replace").split("\n"):
        parts = line.split()
        telling = parts and (parts[0] in wanted or parts[0].startswith(OURS))
        if telling and parts[2:] == ["installed"]:
            found[parts[0]] = parts[1]
    return dict(sorted(found.items())[:MOST])
