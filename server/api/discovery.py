"""Tells this web node's proxy which compute nodes there are, at run time.

The database lists the compute nodes that serve; the proxy has empty slots for them, and looks
after their health by itself. While the database is away the slots stay as they are, and after its
return until every compute node has had the time to say again that it serves.
"""

import logging
import socket
import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from server.common.database import connection_string
from server.common.node import credential, read_node
from server.common.notify import ready

PROXY = Path("/run/operationalization/proxy.sock")
BACKEND = "compute"
ROLE = "operationalization_api"
EMPTY = "127.0.0.1:1"
INTERVAL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
"""How long the view `serving_node` counts on what a compute node said last."""
SILENCE_SECONDS = 5.0
"""A database that answers at least so often has kept no compute node from saying that it serves:
they do every 3 seconds."""
FIRST_NODE_SECONDS = 30.0
"""How long a start waits for a compute node. The first ones of an environment can log in only once
a web node has migrated the database: without this the environment would be ready before them."""

QUERY = "SELECT host(address), port, workers FROM operationalization.serving_node ORDER BY address"

log = logging.getLogger("discovery")


@dataclass(frozen=True)
class Slot:
    """One server of the proxy's backend."""

    name: str
    address: str
    """Host and port."""

    enabled: bool


@dataclass(frozen=True)
class Node:
    """A compute node that serves."""

    address: str
    """Host and port."""

    workers: int


class Welcome:
    """Whether a start that began at *now* (seconds) is complete."""

    def __init__(self, now: float) -> None:
        self._deadline = now + FIRST_NODE_SECONDS

    def over(self, nodes: Collection[Node], now: float) -> bool:
        """Whether there are *nodes*, or it has been waited for one long enough."""
        return bool(nodes) or now >= self._deadline


class ProxyError(RuntimeError):
    """The proxy refuses a command."""


class Reliance:
    """Whether a node that the database does not list has gone.

    It may as well have had no way to say that it serves, while the database was away.
    """

    def __init__(self) -> None:
        self._since = self._last = float("-inf")

    def answered(self, now: float) -> bool:
        """Note an answer of the database at *now* (seconds); whether its list is complete."""
        if now - self._last > SILENCE_SECONDS:
            self._since = now
        self._last = now
        return now - self._since >= HEARTBEAT_SECONDS


def plan(slots: Collection[Slot], nodes: Collection[Node], *, complete: bool) -> Iterable[str]:
    """Yield the commands that bring *slots* to *nodes*.

    A node keeps its slot. One that has gone is put into maintenance and its slot is free at once;
    requests that it still answers are not cut. Unless the list is *complete*, nobody has gone.
    """
    wanted = {node.address: node for node in nodes}
    kept = {slot.address for slot in slots if slot.enabled and slot.address in wanted}
    free = []
    for slot in slots:
        if slot.enabled and slot.address not in wanted and complete:
            yield f"set server {BACKEND}/{slot.name} state maint"
            free.append(slot)
        elif not slot.enabled:
            free.append(slot)
    arrived = [node for node in nodes if node.address not in kept]
    for slot, node in zip(free, arrived, strict=False):
        host, port = node.address.rsplit(":", 1)
        yield f"set server {BACKEND}/{slot.name} addr {host} port {port}"
        # Twice the workers: the node's own proxy queues for a moment, this one looks elsewhere.
        yield f"set maxconn server {BACKEND}/{slot.name} {2 * node.workers}"
        yield f"set server {BACKEND}/{slot.name} state ready"
        yield f"enable health {BACKEND}/{slot.name}"
    if len(arrived) > len(free):
        log.warning("%d compute nodes have no slot", len(arrived) - len(free))


def read_slots(state: str) -> list[Slot]:
    """Return the slots in an answer to `show servers state` (HAProxy 2.6, management guide)."""
    slots = []
    for line in state.splitlines():
        fields = line.split()
        if len(fields) < 19 or not fields[0].isdigit():
            continue
        _, _, _, name, address, _, admin = fields[:7]
        # Bits 0, 1 and 5 of the administrative state: maintenance, forced, inherited, resolution.
        slots.append(Slot(name, f"{address}:{fields[18]}", enabled=int(admin) & 0x23 == 0))
    return slots


def ask(command: str, proxy: Path = PROXY) -> str:
    """Return the proxy's answer to *command*."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(5)
        channel.connect(str(proxy))
        channel.sendall(command.encode() + b"\n")
        answer = bytearray()
        while chunk := channel.recv(65536):
            answer += chunk
    return answer.decode()


def update(nodes: Collection[Node], proxy: Path = PROXY, *, complete: bool) -> None:
    """Bring the proxy's slots to *nodes*; whoever is not among them has gone if *complete*.

    Raises:
        OSError: when the proxy does not run.
        ProxyError: when it refuses a command.
    """
    slots = read_slots(ask(f"show servers state {BACKEND}", proxy))
    for command in plan(slots, nodes, complete=complete):
        answer = ask(command, proxy).strip()
        log.info("%s%s", command, f": {answer}" if answer else "")
        if answer.startswith(("No such", "Unknown", "Invalid", "Require", "Permission")):
            raise ProxyError(f"{command}: {answer}")


def main() -> None:
    """Follow the database until systemd ends this."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    database = read_node().database
    conninfo = connection_string(database, user=ROLE, password=credential("database-api"))
    pause, reliance, welcome = threading.Event(), Reliance(), Welcome(time.monotonic())
    while True:
        try:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                while True:
                    rows = connection.execute(QUERY).fetchall()
                    nodes = [Node(f"{host}:{port}", workers) for host, port, workers in rows]
                    now = time.monotonic()
                    update(nodes, complete=reliance.answered(now))
                    if welcome.over(nodes, now):
                        ready()
                    pause.wait(INTERVAL_SECONDS)
        except (psycopg.Error, OSError, ProxyError) as error:
            log.warning("going on with the nodes that are known: %s", error)
            # A database that is away must not keep the node from its start.
            ready()
            pause.wait(INTERVAL_SECONDS)


if __name__ == "__main__":
    main()
