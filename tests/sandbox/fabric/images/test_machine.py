import os
import shutil
from pathlib import Path

import pytest

from sandbox.fabric.images import unavailable
from sandbox.fabric.images.machine import TOOLS


def test_a_user_is_told_that_root_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert unavailable(tmp_path) == ("root is needed, and this runs as a user",)


@pytest.mark.root
def test_missing_tools_are_named_with_their_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    (reason,) = unavailable(tmp_path)

    assert reason.startswith("Debian's tools are missing: apt-get install ")
    assert all(package in reason for package in TOOLS.values())


@pytest.mark.root
def test_what_the_kernel_lacks_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/nft").write_text("#!/bin/sh\necho 'Operation not supported' >&2\nexit 1\n")
    (tmp_path / "bin/nft").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")

    assert unavailable(tmp_path / "cache") == (
        "the kernel does not let root use nftables with NAT (Operation not supported)",
    )


@pytest.mark.root
def test_a_path_that_overlays_cannot_name_is_told(tmp_path: Path) -> None:
    assert "can't name" in unavailable(tmp_path / "a:b")[0]


@pytest.mark.root
def test_a_machine_that_can_keeps_no_trace_of_the_trial(tmp_path: Path) -> None:
    if any(shutil.which(tool) is None for tool in TOOLS):
        pytest.skip("the tools of the fabric are not installed (scripts/setup)")

    assert unavailable(tmp_path / "cache") == ()
    assert list((tmp_path / "cache").iterdir()) == []
