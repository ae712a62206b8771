"""A stand-in without a machine: its packages unpacked in a folder, its processes on this one."""

import io
import json
import os
import shlex
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from stand_ins.packaging import archives
from stand_ins.versions import Version, find
from tests.support.r import command

PASSWORD = "Sandbox-Pass:1"
SECONDS = 60.0


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on just now, each with the one after it."""
    held, found = [], []
    while len(found) < count:
        first = socket.create_server(("", 0))
        port = first.getsockname()[1]
        held.append(first)
        try:
            held.append(socket.create_server(("", port + 1)))
        except (OSError, OverflowError):
            continue
        found.append(port)
    for each in held:
        each.close()
    return found


def unpack(archive: bytes, root: Path) -> None:
    """Lay out below *root* what the packages in *archive* install."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar.getmembers():
            if entry.name.endswith(".deb"):
                file = tar.extractfile(entry)
                assert file is not None
                _extract(file.read(), root)


def _extract(deb: bytes, root: Path) -> None:
    path = root / ".deb"
    path.write_bytes(deb)
    subprocess.run(["dpkg-deb", "--extract", path, root], check=True)
    path.unlink()


@dataclass
class Machine:
    """A machine with the packages of a version."""

    root: Path
    version: Version
    environment: dict[str, str] = field(default_factory=dict)

    def settings(self, part: str) -> Path:
        """Return the appsettings.json of *part*."""
        return self.folder(part) / "appsettings.json"

    def folder(self, part: str) -> Path:
        """Return a node's directory."""
        return self.root / self.version.folder("web" if part == "web" else "compute").lstrip("/")

    def read(self, part: str) -> dict[str, Any]:
        """Return what the file says."""
        return json.loads(self.settings(part).read_text("utf-8-sig"))

    def change(self, part: str, **values: Any) -> None:
        """Merge *values* into the file: a key with two underscores is a path."""
        known = self.read(part)
        for path, value in values.items():
            *parents, key = path.split("__")
            section = known
            for parent in parents:
                section = section.setdefault(parent, {})
            section[key] = value
        self.settings(part).write_text(json.dumps(known))

    def run(self, *words: str | Path, says: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program of the product to its end, with *says* on standard input."""
        return subprocess.run(
            [sys.executable, "-B", *words],
            input=says,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=self._environment(),
        )

    def admin(self, *words: str, says: str = "") -> subprocess.CompletedProcess[str]:
        """Run the version's admin tool."""
        folder = self.root / self.version.home.lstrip("/") / self.version.utility
        if self.version.tool in ("menus", "switches"):
            return self.run(folder / f"{self.version.utility}.dll", *words, says=says)
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]);"
            "from stand_ins.product.admin import cli;"
            "sys.exit(cli.main(sys.argv[2], sys.argv[3], sys.argv[4:]))"
        )
        known = self.version
        place = str(folder / "stand-in")
        return self.run("-c", program, place, known.product, known.version, *words, says=says)

    def node(self, words: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Run `az ml admin ...` or `az mlserver admin ...`."""
        return self.admin(self.version.tool, "admin", *words.split(), *more)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = self.root / "root"
        home.mkdir(exist_ok=True)
        return kept | {"HOME": str(home), "STAND_IN_ROOT": str(self.root)} | self.environment

    @contextmanager
    def running(self, name: str) -> Iterator[subprocess.Popen[str]]:
        """Run `web`, `compute` or `rserve`."""
        part = "web" if name == "web" else "compute"
        program = "Rserve" if name == "rserve" else getattr(self.version, part)
        process = subprocess.Popen(
            [sys.executable, "-B", self.folder(part) / f"{program}.dll"],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=10)

    def with_r(self) -> None:
        """Let Rserve start the R of the nodes' image."""
        folder = self.root / self.version.home.lstrip("/") / "Rserve"
        self.environment["STAND_IN_RSCRIPT"] = shlex.join(command(folder))


def machine(root: Path, product: str, version: str) -> Machine:
    """Return a machine on which the version was installed, and nothing set up."""
    root.mkdir(parents=True, exist_ok=True)
    unpack(archives.make(product, version), root)
    return Machine(root, find(product, version))


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    """Wait until *process* listens."""
    until = time.monotonic() + SECONDS
    while True:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < until, "it does not listen"
            time.sleep(0.02)


@contextmanager
def signed_in(
    port: int, username: str = "admin", password: str = PASSWORD
) -> Iterator[httpx.Client]:
    """A client of a web node with a token."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client:
        answer = client.post("/login", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def wait_until_good(client: httpx.Client, word: str = "pass") -> dict[str, Any]:
    """Wait for a good status, and return it."""
    until = time.monotonic() + SECONDS
    while True:
        report = client.get("/status").json()
        if report["statusCode"] == word:
            return report
        assert time.monotonic() < until, report
        time.sleep(0.1)
