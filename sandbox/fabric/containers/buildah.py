"""Builds images with buildah: without a container engine, a network or a trace outside its folder.

The base image is the sandbox's own, in place of the public one that a Dockerfile names (`ARG
BASE`): it is what hosts boot, with the packages that a Dockerfile installs, so that their
installation finds them there. It is brought into a store of its own once, and every sandbox of the
checkout reads that.

Sources: buildah-build(1) (--isolation chroot, --build-arg), containers-storage.conf(5)
(additionalimagestore), storage's own layout (`overlay/ID/diff`, `overlay-layers/layers.json`,
whiteouts in overlayfs' form, which is what hosts mount).
"""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.fabric.contract import FabricError

BASE = "localhost/sandbox-base:1"
LINES = 15
"""The end of a log that a person sees."""

_NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child=KILL", "--"),
)
"""However the builder ends, the kernel ends the build with it and unmounts what it mounted."""
_IMPORT = Path(__file__).with_name("import-base.sh")


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """One folder of buildah's."""

    folder: Path
    beside: Path | None = None
    """Another store whose images it may begin with."""

    def command(self, *arguments: str) -> list[str]:
        """buildah, working in this store."""
        beside = f"additionalimagestore={self.beside / 'images'}" if self.beside else ""
        return [
            *("buildah", "--root", str(self.folder / "images")),
            *("--runroot", str(self.folder / "run"), "--storage-driver", "overlay"),
            *(("--storage-opt", beside) if beside else ()),
            *arguments,
        ]


def run(command: Sequence[str], log: Path, what: str) -> None:
    """Run *command* in namespaces of its own, and keep what it says. Raises FabricError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as output:
            done = subprocess.run(
                [*_NAMESPACES, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                start_new_session=True,
                # It keeps its short-lived files where the store is, not in /var/tmp.
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": str(log.parent)},
            )
    except OSError as error:
        raise FabricError(f"{what} can't be started: {error}; scripts/setup installs it") from error
    if done.returncode:
        raise FabricError(f"{what} failed; the end of {log}:\n{end_of(log)}")


def end_of(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(errors="replace").splitlines()[-LINES:]
    return "\n".join(f"  | {line}" for line in lines)


def read(store: Store, *arguments: str) -> str:
    """What a command of buildah's says. Raises FabricError."""
    command = ["unshare", "--mount", "--", *store.command(*arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise FabricError(f"buildah can't be started: {error}") from error
    if done.returncode:
        raise FabricError(f"buildah {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def base(folder: Path, layers: Sequence[Path], log: Path) -> Iterator[Path]:
    """The folder of a store that has the base image, made if need be, and held meanwhile.

    *folder*: of the checkout's base stores; *layers*: the sandbox's image, topmost first.
    """
    name = "-".join(layer.parent.name for layer in layers)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not (folder / name).is_dir():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / name).is_dir():
                _import(folder, name, layers, log)
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder / name


def _import(folder: Path, name: str, layers: Sequence[Path], log: Path) -> None:
    for old in folder.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    draft = folder / f"{name}.new"
    draft.mkdir()
    command = [
        *("bash", str(_IMPORT), str(draft), ":".join(map(str, layers)), BASE),
        *Store(folder=draft).command(),
    ]
    try:
        run(command, log, "the base image of containers")
        draft.rename(folder / name)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def layer_of(store: Store, image: str) -> tuple[Path, ...]:
    """The folders of what *image* adds to its base, topmost first. Raises FabricError."""
    root = store.folder / "images"
    try:
        images = json.loads((root / "overlay-images/images.json").read_text())
        layers = {
            each["id"]: each.get("parent", "")
            for each in json.loads((root / "overlay-layers/layers.json").read_text())
        }
        layer = next(each["layer"] for each in images if each["id"] == image)
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise FabricError(f"the image {image} can't be read in {root}: {error!r}") from error
    found = []
    while layer in layers:
        found.append(root / "overlay" / layer / "diff")
        layer = layers[layer]
    return tuple(found)
