"""Rserve's place: on localhost a connection is an R process of `rserve2` (facts.md 7, 12.8).

The process has no network but the connection that it was born with, and may write to its work
directory alone.
"""

import logging
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from stand_ins.product import appsettings
from stand_ins.product.appsettings import ConfigurationError
from stand_ins.product.place import on_a_node, place
from stand_ins.versions import Version

LINK_FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib64")
ACCOUNT = "rserve2"

log = logging.getLogger("stand_in")


def home(version: Version) -> Path:
    """Return Rserve's folder, with `workdir` in it."""
    return place(version.home) / "Rserve"


def port_of(version: Version) -> int:
    """Return where it listens: `RServePort`, which is a text (facts.md 7).

    Raises:
        ConfigurationError: it is none.
    """
    text = appsettings.read(appsettings.path_of(version, "compute")).root.text("RServePort")
    if not (text.isdigit() and 0 < int(text) < 65_535):
        raise ConfigurationError('RServePort must be a port as a text, such as "9054"')
    return int(text)


def missing_links(version: Version) -> list[str]:
    """Return the libraries of 9.0 that no link stands for (facts.md 4)."""
    return [
        name
        for name in version.links
        if not any(os.path.lexists(place(folder) / name) for folder in LINK_FOLDERS)
    ]


def _command() -> list[str]:
    """Return what runs R; tests without systemd have their own."""
    given = os.environ.get("STAND_IN_RSCRIPT")
    if given or not on_a_node():
        return shlex.split(given or "Rscript --vanilla")
    return [
        *("unshare", "--net", "--ipc", "--"),
        *("setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups"),
        *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"),
        *("Rscript", "--vanilla"),
    ]


ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Rserve:
    """Listens, and starts a process for each connection."""

    def __init__(self, version: Version, port: int) -> None:
        self._version = version
        self._home = home(version)
        self._log = place(version.rserve_log)
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._cancels = socket.create_server(("127.0.0.1", port + 1))
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        """By the port of the client, which it names to cancel."""

    def serve(self) -> None:
        """Serve for ever."""
        threading.Thread(target=self._serve_cancels, daemon=True).start()
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._run, args=[connection], daemon=True).start()

    def _serve_cancels(self) -> None:
        while True:
            connection, _ = self._cancels.accept()
            with connection, suppress(OSError, ValueError):
                connection.settimeout(5)
                process = self._running.get(int(connection.makefile("rb").readline(16)))
                if process is not None and process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)

    def _run(self, connection: socket.socket) -> None:
        client = connection.getpeername()[1]
        with connection:
            if missing := missing_links(self._version):
                self._complain(missing)
                return
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as errors:
                process = subprocess.Popen(
                    [*_command(), "shell.R"],
                    cwd=self._home,
                    env=ENVIRONMENT if on_a_node() else None,
                    stdin=connection.fileno(),
                    stdout=connection.fileno(),
                    stderr=errors,
                    start_new_session=True,
                )
            # The child has it now; with our own end open, nobody would hear of the child's end.
            connection.close()
            self._running[client] = process
            process.wait()
            self._running.pop(client, None)

    def _complain(self, missing: list[str]) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as log_file:
            for name in missing:
                log_file.write(
                    f"R: error while loading shared libraries: {name}: cannot open shared object "
                    "file: No such file or directory\n"
                )


def main(version: Version) -> None:
    """Run in the foreground.

    Raises:
        ConfigurationError: the compute node's file is wrong.
    """
    folder = home(version)
    workdir = folder / "workdir"
    for left in workdir.glob("shell-*"):
        shutil.rmtree(left, ignore_errors=True)
    Rserve(version, port_of(version)).serve()
