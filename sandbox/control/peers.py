"""Who is at the other end of a loopback connection.

TCP tells no peer's user, but on Linux both ends of a loopback connection are in the kernel's table
(/proc/net/tcp and tcp6: address pairs in hexadecimal, state, owner's uid). A user who may not use
the sandbox is refused at the first call.
"""

import ipaddress
import struct
import time
from pathlib import Path
from threading import Lock
from urllib.parse import unquote

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED = "01"
_REMEMBER = 1.0
"""Seconds that an answer is used again: long enough for a burst of calls, too short for another
process to come by the same port."""


class Peers:
    """The users behind the connections to one port."""

    def __init__(self, port: int, allowed: frozenset[int]) -> None:
        self._port = port
        self._allowed = allowed
        self._answers: dict[str, tuple[float, bool]] = {}
        self._lock = Lock()

    def may_call(self, peer: str) -> bool:
        """Whether the owner of *peer* (gRPC's `ipv4:127.0.0.1:5000`) may use the sandbox."""
        now = time.monotonic()
        with self._lock:
            answered = self._answers.get(peer)
        if answered and now - answered[0] < _REMEMBER:
            return answered[1]
        found = owner(peer, self._port)
        answer = found is not None and found in self._allowed
        with self._lock:
            fresh = {k: v for k, v in self._answers.items() if now - v[0] < _REMEMBER}
            self._answers = {**fresh, peer: (now, answer)}
        return answer


def owner(peer: str, port: int) -> int | None:
    """The uid that owns the client's end of the connection from *peer* to *port*, if any."""
    _, _, rest = peer.partition(":")
    host, _, client = unquote(rest).rpartition(":")
    try:
        address, client_port = ipaddress.ip_address(host.strip("[]")), int(client)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    wanted = {_row_address(address, client_port)}
    if isinstance(address, ipaddress.IPv4Address):
        # A client may reach IPv4 through an IPv6 socket; gRPC's own library does.
        mapped = ipaddress.IPv6Address(f"::ffff:{address}")
        wanted.add(_row_address(mapped, client_port))
    for table in _TABLES:
        for local, remote, state, uid in _rows(table):
            ours = int(remote.rpartition(":")[2], 16) == port
            if local in wanted and ours and state == _ESTABLISHED:
                return uid
    return None


def _rows(table: Path) -> list[tuple[str, str, str, int]]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return []
    fields = [line.split() for line in lines]
    return [(row[1], row[2], row[3], int(row[7])) for row in fields if len(row) > 7]


def _row_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> str:
    """The address as the kernel prints it: 32-bit words in the machine's own byte order."""
    packed = address.packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
