"""A sandbox's networks with machines that are namespaces only, and real packets between them."""

import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from sandbox.fabric.contract import (
    Blueprint,
    Database,
    Frontend,
    Machine,
    Member,
    Network,
    Place,
    Port,
)
from sandbox.fabric.network import Networks, choose_pool, inside

CLIENT = IPv4Address("203.0.113.10")
RANGE = IPv4Network("10.0.0.0/16")
GATEWAY = IPv4Address("10.0.1.1")
DENIED = 0.3
"""Seconds after which a packet that was dropped will not come any more; nothing here is slower."""


def port(owner, address, *, place=Place.MACHINE, network="one", **rest):
    return Port(
        id=f"/{network}/nic/{owner}",
        place=place,
        owner=f"/{network}/{owner}",
        address=IPv4Address(address),
        gateway=GATEWAY,
        **rest,
    )


def machine(of, *, network="one", incarnation="1"):
    return Machine(
        id=of.owner,
        incarnation=incarnation,
        group=of.owner,
        name=of.owner.rpartition("/")[2],
        hostname="host",
        network=f"/{network}",
        port=of.id,
        address=of.address,
        image="debian-12",
        user_data=b"",
        vcpus=1,
        memory=512,
    )


def network(*ports, name="one", frontends=()):
    return Network(id=f"/{name}", name=name, ranges=(RANGE,), ports=ports, frontends=frontends)


def database(*ports, identity="/one/db"):
    return Database(
        id=identity,
        incarnation="1",
        name="db",
        host="db.example",
        version="15",
        administrator="admin",
        password="",
        ports=tuple(found.id for found in ports),
    )


def frontend(address, member, *, name="front", port=80):
    return Frontend(
        id=f"/lb/{name}",
        address=IPv4Address(address),
        port=port,
        member_port=8080,
        members=(Member(port=member.id, address=member.address),),
    )


def blueprint(*networks, databases=()):
    """All machines of the networks' ports are there."""
    return Blueprint(
        networks=networks,
        machines=tuple(
            machine(found, network=each.name)
            for each in networks
            for found in each.ports
            if found.place is Place.MACHINE
        ),
        databases=databases,
    )


def everyone(front):
    return tuple(member.address for member in front.members)


def new_prefix():
    """As a sandbox's begins, for tests of the machine beside this one (tests/support/traces.py).

    No sandbox's goes on with a t, and no other test of this moment has these digits.
    """
    return f"opt{secrets.token_hex(3)}"


class Town:
    """One sandbox of a test."""

    def __init__(self, folder: Path):
        self.prefix = new_prefix()
        self.pool = choose_pool(folder, self.prefix)
        self.networks = self.another()

    def another(self):
        """As a daemon that starts after `kill -9` has it: nothing is known yet."""
        return Networks(self.prefix, self.pool, CLIENT)

    def settle(self, *networks, databases=()):
        self.networks.settle(blueprint(*networks, databases=databases), everyone)

    def place(self, owner):
        return self.networks.namespace(owner)

    def serve(self, owner, address, port=8080):
        with inside(self.place(owner)):
            return socket.create_server((str(address), port))


def reach(namespace, address, port=8080, *, source=None, timeout=2.0):
    """A connection from a namespace ("": the root one)."""
    with inside(namespace) if namespace else nullcontext():
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout)
        if source is not None:
            made.bind((str(source), 0))
        made.connect((str(address), port))
    except BaseException:
        made.close()
        raise
    return made


def answers(namespace, address, port=8080, **how):
    """Whether a connection comes about; waits long, because this machine may be busy."""
    try:
        reach(namespace, address, port, timeout=10, **how).close()
    except TimeoutError:
        return False
    return True


def denied(namespace, address, port=8080, **how):
    """Whether nothing at all comes back."""
    try:
        reach(namespace, address, port, timeout=DENIED, **how).close()
    except TimeoutError:
        return True
    return False


def talks(connection, server):
    """Whether both ends of a connection hear each other."""
    connection.settimeout(2)
    server.settimeout(2)
    connection.sendall(b"question")
    asked = server.recv(100)
    server.sendall(b"answer")
    return asked == b"question" and connection.recv(100) == b"answer"


def ip(*words, namespace=""):
    within = ["-n", namespace] if namespace else []
    done = subprocess.run(["ip", *within, *words], capture_output=True, text=True, check=True)
    return done.stdout


@contextmanager
def closing(*sockets) -> Iterator[None]:
    try:
        yield
    finally:
        for each in sockets:
            each.close()
