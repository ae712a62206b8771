"""Small layers over the checkout's base image, really built."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from sandbox.fabric.contract import FabricError
from sandbox.fabric.images import Images
from sandbox.fabric.images.building import build
from sandbox.fabric.images.definitions import BASE, Image

pytestmark = pytest.mark.root

ROOT = Path(__file__).resolve().parents[4]
BUILD = """
import sys
from pathlib import Path
from sandbox.fabric.images import __main__, building
from sandbox.fabric.images.definitions import BASE, Image
tiny = Image(name="tiny", parent="base", megabytes=1, content=Path(sys.argv[2]))
building.build.__defaults__ = ((BASE, tiny),)
sys.exit(__main__.main([sys.argv[1]]))
"""
"""The command line, with images of ours."""


@pytest.fixture
def content(tmp_path: Path) -> Path:
    files = tmp_path / "content/files/etc"
    files.mkdir(parents=True)
    (files / "tiny.conf").write_text("one\n")
    (tmp_path / "content/finish.sh").write_text("cat /etc/tiny.conf >/etc/finished\n")
    return tmp_path / "content"


def tiny(content: Path, *packages: str) -> tuple[Image, Image]:
    return (
        BASE,
        Image(name="tiny", parent="base", packages=packages, megabytes=1, content=content),
    )


def made(folder: Path, definitions: tuple[Image, ...]) -> list[str]:
    """Build; returns what was said."""
    said: list[str] = []
    build(folder, said.append, definitions)
    return said


def drafts(folder: Path) -> list[Path]:
    return list(folder.glob("*.new"))


def mounts(folder: Path) -> list[str]:
    """What is mounted, but for what tests beside this one mount meanwhile."""
    return [
        line
        for line in Path("/proc/self/mounts").read_text().splitlines()
        if str(folder.parent) in line
        or not any(others in line for others in ("/run/netns/", "/pytest-of-"))
    ]


def processes(folder: Path) -> list[str]:
    """Command lines that name the folder."""
    found = subprocess.run(
        ["pgrep", "-a", "-f", f"build.sh {folder}"], capture_output=True, text=True, check=False
    )
    return found.stdout.splitlines()


@contextmanager
def started(folder: Path, content: Path) -> Iterator[subprocess.Popen[str]]:
    """The builder as a program, in the middle of its finish.sh."""
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), str(content)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert builder.stderr
        assert "image tiny over base" in builder.stderr.readline()
        yield builder
    finally:
        builder.kill()
        builder.wait()
        if builder.stderr:
            builder.stderr.close()


def test_a_layer_holds_its_files_its_packages_and_nothing_of_the_build(
    folder: Path, content: Path
) -> None:
    before = mounts(folder)

    said = made(folder, tiny(content, "netbase"))

    tree, base = Images(folder, tiny(content, "netbase")).layers("tiny")
    assert said[0] == "image tiny over base: 1 Debian packages and their needs"
    assert (tree / "etc/finished").read_text() == "one\n"
    assert (tree / "etc/protocols").exists()
    assert not (base / "etc/protocols").exists()
    assert "Package: netbase\n" in (tree / "var/lib/dpkg/status").read_text()
    assert not list(tree.rglob("*.deb"))
    assert not list((tree / "usr/share").glob("man/*"))
    for path in ("usr/sbin/policy-rc.d", "etc/apt/apt.conf.d/95build", "var/lib/apt/lists"):
        assert not (tree / path).exists() or not list((tree / path).iterdir())
    assert mounts(folder) == before
    assert drafts(folder) == []


def test_what_is_there_is_not_built_again(folder: Path, content: Path) -> None:
    made(folder, tiny(content))

    assert made(folder, tiny(content)) == []
    assert Images(folder, tiny(content)).missing() == ()


def test_another_definition_is_another_image_and_the_old_one_goes(
    folder: Path, content: Path
) -> None:
    made(folder, tiny(content))
    (old, _) = Images(folder, tiny(content)).layers("tiny")
    (content / "files/etc/tiny.conf").write_text("two\n")
    assert Images(folder, tiny(content)).missing() == ("tiny",)

    made(folder, tiny(content))

    (new, _) = Images(folder, tiny(content)).layers("tiny")
    assert (new / "etc/finished").read_text() == "two\n"
    assert not old.exists()


def test_an_image_that_a_host_runs_on_is_kept(folder: Path, content: Path) -> None:
    made(folder, tiny(content))
    (old, base) = Images(folder, tiny(content)).layers("tiny")
    (content / "files/etc/tiny.conf").write_text("two\n")
    script = f'mount -t overlay -o "lowerdir={old}:{base}" overlay /mnt && echo up && read -r _'
    host = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert host.stdout
        assert host.stdout.readline() == "up\n"
        made(folder, tiny(content))

        assert old.exists()
    finally:
        host.communicate("\n")
    (content / "files/etc/tiny.conf").write_text("three\n")
    made(folder, tiny(content))
    assert not old.exists()


def test_a_build_that_fails_says_the_last_words_and_leaves_the_image_before(
    folder: Path, content: Path
) -> None:
    made(folder, tiny(content))
    before = Images(folder, tiny(content)).layers("tiny")
    (content / "finish.sh").write_text("echo the reason >&2; exit 7\n")

    with pytest.raises(FabricError) as caught:
        made(folder, tiny(content))

    assert str(caught.value) == (
        f"the image tiny could not be built; the end of {folder}/tiny.log:\n  | the reason\n"
        "check the network and the Debian sources in /etc/apt, then run scripts/setup again"
    )
    assert Images(folder, tiny(content)).layers("tiny") == before
    assert drafts(folder) == []


def test_a_package_that_is_not_there_is_named(folder: Path, content: Path) -> None:
    with pytest.raises(FabricError, match="Unable to locate package no-such-package"):
        made(folder, tiny(content, "no-such-package"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(
    folder: Path, content: Path, number: signal.Signals
) -> None:
    (content / "finish.sh").write_text("echo begun >/etc/begun; sleep 600\n")
    with started(folder, content) as builder:
        until(lambda: list(folder.glob("tiny-*.new/upper/etc/begun")))
        builder.send_signal(number)
        _, said = builder.communicate(timeout=20)

    assert builder.returncode == 130
    assert said == "interrupted; nothing half-built is left\n"
    assert processes(folder) == []
    assert drafts(folder) == []


def test_a_killed_build_is_gone_and_swept_up_by_the_next(folder: Path, content: Path) -> None:
    (content / "finish.sh").write_text("echo begun >/etc/begun; sleep 600\n")
    with started(folder, content) as builder:
        until(lambda: list(folder.glob("tiny-*.new/upper/etc/begun")))
        builder.kill()
        until(lambda: not processes(folder))
    assert len(drafts(folder)) == 1
    (content / "finish.sh").write_text("echo done >/etc/finished\n")

    made(folder, tiny(content))

    assert drafts(folder) == []


def test_two_builders_take_turns_with_a_word(folder: Path, content: Path) -> None:
    holder = subprocess.Popen(["flock", str(folder / "lock"), "cat"], stdin=subprocess.PIPE)
    assert holder.stdin
    until(lambda: subprocess.call(["flock", "-n", str(folder / "lock"), "true"]))
    said: list[str] = []

    def report(line: str) -> None:
        said.append(line)
        holder.stdin.close()

    build(folder, report, tiny(content))

    assert said[0] == f"another build is at work in {folder}; waiting for it"
    assert holder.wait(10) == 0


def test_a_full_disk_is_told_before_anything_is_built(
    folder: Path, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99 << 10))

    with pytest.raises(FabricError) as caught:
        made(folder, tiny(content))

    assert str(caught.value) == (
        f"not enough disk space in {folder} for the images tiny: 0 MB are free, 1 MB are needed; "
        "free some space on that disk"
    )


def test_an_image_that_is_not_built_says_how(tmp_path: Path) -> None:
    with pytest.raises(FabricError, match="run scripts/setup"):
        Images(tmp_path).layers("base")
    with pytest.raises(FabricError, match="has no image 'windows'"):
        Images(tmp_path).layers("windows")
    assert Images(tmp_path).missing() == ("base", "complete", "family", "postgresql")


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
