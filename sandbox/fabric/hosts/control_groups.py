"""What one guest may use of this machine, and what it does use: a control group of its own.

Machines have control groups of version 1, 2 or both (cgroups(7)). A group here is one of the same
name in every hierarchy that is mounted, so that systemd in the guest finds nothing of ours.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TASKS = 8192
"""Processes and threads that a guest may have."""
_PERIOD = 100_000
"""Microseconds over which processor time is counted (the kernel's own default)."""
_PATIENCE = 5.0
"""Seconds that the kernel may take to end killed processes."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted tree of control groups."""

    root: Path
    controllers: frozenset[str]
    unified: bool
    """Version 2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a guest uses."""

    memory: int | None
    """Bytes, without file contents that the kernel may drop at any time; None: not measured."""
    cpu_seconds: float | None
    """Processor time since its start; None: not measured."""


class ControlGroup:
    """The group *name* below the root of each hierarchy."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def _folders(self) -> list[Path]:
        return [each.root / self.name for each in hierarchies()]

    def create(
        self,
        memory: int | None,
        vcpus: int | None,
        leaves: tuple[str, ...],
        cpus: Sequence[int] = (),
    ) -> list[str]:
        """Make it, with groups *leaves* below that processes go into; return what is unlimited.

        *memory* in megabytes, *vcpus* processors' worth of time, on the processors *cpus* (none:
        any) and counting no others. An unlimited resource is told as a sentence: this machine has
        no controller for it, or none that is ours to set.
        """
        reasons = {each.root: self._create_in(each, leaves, cpus) for each in hierarchies()}
        wanted = [("pids", "pids.max", str(_TASKS), "pids.max", str(_TASKS))]
        if memory is not None:
            wanted.append(("memory", *_memory_limit(memory)))
        if vcpus is not None:
            wanted.append(("cpu", *_cpu_limit(vcpus)))
        problems = []
        for controller, *files in wanted:
            tree = _tree_of(controller)
            if tree is None:
                problems.append(f"{controller}: this machine has no such control group")
            elif reason := reasons[tree.root] or self._limit(tree, files):
                problems.append(f"{controller}: {reason} ({tree.root / self.name})")
        return problems

    def _create_in(
        self, tree: Hierarchy, leaves: tuple[str, ...], cpus: Sequence[int]
    ) -> str | None:
        top = tree.root / self.name
        try:
            if tree.unified:
                _enable(tree.root)
            top.mkdir(exist_ok=True)
            if tree.unified:
                _enable(top)
            if "cpuset" in tree.controllers and not tree.unified:
                _copy_cpuset(top)
            if "cpuset" in tree.controllers and cpus:
                (top / "cpuset.cpus").write_text(",".join(map(str, cpus)))
            for leaf in leaves:
                self._leaf_in(tree, leaf)
        except OSError as error:
            return error.strerror
        return None

    def _leaf_in(self, tree: Hierarchy, leaf: str) -> None:
        folder = tree.root / self.name / leaf
        folder.mkdir(exist_ok=True)
        if "cpuset" in tree.controllers and not tree.unified:
            _copy_cpuset(folder)

    def _limit(self, tree: Hierarchy, files: Sequence[str]) -> str | None:
        name, value = files[2:] if tree.unified else files[:2]
        try:
            (tree.root / self.name / name).write_text(value)
        except OSError as error:
            return error.strerror
        return None

    def leaf(self, name: str) -> None:
        """Make one more group below."""
        for each in hierarchies():
            if (each.root / self.name).is_dir():
                self._leaf_in(each, name)

    def doors(self, leaf: str) -> list[str]:
        """The files into which a process writes its pid to enter the group *leaf* below."""
        files = (folder / leaf / "cgroup.procs" for folder in self._folders)
        return [str(file) for file in files if file.exists()]

    def processes(self, leaf: str = "") -> set[int]:
        """All processes in it, or in the group *leaf* below, or further below."""
        found: set[int] = set()
        for top in self._folders:
            for folder in (top / leaf, *_below(top / leaf)):
                with suppress(OSError):
                    found.update(map(int, (folder / "cgroup.procs").read_text().split()))
        return found - {0}

    def kill(self, leaf: str = "") -> bool:
        """End all its processes; False when some stay (they hang in the kernel)."""
        deadline = time.monotonic() + _PATIENCE
        while left := self.processes(leaf):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)  # v1 has no way to wait for an empty group
        return True

    def dissolve(self, leaf: str, into: str) -> None:
        """Remove the group *leaf* below; processes that go on in it move to the group *into*."""
        for folder in self._folders:
            door = folder / into / "cgroup.procs"
            with suppress(OSError):
                for pid in (folder / leaf / "cgroup.procs").read_text().split():
                    with suppress(ProcessLookupError):
                        door.write_text(pid)
            _remove(folder / leaf)

    def leaves(self, prefix: str) -> set[str]:
        """Names of the groups below that begin with *prefix*."""
        return {
            each.name
            for folder in self._folders
            for each in folder.glob(f"{prefix}*")
            if each.is_dir()
        }

    def remove(self) -> bool:
        """Kill what is in it and remove it; False when something stays."""
        killed = self.kill()
        removed = [_remove(folder) for folder in self._folders]
        return killed and all(removed)

    def exists(self) -> bool:
        """Whether anything of it is there."""
        return any(folder.exists() for folder in self._folders)

    def usage(self) -> Usage:
        """What it uses now."""
        return Usage(memory=self._memory(), cpu_seconds=self._cpu())

    def _memory(self) -> int | None:
        tree = _tree_of("memory")
        if tree is None:
            return None
        folder = tree.root / self.name
        total = "memory.current" if tree.unified else "memory.usage_in_bytes"
        idle = "inactive_file" if tree.unified else "total_inactive_file"
        try:
            used = int((folder / total).read_text())
            return max(0, used - _entry(folder / "memory.stat", idle))
        except (OSError, ValueError):
            return None

    def _cpu(self) -> float | None:
        tree = _tree_of("cpuacct")
        try:
            if tree is not None:
                return int((tree.root / self.name / "cpuacct.usage").read_text()) / 1e9
            if tree := next((each for each in hierarchies() if each.unified), None):
                return _entry(tree.root / self.name / "cpu.stat", "usage_usec") / 1e6
        except (OSError, ValueError):
            pass
        return None


def named(prefix: str) -> set[str]:
    """Names of the groups below the roots that begin with *prefix*."""
    return {
        folder.name
        for each in hierarchies()
        for folder in each.root.glob(f"{prefix}*")
        if folder.is_dir()
    }


@cache
def hierarchies() -> tuple[Hierarchy, ...]:
    """The trees that this machine has mounted."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, kind = line.partition(" - ")
        mount, (kind, _, options) = place.split()[4], kind.split()
        root = Path(mount)
        if kind == "cgroup2":
            names = frozenset((root / "cgroup.controllers").read_text().split())
            found.append(Hierarchy(root, names, unified=True))
        elif kind == "cgroup":
            found.append(Hierarchy(root, frozenset(options.split(",")) - {"rw", "ro"}, False))
    return tuple(found)


