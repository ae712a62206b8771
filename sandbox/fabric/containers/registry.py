"""The images that a sandbox has built: what its registries hold, on this machine's own disk.

`HOME/containers` has buildah's store, the logs of builds, and `images.json`: reference -> what was
built. An image is built again only when something that is in it changed.
"""

import hashlib
import json
import logging
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

from sandbox.fabric.containers import buildah
from sandbox.fabric.containers.steps import Task
from sandbox.fabric.contract import FabricError

_LOG = logging.getLogger(__name__)

FOLDER = "containers"
"""Below a sandbox's home, and below the folder of images."""
ARGUMENT = "BASE"
"""The build argument by which a Dockerfile lets others name its base image."""


class Images(Protocol):
    """What is needed of the sandbox's images."""

    @property
    def folder(self) -> Path:
        """Of all images of the checkout."""

    def layers(self, name: str) -> tuple[Path, ...]:
        """Folders of an image, topmost first. Raises FabricError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """One image, as a host can run it."""

    key: str
    """Of all that is in it."""
    layers: tuple[Path, ...]
    """Topmost first."""
    command: tuple[str, ...]
    user: str
    folder: str
    """Where its command starts."""
    environment: Mapping[str, str]


class Registry:
    """All images that one sandbox built. Methods may be called from any thread."""

    def __init__(self, home: Path, images: Images, image: str) -> None:
        """*image*: the sandbox's image that takes the place of a public base."""
        self._folder = home / FOLDER
        self._images = images
        self._image = image
        self._file = self._folder / "images.json"
        self._lock = threading.Lock()
        self._known: dict[str, Built] | None = None

    def find(self, reference: str) -> Built | None:
        """What was pushed as *reference*; None: nothing was, or it is gone."""
        found = self._all().get(reference)
        return found if found and all(layer.is_dir() for layer in found.layers) else None

    def log(self, reference: str) -> Path:
        """Where the log of a build is."""
        name = hashlib.sha256(reference.encode()).hexdigest()[:16]
        return self._folder / "logs" / f"{name}.log"

    def build(self, task: Task, report: Callable[[str], None]) -> Built:
        """Build what *task* says, unless it is there. Raises FabricError with the log's end."""
        with self._lock:
            base = self._images.layers(self._image)
            key = _key(task, base)
            known = self.find(task.reference)
            if known is not None and known.key == key:
                return known
            report(
                f"building {task.reference} with buildah, from the sandbox's own image "
                f"{self._image!r} in place of the Dockerfile's public base"
            )
            if task.copied:
                report("the copy of the model in the storage account is left out")
            log = self.log(task.reference)
            log.parent.mkdir(parents=True, exist_ok=True)
            log.unlink(missing_ok=True)
            bases = self._images.folder / FOLDER
            with buildah.base(bases, base, log) as beside:
                store = buildah.Store(folder=self._folder, beside=beside)
                built = self._built(task, store, key, base, log)
            self._write({**self._all(), task.reference: built})
            return built

    def keep(self, registries: Iterable[str]) -> None:
        """Forget the images of all other registries than these login servers."""
        kept = set(registries)
        known = self._all()
        gone = [each for each in known if each.partition("/")[0] not in kept]
        if not gone and (kept or not self._folder.exists()):
            return
        with self._lock:
            left = {ref: built for ref, built in self._all().items() if ref not in gone}
            if left:
                self._write(left)
            elif not kept:
                self._known = {}
                shutil.rmtree(self._folder, ignore_errors=True)
            else:
                self._write(left)

    def _built(
        self, task: Task, store: buildah.Store, key: str, base: tuple[Path, ...], log: Path
    ) -> Built:
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="workspace-") as made:
            workspace = Path(made)
            _unpack(task.archive, workspace)
            # The tools disagree on what it is relative to: where they run, or the context.
            files = [workspace / task.file, workspace / task.context / task.file]
            file = next((each for each in files if each.is_file()), None)
            if file is None:
                raise FabricError(f"{task.file} is not in the build's workspace")
            identity = workspace / ".image"
            given = {**task.arguments, ARGUMENT: buildah.BASE}
            command = store.command(
                *("build", "--isolation", "chroot", "--pull-never", "--network", "host"),
                *("--iidfile", str(identity), "--tag", task.reference, "--file", str(file)),
                *(each for item in given.items() for each in ("--build-arg", "=".join(item))),
                str(workspace / task.context),
            )
            buildah.run(command, log, f"building {task.reference}")
            image = identity.read_text().strip().removeprefix("sha256:")
        said = json.loads(buildah.read(store, "inspect", "--type", "image", image))
        return _described(said, key, (*buildah.layer_of(store, image), *base))

    def _all(self) -> dict[str, Built]:
        if self._known is None:
            try:
                found = json.loads(self._file.read_text())
                self._known = {each: _restored(value) for each, value in found.items()}
            except FileNotFoundError:
                self._known = {}
            except (OSError, ValueError, KeyError, TypeError) as error:
                _LOG.warning("%s can't be read, its images are built again: %s", self._file, error)
                self._known = {}
        return self._known

    def _write(self, known: dict[str, Built]) -> None:
        draft = self._file.with_suffix(".new")
        try:
            draft.write_text(json.dumps({k: asdict(v) for k, v in known.items()}, default=str))
            draft.replace(self._file)
        except OSError as error:
            raise FabricError(
                f"{self._file} can't be written: {error.strerror}; make room on that disk"
            ) from error
        self._known = known


def _key(task: Task, base: tuple[Path, ...]) -> str:
    parts = [task.archive, task.reference, task.file, task.context, task.arguments, base]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _unpack(archive: bytes, workspace: Path) -> None:
    try:
        with tarfile.open(fileobj=BytesIO(archive), mode="r:gz") as stream:
            stream.extractall(workspace, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FabricError(f"the archive of the task can't be unpacked: {error}") from error


def _described(said: Mapping[str, Any], key: str, layers: tuple[Path, ...]) -> Built:
    config = said["OCIv1"]["config"]
    command = (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))
    if not command:
        raise FabricError("the image says not what to run: its Dockerfile needs a CMD")
    return Built(
        key=key,
        layers=layers,
        command=command,
        user=config.get("User") or "root",
        folder=config.get("WorkingDir") or "/",
        environment=dict(each.split("=", 1) for each in config.get("Env") or ()),
    )


def _restored(found: Mapping[str, Any]) -> Built:
    return Built(
        key=found["key"],
        layers=tuple(map(Path, found["layers"])),
        command=tuple(found["command"]),
        user=found["user"],
        folder=found["folder"],
        environment=dict(found["environment"]),
    )
