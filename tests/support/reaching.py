"""Which addresses answer from somewhere, tried with real packets."""

from collections.abc import Iterable, Sequence
from typing import Protocol

ASK = """
import concurrent.futures, os, socket, sys

KINDS = {"": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

def ask(target):
    place, _, kind = target.partition("/")
    host, port = place.rsplit(":", 1)
    try:
        with socket.socket(socket.AF_INET, KINDS[kind]) as asking:
            asking.settimeout(3)
            if "SOURCE" in os.environ:
                asking.bind((os.environ["SOURCE"], 0))
            asking.connect((host, int(port)))
            if kind:
                asking.send(b"?")
                asking.recv(1)
    except ConnectionRefusedError:
        return f"refused {target}"
    except OSError:
        return ""
    return f"accepted {target}"

with concurrent.futures.ThreadPoolExecutor(min(len(sys.argv), 100)) as pool:
    print(*filter(None, pool.map(ask, sys.argv[1:])), sep="\\n")
"""
"""Prints what became of each HOST:PORT that answers within 3 seconds: nothing slow is on the way,
and a lost first packet is sent again after one second. A datagram that nobody takes is refused by
the host that it came to."""


class Done(Protocol):
    """A command that has ended."""

    stdout: str


class Run(Protocol):
    """Runs a command somewhere."""

    def __call__(self, *command: str) -> Done:
        """Run it and wait."""


def answers(run: Run, targets: Iterable[str]) -> dict[str, str]:
    """What those of *targets* (HOST:PORT or HOST:PORT/udp) say that answer where *run* runs.

    `accepted`: a service is there; `refused`: none, and yet the packets came through.
    """
    lines = run("python3", "-c", ASK, *targets).stdout.splitlines()
    return {target: said for said, target in (line.split() for line in lines if line)}


def reached(run: Run, targets: Iterable[str]) -> set[str]:
    """Those of *targets* (HOST:PORT or HOST:PORT/udp) that answer at all where *run* runs."""
    return set(answers(run, targets))


def every(hosts: Iterable[str], ports: Sequence[int], kind: str = "") -> list[str]:
    """HOST:PORT of every host and port; *kind*: `/udp` for datagrams."""
    return [f"{host}:{port}{kind}" for host in hosts for port in ports]