def _tree_of(controller: str) -> Hierarchy | None:
    return next((each for each in hierarchies() if controller in each.controllers), None)


def _memory_limit(megabytes: int) -> tuple[str, str, str, str]:
    size = str(megabytes << 20)
    return "memory.limit_in_bytes", size, "memory.max", size


def _cpu_limit(vcpus: int) -> tuple[str, str, str, str]:
    quota = vcpus * _PERIOD
    return "cpu.cfs_quota_us", str(quota), "cpu.max", f"{quota} {_PERIOD}"


def _enable(folder: Path) -> None:
    """Version 2: let the groups below *folder* have all controllers that it has."""
    for name in (folder / "cgroup.controllers").read_text().split():
        with suppress(OSError):  # what can't be had is reported when the limit is set
            (folder / "cgroup.subtree_control").write_text(f"+{name}")


def _copy_cpuset(folder: Path) -> None:
    """Version 1: a new group has no processors and no memory nodes, so nothing could run in it."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not (folder / name).read_text().strip():
            (folder / name).write_text((folder.parent / name).read_text())


def _below(folder: Path) -> Iterator[Path]:
    return (Path(path) for path, _, _ in os.walk(folder) if path != str(folder))


def _remove(folder: Path) -> bool:
    """Remove an empty tree; the last of killed processes may still be on its way out."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        for path, _, _ in os.walk(folder, topdown=False):
            with suppress(OSError):
                Path(path).rmdir()
        if not folder.exists() or time.monotonic() > deadline:
            return not folder.exists()
        time.sleep(0.005)  # nobody tells when it may be removed


def _entry(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
