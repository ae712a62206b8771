"""What a sandbox has on this machine beside its files, to see that nothing of it is left over."""

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import psutil

from sandbox.fabric import hosts
from sandbox.fabric.network import egress
from sandbox.home import Home

_SANDBOXES = re.compile(r"\bop[A-Za-z0-9]{4,}(-|\b)|/run/netns\b|/pytest-of-| /tmp/")
"""What belongs to some sandbox or to a test's folder: others come and go at the same time.

Every test that makes namespaces or links gives them a name of this form.
"""
_GROUPS = Path("/sys/fs/cgroup")


def processes(home: Home) -> set[psutil.Process]:
    """The daemon, the guests with all that runs in them, the way to the internet."""
    own = {process for process in psutil.process_iter() if _is_of(process, home)}
    for process in list(own):
        try:
            own.update(process.children(recursive=True))
        except psutil.NoSuchProcess:
            continue
    return own - {psutil.Process()}


def _is_of(process: psutil.Process, home: Home) -> bool:
    try:
        line = " ".join(process.cmdline())
        own = process.environ().get("OPERATIONALIZATION_SANDBOX_HOME") if "sandbox" in line else ""
    except psutil.Error:
        return False
    return own == str(home.root) or f"{home.root}/" in line or f"/{home.prefix}-" in line


def groups(home: Home) -> set[str]:
    """Names of the control groups in which the guests run."""
    found = set()
    for process in processes(home):
        try:
            lines = Path(f"/proc/{process.pid}/cgroup").read_text().splitlines()
        except OSError:
            continue
        found.update(name for line in lines if (name := line.split("/")[1]).startswith("op"))
    return found


def guests(home: Home) -> dict[str, int]:
    """Pids of the hosts' first processes by name, of the database servers', of the way out."""
    found = {host.name: host.leader for host in hosts.found(home.hosts) if host.running}
    servers = (folder.glob("*/guest/host.json") for folder in home.database_folders)
    for file in chain.from_iterable(servers):
        state = json.loads(file.read_text())
        if psutil.pid_exists(state["leader"]):
            found[file.parent.parent.name] = state["leader"]
    for pid in egress.running(f"{home.prefix}-internet"):
        found["slirp4netns"] = pid
    return found


def left(home: Home, known: set[str]) -> list[str]:
    """Everything that is there of a sandbox but its files; *known*: `groups`, when it ran."""
    return sorted(_left(home, known))


def _left(home: Home, known: set[str]) -> Iterator[str]:
    for process in processes(home):
        try:
            yield f"process {process.pid}: {' '.join(process.cmdline())[:200]}"
        except psutil.Error:
            continue
    for kind in ("netns", "link", "route", "rule"):
        for line in _lines("ip", kind):
            if home.prefix in line:
                yield f"ip {kind}: {line}"
    for name in known:
        yield from (f"control group {found}" for found in _GROUPS.glob(f"**/{name}"))
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        # The folder of the home itself may be a mount: of who made it.
        if home.prefix in line or f" {home.root}/" in line:
            yield f"mount {line}"


def machine() -> dict[str, list[str]]:
    """The machine itself, without what belongs to sandboxes: what none of them may change."""
    return {
        "rules": _lines("nft", "list", "ruleset"),
        "links": _plain(line.split(":")[1] for line in _lines("ip", "-o", "link")),
        "addresses": _plain(line.split("valid_lft")[0] for line in _lines("ip", "-o", "addr")),
        "routes": _plain(_lines("ip", "route", "show", "table", "all")),
        "policies": _plain(_lines("ip", "rule")),
        "mounts": _plain(Path("/proc/self/mounts").read_text().splitlines()),
        "forwarding": [Path("/proc/sys/net/ipv4/ip_forward").read_text()],
    }


def is_a_sandboxs(line: str) -> bool:
    """Whether a line about the machine names what belongs to a sandbox or to a test."""
    return _SANDBOXES.search(line) is not None


def _plain(lines: Iterator[str] | list[str]) -> list[str]:
    return sorted(line for line in lines if not is_a_sandboxs(line))


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
