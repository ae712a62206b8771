"""The image of a deployment: a container with one model, built in the registry from this text.

A task of Azure Container Registry has its steps in YAML; a run takes them encoded, so nothing is
uploaded from where Pulumi runs, and no Docker is needed there. The first steps write the build
context, which is in them; then it is built, pushed, and the model is put where Azure ML registers
it from. The same content gives the same text, on any day and machine ("ACR Tasks reference: YAML";
github.com/Azure/acr-builder, which runs the steps).
"""

import base64
import gzip
import hashlib
import io
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model_folders.reading import ModelFolder

REPOSITORY: Final = Path(__file__).resolve().parents[3]

CONTAINER: Final[Mapping[str, str]] = {
    "Dockerfile": "container/Dockerfile",
    "plumber.R": "container/plumber.R",
    "start_plumber.R": "container/start_plumber.R",
    "service.R": "server/worker/service.R",
}
"""Files of the build context, beside the model, by where they are in this repository. What a
request means is the same file that the workers of nodes run."""

CHUNK: Final = 65_536
"""Characters of the archive in one step. acr-builder hands a step to `/bin/sh -c` as one argument,
and Linux takes 131,071 characters in one (MAX_ARG_STRLEN)."""

LARGEST: Final = 1_048_576
"""Characters of an encoded task. Azure documents no limit of its own for it; a resource in a
template may have 1 MB ("ARM template limits"), and that is what we keep to."""

CONTEXT: Final = "context"
"""Folder of the build context, below the steps' working directory."""


class TooLargeError(ValueError):
    """An image that no task can carry."""

    def __init__(self, characters: int) -> None:
        self.characters = characters
        super().__init__(f"the encoded task has {characters:,} characters, of at most {LARGEST:,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One model with the container around it."""

    model: str
    """Name, as Azure ML and registries take it."""

    version: str
    """Version, as service.json says."""

    model_digest: str
    tag: str
    """Digest of everything in the image: whatever changes is another image."""

    archive: bytes
    """The build context, as tar.gz."""

    @property
    def repository(self) -> str:
        """Where it is in the registry."""
        return self.model

    @property
    def reference(self) -> str:
        """What it is called inside the registry."""
        return f"{self.repository}:{self.tag}"

    @property
    def model_version(self) -> str:
        """Version under which the model is registered, which never changes its content."""
        return f"{self.version}-{self.model_digest}"

    @property
    def model_path(self) -> str:
        """Where the model is in the storage account's container."""
        return f"{self.model}/{self.model_version}/model"


def image(folder: ModelFolder) -> Image:
    """Return the image of the model in *folder*.

    Raises:
        TooLargeError: when no task could carry it.
    """
    container = {name: (REPOSITORY / path).read_bytes() for name, path in CONTAINER.items()}
    return assemble(
        name=folder.service.name,
        version=folder.service.version,
        container=container,
        model={
            "model.rds": folder.model,
            "service.json": (folder.path / "service.json").read_bytes(),
        },
    )


def assemble(
    *, name: str, version: str, container: Mapping[str, bytes], model: Mapping[str, bytes]
) -> Image:
    """Return the image of these files.

    Raises:
        TooLargeError: when no task could carry it.
    """
    known = asset_name(name)
    files = {**container, **{f"model/{part}": content for part, content in model.items()}}
    packed = _tar(files)
    made = Image(
        model=known,
        version=version,
        model_digest=hashlib.sha256(_tar(model)).hexdigest()[:12],
        tag=hashlib.sha256(f"{known} {version}\n".encode() + packed).hexdigest()[:16],
        archive=gzip.compress(packed, compresslevel=9, mtime=0),
    )
    if (characters := len(encoded_task(made))) > LARGEST:
        raise TooLargeError(characters)
    return made


def asset_name(name: str) -> str:
    """Return *name* as repositories of a registry want it: lower case, single separators."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def task(made: Image) -> str:
    """Return the steps that build and push *made*, and put its model into the storage account.

    What is known only when the run starts comes as values: `account` and `container`, where models
    are, and `identity`, the client id of the run's own identity.
    """
    target = f"{{{{.Run.Registry}}}}/{made.reference}"
    text = base64.b64encode(made.archive).decode("ascii")
    chunks = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    archive = f"/workspace/{CONTEXT}.tar.gz"
    build = (
        f"-t {target} --build-arg MODEL={made.model} --build-arg VERSION={made.version} "
        f"-f Dockerfile {CONTEXT}"
    )
    upload = (
        "--auth-mode login --account-name {{.Values.account}} "
        f"--destination {{{{.Values.container}}}} --destination-path {made.model_path} "
        f"--source {CONTEXT}/model --overwrite"
    )
    steps = [
        *(f"cmd: bash -c 'echo {chunk} | base64 -d >> {archive}'" for chunk in chunks),
        f"cmd: bash -c 'tar -xzf {archive} -C /workspace'",
        f"build: {build}",
        f'push: ["{target}"]',
        "cmd: az login --identity --username {{.Values.identity}} --allow-no-subscriptions",
        f"cmd: az storage blob upload-batch {upload}",
    ]
    # The packages of R are downloaded in one step, which has ten minutes unless this says more.
    head = "version: v1.1.0\nstepTimeout: 1800\nsteps:\n"
    return head + "".join(f"- {step}\n" for step in steps)


def encoded_task(made: Image) -> str:
    """Return the steps as `encodedTaskContent` of a run."""
    return base64.b64encode(task(made).encode("ascii")).decode("ascii")


def _tar(files: Mapping[str, bytes]) -> bytes:
    """Return *files* as an archive, ordered by path, without a time or a user's name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            entry = tarfile.TarInfo(f"{CONTEXT}/{path}")
            entry.size, entry.mode = len(files[path]), 0o644
            archive.addfile(entry, io.BytesIO(files[path]))
    return buffer.getvalue()
