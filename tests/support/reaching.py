"""Which addresses answer from somewhere, tried with real packets."""

from collections.abc import Iterable, Sequence
from typing import Protocol

ASK = """
import concurrent.futures, socket, sys

def ask(target):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 2).close()
    except ConnectionRefusedError:
        pass
    except OSError:
        return
    print(target)

with concurrent.futures.ThreadPoolExecutor(64) as pool:
    list(pool.map(ask, sys.argv[1:]))
"""
"""Prints each HOST:PORT that answers; a refusal is an answer: the packets came through."""


class Done(Protocol):
    """A command that has ended."""

    stdout: str


class Run(Protocol):
    """Runs a command somewhere."""

    def __call__(self, *command: str) -> Done:
        """Run it and wait."""


def reached(run: Run, targets: Iterable[str]) -> set[str]:
    """Those of *targets* (HOST:PORT) that answer where *run* runs commands."""
    return set(run("python3", "-c", ASK, *targets).stdout.split())


def every(hosts: Sequence[str], ports: Sequence[int]) -> list[str]:
    """HOST:PORT of every host and port."""
    return [f"{host}:{port}" for host in hosts for port in ports]
