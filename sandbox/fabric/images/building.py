"""Builds images: one at a time on a machine, whole or not at all."""

import fcntl
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sandbox.fabric.authority import Authority
from sandbox.fabric.contract import FabricError
from sandbox.fabric.images import digests, sources
from sandbox.fabric.images.definitions import ALL, SUITE, Image

_SCRIPT = Path(__file__).with_name("build.sh")
_DRAFT = ".new"
_MEGABYTE = 1 << 20

_NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"),
)
"""However the builder ends, the kernel ends the build with it, and unmounts what it mounted."""

Report = Callable[[str], None]


def build(folder: Path, report: Report, definitions: tuple[Image, ...] = ALL) -> None:
    """Make every image of *definitions* that *folder* lacks; needs root.

    Args:
        folder: The checkout's folder of images; made if need be.
        report: Takes one line for a person at a time.
        definitions: Parents before their layers.

    Raises:
        FabricError: no space, or a build failed; what was complete before is still there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _turn(folder, report):
        for half in folder.glob(f"*{_DRAFT}"):
            _remove(half)
        certificate = Authority(digests.authority(folder)).certificate
        wanted = digests.wanted(folder, definitions)
        todo = [
            image
            for image in definitions
            if not digests.is_current(folder / image.name, wanted[image.name])
        ]
        _check_space(folder, todo)
        for image in todo:
            _build(folder, image, wanted, certificate, report)
        _tidy(folder, set(wanted.values()))


@contextmanager
def _turn(folder: Path, report: Report) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"another build is at work in {folder}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_space(folder: Path, todo: list[Image]) -> None:
    needed = sum(image.megabytes for image in todo)
    free = shutil.disk_usage(folder).free // _MEGABYTE
    if free < needed:
        raise FabricError(
            f"not enough disk space in {folder} for the images {', '.join(i.name for i in todo)}: "
            f"{free} MB are free, {needed} MB are needed; free some space on that disk"
        )


def _build(
    folder: Path, image: Image, wanted: Mapping[str, str], certificate: Path, report: Report
) -> None:
    start = time.monotonic()
    name = wanted[image.name]
    target = folder / name
    if not target.is_dir():
        over = f" over {image.parent}" if image.parent else ""
        report(f"image {image.name}{over}: {len(image.packages)} Debian packages and their needs")
        draft = folder / f"{name}{_DRAFT}"
        try:
            _prepare(folder, draft, image, wanted, certificate)
            _run(folder, draft, image)
        except BaseException:
            _remove(draft)
            raise
        draft.rename(target)
    link = folder / f"{image.name}{_DRAFT}"
    link.symlink_to(name)
    link.replace(folder / image.name)
    report(f"image {image.name}: {time.monotonic() - start:.1f} s")


def _prepare(
    folder: Path, draft: Path, image: Image, wanted: Mapping[str, str], certificate: Path
) -> None:
    """Lay out what build.sh reads."""
    draft.mkdir()
    settings = sources.settings()
    keeps = ('APT::Install-Recommends "false";', *(each for each in settings if "@" not in each))
    (draft / "sources").write_text(sources.text(SUITE))
    (draft / "apt.conf").write_text("".join(f"{line}\n" for line in settings))
    (draft / "kept.conf").write_text("".join(f"{line}\n" for line in keeps))
    shutil.copy(certificate, draft / "authority.crt")
    if image.parent:
        (draft / "parent").write_text(wanted[image.parent])
        trees = digests.chain(folder / image.parent)
        (draft / "parents").write_text(":".join(str(tree) for tree in trees))


def _run(folder: Path, draft: Path, image: Image) -> None:
    log = folder / f"{image.name}.log"
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    environment = proxies | {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "CONTENT": str(image.folder),
        "PACKAGES": str(folder / "packages"),
        "SUITE": SUITE,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_NAMESPACES, "bash", str(_SCRIPT), str(draft), *image.packages],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            code = process.wait()
        finally:
            _end(process)
    if code:
        last = "\n".join(
            f"  | {line}" for line in log.read_text(errors="replace").splitlines()[-15:]
        )
        raise FabricError(
            f"the image {image.name} could not be built; the end of {log}:\n{last}\n"
            f"check the network and the Debian sources in /etc/apt, then run scripts/setup again"
        )
    for name in ("root", "work"):
        _remove(draft / name)
    for name in ("sources", "apt.conf", "kept.conf", "authority.crt", "parents"):
        (draft / name).unlink(missing_ok=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a build that is under way; returns when none of its processes is left."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if process.poll() is None:
        # Process 1 of the namespace: when it has ended all the others have.
        for child in children.read_text().split():
            with suppress(ProcessLookupError):
                watched = os.pidfd_open(int(child))
                try:
                    signal.pidfd_send_signal(watched, signal.SIGKILL)
                    select.select([watched], [], [])
                finally:
                    os.close(watched)
    process.kill()
    process.wait()


def _tidy(folder: Path, current: set[str]) -> None:
    """Drop images of older definitions that no host runs on."""
    mounts = _mounts()
    for old in folder.iterdir():
        tree = old / "upper"
        if old.is_symlink() or not tree.is_dir() or old.name in current:
            continue
        if old.name not in mounts:
            _remove(old)


def _mounts() -> str:
    """The mount tables of all processes: hosts have their overlays in namespaces of their own."""
    tables: set[str] = set()
    for table in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            tables.add(table.read_text(errors="replace"))
        except OSError:
            continue  # that process has just ended
    return "".join(tables)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
