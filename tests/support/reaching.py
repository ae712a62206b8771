"""Which addresses answer from somewhere, tried with real packets."""

from collections.abc import Iterable, Sequence
from typing import Protocol

ASK = """
import concurrent.futures, socket, sys

def ask(target):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 3).close()
    except ConnectionRefusedError:
        return f"refused {target}"
    except OSError:
        return ""
    return f"accepted {target}"

with concurrent.futures.ThreadPoolExecutor(min(len(sys.argv), 80)) as pool:
    print(*filter(None, pool.map(ask, sys.argv[1:])), sep="\\n")
"""
"""Prints what became of each HOST:PORT that answers within 3 seconds: nothing slow is on the way,
and a lost first packet is sent again after one second."""


class Done(Protocol):
    """A command that has ended."""

    stdout: str


class Run(Protocol):
    """Runs a command somewhere."""

    def __call__(self, *command: str) -> Done:
        """Run it and wait."""


def answers(run: Run, targets: Iterable[str]) -> dict[str, str]:
    """What those of *targets* (HOST:PORT) that answer where *run* runs commands say.

    `accepted`: a service is there; `refused`: none, and yet the packets came through.
    """
    lines = run("python3", "-c", ASK, *targets).stdout.splitlines()
    return {target: said for said, target in (line.split() for line in lines if line)}


def reached(run: Run, targets: Iterable[str]) -> set[str]:
    """Those of *targets* (HOST:PORT) that answer at all where *run* runs commands."""
    return set(answers(run, targets))


def every(hosts: Sequence[str], ports: Sequence[int]) -> list[str]:
    """HOST:PORT of every host and port."""
    return [f"{host}:{port}" for host in hosts for port in ports]
