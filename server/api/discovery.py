"""Tells this web node's proxy which compute nodes there are, at run time.

The database lists the compute nodes that serve; the proxy has empty slots for them, and looks
after their health by itself. While the database is away the slots stay as they are.
"""

import logging
import socket
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from server.common.database import connection_string
from server.common.node import credential, read_node

PROXY = Path("/run/operationalization/proxy.sock")
BACKEND = "compute"
ROLE = "operationalization_api"
EMPTY = "127.0.0.1:1"
INTERVAL_SECONDS = 1.0

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


class ProxyError(RuntimeError):
    """The proxy refuses a command."""


def plan(slots: Collection[Slot], nodes: Collection[Node]) -> Iterable[str]:
    """Yield the commands that bring *slots* to *nodes*.

    A node keeps its slot. One that has gone is put into maintenance and its slot is free at once;
    requests that it still answers are not cut.
    """
    wanted = {node.address: node for node in nodes}
    kept = {slot.address for slot in slots if slot.enabled and slot.address in wanted}
    free = []
    for slot in slots:
        if slot.enabled and slot.address not in wanted:
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


def update(nodes: Collection[Node], proxy: Path = PROXY) -> None:
    """Bring the proxy's slots to *nodes*.

    Raises:
        OSError: when the proxy does not run.
        ProxyError: when it refuses a command.
    """
    slots = read_slots(ask(f"show servers state {BACKEND}", proxy))
    for command in plan(slots, nodes):
        answer = ask(command, proxy).strip()
        log.info("%s%s", command, f": {answer}" if answer else "")
        if answer.startswith(("No such", "Unknown", "Invalid", "Require", "Permission")):
            raise ProxyError(f"{command}: {answer}")


def main() -> None:
    """Follow the database until systemd ends this."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    database = read_node().database
    conninfo = connection_string(database, user=ROLE, password=credential("database-api"))
    pause = threading.Event()
    while True:
        try:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                while True:
                    rows = connection.execute(QUERY).fetchall()
                    update([Node(f"{host}:{port}", workers) for host, port, workers in rows])
                    pause.wait(INTERVAL_SECONDS)
        except (psycopg.Error, OSError, ProxyError) as error:
            log.warning("going on with the nodes that are known: %s", error)
            pause.wait(INTERVAL_SECONDS)


if __name__ == "__main__":
    main()
