"""Data folders: one is made by initdb beside the images, every server begins as a copy of it."""

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.fabric.contract import FabricError
from sandbox.fabric.database.guest import layout
from sandbox.fabric.hosts import Guest, Plan

_LOG = logging.getLogger(__name__)

_LOCALES = ("en_US.utf8", "C.UTF-8")
"""What clouds give a database, and what Debian always has."""
_PATIENCE = 120.0
"""Seconds for initdb, which takes one where nothing else runs."""
ACCOUNT = "postgres"
AS_ACCOUNT = (
    *("/usr/bin/setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--init-groups"),
    *("--inh-caps=-all", "--no-new-privs", "--"),
)
"""Before a guest's command: systemd-nspawn's own way to change the user takes longer."""


@dataclass(frozen=True, slots=True)
class Software:
    """PostgreSQL as an image has it."""

    layers: tuple[Path, ...]
    """Topmost first."""
    version: str
    """Major version."""
    user: int
    group: int

    @property
    def binaries(self) -> str:
        """Folder in the guest."""
        return f"/usr/lib/postgresql/{self.version}/bin"


def software(layers: Sequence[Path]) -> Software:
    """Find PostgreSQL in an image. Raises FabricError."""
    versions = [
        found.parts[-3]
        for layer in layers
        for found in layer.glob("usr/lib/postgresql/*/bin/postgres")
    ]
    accounts = next((f for layer in layers if (f := layer / "etc/passwd").is_file()), None)
    lines = accounts.read_text(encoding="utf-8").splitlines() if accounts else []
    account = next((line.split(":") for line in lines if line.startswith(f"{ACCOUNT}:")), None)
    if not versions or account is None:
        where = ", ".join(map(str, layers))
        raise FabricError(
            f"no PostgreSQL in the image ({where}): build it again with "
            f"python -m sandbox.fabric.images"
        )
    return Software(tuple(layers), max(versions, key=int), int(account[2]), int(account[3]))


def prepare(
    cluster: Path,
    templates: Path,
    found: Software,
    superuser: str,
    namespace: str,
    restore: Callable[[Path], None] | None = None,
) -> None:
    """Make *cluster*, a server's folder, unless it is there; all of it or nothing.

    *restore*: puts the data there, in place of an empty cluster's.

    Raises:
        FabricError: no room, or initdb fails, or what *restore* raises.
    """
    if not (cluster / "data").exists():
        with _room(cluster.parent):
            draft = cluster.with_name(f"{cluster.name}.new")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True, mode=0o700)
            if restore is not None:
                restore(draft / "data")
            else:
                with _template(templates, found, superuser, namespace) as template:
                    _copy(template, draft / "data")
            (draft / "socket").mkdir(mode=0o700)
            (draft / "log").mkdir(mode=0o700)
            (draft / "lock").touch(mode=0o600)
            _give(draft, found)
            shutil.rmtree(cluster, ignore_errors=True)
            draft.replace(cluster)
            # Against a power cut alone, and slow while others write much: nobody waits for it.
            threading.Thread(target=_flush, args=(cluster,), name="flush", daemon=True).start()
    elif cluster.stat().st_uid != found.user:
        # Another build of the image may count its accounts in another way.
        _give(cluster, found)


def version_of(cluster: Path) -> str:
    """Major version that wrote the data; empty: there is none yet."""
    try:
        return (cluster / "data" / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _copy(source: Path, target: Path) -> None:
    command = ["cp", "--archive", "--reflink=auto", "--", str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        full = "No space left on device" in done.stderr
        raise OSError(errno.ENOSPC if full else errno.EIO, done.stderr.strip())


def _give(folder: Path, found: Software) -> None:
    for place, _, files in os.walk(folder):
        os.chown(place, found.user, found.group)
        for name in files:
            os.chown(Path(place, name), found.user, found.group, follow_symlinks=False)


def _flush(folder: Path) -> None:
    command = ["sync", "--file-system", "--", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and folder.exists():
        _LOG.warning("%s is not safe from a power cut yet: %s", folder, done.stderr.strip())


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FabricError(
                f"no space left on the disk of {folder} for a database's files: free 100 MB or "
                f"more, then try again"
            ) from error
        raise


@contextmanager
def _template(templates: Path, found: Software, superuser: str, namespace: str) -> Iterator[Path]:
    """The folder that initdb made, made now if need be; for one reader or maker at a time."""
    templates.mkdir(parents=True, exist_ok=True)
    finished = templates / _name(found, superuser)
    with (templates / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            for left in templates.glob("making-*"):
                _abandon(left)
            for left in templates.glob("postgresql-*"):  # of an image that has gone
                shutil.rmtree(left)
            draft = templates / f"making-{finished.name}"
            try:
                _make(draft, found, superuser, namespace)
                (draft / "cluster" / "data").replace(finished)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        yield finished


def _abandon(draft: Path) -> None:
    """Take away what a maker that was killed has left, initdb itself included."""
    guest = Guest(draft / "guest")
    guest.recover()
    guest.remove()
    shutil.rmtree(draft)


def _name(found: Software, superuser: str) -> str:
    binary = next(
        path
        for layer in found.layers
        if (path := layer / found.binaries.lstrip("/") / "postgres").exists()
    )
    state = binary.stat()
    facts = [*map(str, found.layers), superuser, found.user, state.st_size, state.st_mtime_ns]
    digest = hashlib.sha256("\n".join(map(str, facts)).encode()).hexdigest()
    return f"postgresql-{found.version}-{digest[:12]}"


def _make(draft: Path, found: Software, superuser: str, namespace: str) -> None:
    cluster = draft / "cluster"
    cluster.mkdir(parents=True)
    _give(cluster, found)
    guest = Guest(draft / "guest")
    plan = Plan(
        name=f"initdb-{os.getpid()}",
        hostname="initdb",
        layers=found.layers,
        namespace=namespace,
        command=(
            *AS_ACCOUNT,
            f"{found.binaries}/initdb",
            f"--pgdata={layout.DATA}",
            f"--username={superuser}",
            f"--locale={_locale(found)}",
            *("--encoding=UTF8", "--data-checksums", "--no-sync", "--no-instructions"),
            *("--auth-local=reject", "--auth-host=reject"),
        ),
        binds={cluster: layout.CLUSTER},
    )
    try:
        guest.start(plan)
        guest.wait(_PATIENCE)
        if guest.ended != 0:
            said = (draft / "guest" / "console.log").read_text(errors="replace").strip()
            raise FabricError(f"initdb fails, so no database can start; it says:\n{said[-2000:]}")
    finally:
        guest.remove()


def _locale(found: Software) -> str:
    preferred, always = _LOCALES
    for layer in found.layers:
        folder = layer / "usr/lib/locale"
        archive = folder / "locale-archive"
        if (folder / preferred).is_dir() or (
            archive.is_file() and preferred.encode() in archive.read_bytes()
        ):
            return preferred
    return always
