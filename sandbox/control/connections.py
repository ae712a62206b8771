"""The connections to this process, by gRPC's name of the peer: for a fault that breaks one.

gRPC's Python library can't end one connection; the kernel can, through any descriptor of it.
"""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

_DESCRIPTORS = Path("/proc/self/fd")


def break_off(peer: str) -> None:
    """End the connection from *peer* (`ipv4:127.0.0.1:5000`) at once, in both directions.

    Where there is no /proc it stays: the caller then only gets an error.
    """
    _, _, rest = peer.partition(":")
    host, _, port = unquote(rest).rpartition(":")
    wanted = (host.strip("[]").removeprefix("::ffff:"), port)
    if not _DESCRIPTORS.is_dir():
        return
    for descriptor in _DESCRIPTORS.iterdir():
        with suppress(OSError):  # others come and go meanwhile
            _break_off(int(descriptor.name), wanted)


def _break_off(descriptor: int, wanted: tuple[str, str]) -> None:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return
    with socket.socket(fileno=os.dup(descriptor)) as found:
        if found.family not in (socket.AF_INET, socket.AF_INET6):
            return
        name = found.getpeername()
        if (str(name[0]).removeprefix("::ffff:"), str(name[1])) == wanted:
            found.shutdown(socket.SHUT_RDWR)
