"""Both versions of control groups, on folders that look like them (the real ones: test_hosts)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.fabric.hosts import control_groups
from sandbox.fabric.hosts.control_groups import ControlGroup, Hierarchy


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def mount(*trees: Hierarchy) -> None:
        for each in trees:
            each.root.mkdir()
            if each.unified:
                (each.root / "cgroup.controllers").write_text(" ".join(sorted(each.controllers)))
            if "cpuset" in each.controllers and not each.unified:
                (each.root / "cpuset.cpus").write_text("0-3\n")
                (each.root / "cpuset.mems").write_text("0\n")
        monkeypatch.setattr(control_groups, "hierarchies", lambda: trees)

    return mount


def test_version_2_is_one_group_with_every_limit(
    tmp_path: Path, mounted: Callable[..., None]
) -> None:
    names = frozenset({"memory", "cpu", "cpuset", "pids"})
    mounted(Hierarchy(tmp_path / "cgroup", names, unified=True))
    group = tmp_path / "cgroup/op-web"
    # The kernel makes this file in a new group.
    group.mkdir()
    (group / "cgroup.controllers").write_text("cpu cpuset memory pids")

    assert ControlGroup("op-web").create(2048, 2, ("guest",), (1, 3)) == []

    assert (group / "memory.max").read_text() == str(2048 << 20)
    assert (group / "cpu.max").read_text() == "200000 100000"
    assert (group / "cpuset.cpus").read_text() == "1,3"
    assert (group / "guest").is_dir()


def test_version_1_is_a_group_a_controller(tmp_path: Path, mounted: Callable[..., None]) -> None:
    trees = [
        Hierarchy(tmp_path / name, frozenset({name}), unified=False)
        for name in ("memory", "cpu", "pids")
    ]
    mounted(*trees)

    assert ControlGroup("op-web").create(512, 1, ("guest",)) == []

    memory = (tmp_path / "memory/op-web/memory.limit_in_bytes").read_text()
    assert memory == str(512 << 20)
    assert (tmp_path / "cpu/op-web/cpu.cfs_quota_us").read_text() == "100000"


def test_what_can_not_be_limited_is_said(tmp_path: Path, mounted: Callable[..., None]) -> None:
    mounted(Hierarchy(tmp_path / "memory", frozenset({"memory"}), unified=False))
    (tmp_path / "memory/op-web").write_text("in the way")

    assert ControlGroup("op-web").create(512, 1, ()) == [
        "pids: this machine has no such control group",
        f"memory: File exists ({tmp_path}/memory/op-web)",
        "cpu: this machine has no such control group",
    ]


def test_what_is_not_limited_by_wish_is_no_problem(
    tmp_path: Path, mounted: Callable[..., None]
) -> None:
    mounted(Hierarchy(tmp_path / "pids", frozenset({"pids"}), unified=False))
    assert ControlGroup("op-web").create(None, None, ()) == []


def test_a_machine_without_control_groups_measures_nothing(mounted: Callable[..., None]) -> None:
    mounted()
    usage = ControlGroup("op-web").usage()
    assert (usage.memory, usage.cpu_seconds) == (None, None)
