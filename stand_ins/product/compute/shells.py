"""The pool of R shells: one connection to Rserve is one R process (facts.md 14.3)."""

import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

LONGEST_SECONDS = 1900.0
START_SECONDS = 60.0
WAIT_SECONDS = 60.0

log = logging.getLogger("stand_in")


class ShellError(Exception):
    """A shell that ended, or none that could be had."""


class Shell:
    """One R process."""

    def __init__(self, port: int) -> None:
        """Ask Rserve for it.

        Raises:
            ShellError: there is none.
        """
        try:
            self._connection = socket.create_connection(("127.0.0.1", port), START_SECONDS)
        except OSError as error:
            raise ShellError(f"Rserve does not answer on {port}: {error}") from error
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._connection.makefile("rb")
        self._cancels = port + 1
        self.ask({"operation": "ping"}, START_SECONDS)

    def ask(self, request: dict[str, Any], seconds: float = LONGEST_SECONDS) -> dict[str, Any]:
        """Return the shell's answer.

        Raises:
            ShellError: the process ended, or takes too long.
        """
        mark = secrets.token_hex(8)
        aside = []
        try:
            self._connection.settimeout(seconds)
            self._connection.sendall(json.dumps(request | {"mark": mark}).encode() + b"\n")
            while line := self._lines.readline():
                if line.startswith(mark.encode()):
                    answer: dict[str, Any] = json.loads(line[len(mark) :])
                    aside.append(str(answer["consoleOutput"]))
                    return answer | {"consoleOutput": "".join(aside)}
                aside.append(line.decode(errors="replace"))
        except (OSError, ValueError) as error:
            raise ShellError(f"the R shell failed: {type(error).__name__}") from error
        raise ShellError("the R shell ended")

    def cancel(self) -> None:
        """Interrupt what the process does: Rserve's next port is for that (facts.md 7)."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._cancels), 5) as other:
            other.sendall(f"{self._connection.getsockname()[1]}\n".encode())

    def close(self) -> None:
        """End the process."""
        with suppress(OSError):  # It may be gone already.
            self._connection.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self._connection.close()


class Pool:
    """Shells that wait for work."""

    def __init__(self, port: int, initial: int, most: int) -> None:
        self.port = port
        self.initial = initial
        self.most = most
        self.can_open = False
        self._idle: list[Shell] = []
        self._taken = 0
        self._closed = False
        self._change = threading.Condition()

    @property
    def filled(self) -> bool:
        """Whether the first shells are there."""
        return len(self._idle) + self._taken >= self.initial

    def close(self) -> None:
        """End the shells that wait; one at work ends when it is given back."""
        self._closed = True
        with self._change:
            idle, self._idle = self._idle, []
        for shell in idle:
            shell.close()

    def fill(self) -> None:
        """Make the first shells, and try again for as long as Rserve gives none."""
        while not (self.filled or self._closed):
            try:
                shell = self._open()
            except ShellError as error:
                log.warning("no R shell: %s", error)
                time.sleep(1)
                continue
            with self._change:
                self._idle.append(shell)
                self._change.notify()

    def _open(self) -> Shell:
        try:
            shell = Shell(self.port)
        except ShellError:
            self.can_open = False
            raise
        self.can_open = True
        return shell

    def counts(self) -> tuple[int, int]:
        """Return how many shells work, and how many there are."""
        with self._change:
            return self._taken, self._taken + len(self._idle)

    def take(self) -> Shell:
        """Return a shell for its taker alone.

        Raises:
            ShellError: all are at work, or none can be made.
        """
        with self._change:
            free = self._change.wait_for(
                lambda: self._idle or self._taken < self.most, WAIT_SECONDS
            )
            if not free:
                raise ShellError("BackEndBusy Exception: all R shells are at work")
            self._taken += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._open()
        except ShellError:
            self._left()
            raise

    def give(self, shell: Shell) -> None:
        """Take a shell back that answered all it was asked."""
        if self._closed:
            self.drop(shell)
            return
        with self._change:
            self._taken -= 1
            self._idle.append(shell)
            self._change.notify()

    def drop(self, shell: Shell) -> None:
        """End a shell that nobody else may have."""
        shell.close()
        self._left()

    def _left(self) -> None:
        with self._change:
            self._taken -= 1
            self._change.notify()

    @contextmanager
    def shell(self) -> Iterator[Shell]:
        """Lend a shell; one that failed its user ends."""
        shell = self.take()
        try:
            yield shell
        except BaseException:
            self.drop(shell)
            raise
        self.give(shell)
