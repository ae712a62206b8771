"""Runs PostgreSQL, and checks tokens for it: the guest's process.

Usage: server BIN_FOLDER. Holds a lock for as long as a process of the server lives, so that two
servers never write one data folder: PostgreSQL's own check goes by process ids, which mean nothing
across guests.

SIGINT, SIGTERM: fast shutdown. SIGQUIT: immediate. SIGHUP: read the settings again.
"""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from sandbox.fabric.database.guest import layout

_ASKED = {
    signal.SIGINT: signal.SIGINT,
    signal.SIGTERM: signal.SIGINT,
    signal.SIGQUIT: signal.SIGQUIT,
    signal.SIGHUP: signal.SIGHUP,
}


def main(binaries: Path) -> int:
    """Return what the server ended with."""
    lock = os.open(layout.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("another server still runs on this data folder\n")
        return 75
    # The process ids in it are of a guest that has gone.
    Path(layout.DATA, "postmaster.pid").unlink(missing_ok=True)
    with Path(layout.LOG).open("ab", buffering=0) as log:
        server = subprocess.Popen(
            [
                *(str(binaries / "postgres"), "-D", layout.DATA),
                *("-c", f"config_file={layout.SETTINGS}/postgresql.conf"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock],
        )

    def forward(number: int, _: FrameType | None) -> None:
        server.send_signal(_ASKED[signal.Signals(number)])

    for number in _ASKED:
        signal.signal(number, forward)
    # Takes a moment to import; the server starts meanwhile.
    from sandbox.fabric.database.guest import logins  # noqa: PLC0415

    logins.serve(Path(layout.SETTINGS))
    return abs(server.wait())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
