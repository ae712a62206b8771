"""Network namespaces: the ones that have a name in /run/netns, and how to work inside of them.

Python 3.11 has no `os.setns`. A thread's namespace is the thread's own, so `call` uses a thread
that ends afterwards; `inside` moves the calling thread for a moment.
"""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sandbox.fabric.contract import FabricError

FOLDER = Path("/run/netns")
"""Where `ip netns` keeps them (iproute2, ip-netns(8))."""
ROOT = ""
"""The root namespace, which has no name."""

_Result = TypeVar("_Result")
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def path(name: str) -> Path:
    """The file that stands for a namespace."""
    return FOLDER / name


def _enter(file: Path) -> None:
    there = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _move(there, str(file))
    finally:
        os.close(there)


def _move(there: int, what: str) -> None:
    if _LIBC.setns(there, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"can't enter a network namespace: {os.strerror(number)}", what)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Have the calling thread in a namespace: sockets made there stay there.

    Other threads are not concerned, and threads started meanwhile begin in it.

    Raises:
        OSError: there is no such namespace, or this process is not root's.
    """
    back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Back in any case: Ctrl-C may come right after the way there.
        try:
            _enter(path(name))
            yield
        finally:
            _move(back, "the one of before")
    finally:
        os.close(back)


def call(name: str, function: Callable[[], _Result]) -> _Result:
    """Return what *function* returns in a namespace; the calling thread stays where it is.

    Raises:
        OSError: there is no such namespace; and whatever *function* raises.
    """
    if name == ROOT:
        return function()
    result: Future[_Result] = Future()

    def work() -> None:
        try:
            _enter(path(name))
            result.set_result(function())
        except BaseException as error:
            result.set_exception(error)

    thread = threading.Thread(target=work, name=f"in {name}", daemon=True)
    thread.start()
    try:
        thread.join()
    finally:
        # Ctrl-C in the calling thread: what was begun is short, and half of it is worse.
        thread.join()
    return result.result()


def run(name: str, command: Sequence[str], text: str = "") -> str:
    """Return what a command prints that runs in a namespace and reads *text*.

    Raises:
        FabricError: it is not installed, or failed.
        OSError: there is no such namespace.
    """
    # A session of its own: Ctrl-C at the terminal must not end `ip` between two of its lines.
    try:
        done = call(
            name,
            lambda: subprocess.run(
                command,
                input=text,
                capture_output=True,
                text=True,
                check=False,
                start_new_session=True,
            ),
        )
    except FileNotFoundError as error:
        if error.filename != command[0]:
            raise
        raise FabricError(
            f"{command[0]} is not installed, which the sandbox's networks need: run scripts/setup"
        ) from error
    if done.returncode != 0:
        where = f"in network namespace {name}" if name else "in the root namespace"
        raise FabricError(
            f"{' '.join(command)} failed {where}: {done.stderr.strip() or done.returncode}"
            + (f"\nit was given:\n{text}" if text else "")
        )
    return done.stdout


def batch(name: str, lines: Iterable[str], *, force: bool = False) -> None:
    """Let one `ip` do all *lines* in a namespace. *force*: what fails is left out."""
    given = "\n".join(lines)
    if given:
        try:
            run(name, ["ip", *(["-force"] if force else []), "-batch", "-"], f"{given}\n")
        except FabricError:
            if not force:
                raise


def existing(prefix: str) -> set[str]:
    """Names of a sandbox's namespaces, dead ones too (`is_alive`)."""
    return {file.name for file in FOLDER.glob(f"{prefix}-*")}


def is_alive(name: str) -> bool:
    """Whether there is a namespace behind a name.

    Where /run is a disk, names outlive the kernel, and so does a file that was never mounted over.
    """
    try:
        return path(name).stat().st_dev == Path("/proc/thread-self/ns/net").stat().st_dev
    except FileNotFoundError:
        return False


def create(wanted: Iterable[str]) -> None:
    """Make namespaces. Raises FabricError."""
    batch(ROOT, (f"netns add {name}" for name in wanted))


def remove(doomed: Iterable[str]) -> None:
    """Take the names away; the kernel ends a namespace when nobody is in it any more."""
    batch(ROOT, (f"netns del {name}" for name in doomed), force=True)


def interfaces(name: str) -> set[str]:
    """Names of a namespace's interfaces, without `lo`. Raises OSError."""
    return {found for _, found in call(name, socket.if_nameindex)} - {"lo"}


def switch_on_loopback(name: str) -> None:
    """Have 127.0.0.1 in a namespace. Raises OSError."""

    def switch() -> None:
        # netdevice(7): struct ifreq of 40 bytes, the name and then the flags.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _IFF_UP))

    call(name, switch)


def write_settings(name: str, settings: Mapping[str, str]) -> None:
    """Set kernel parameters of a namespace, by path below /proc/sys/net; those that exist.

    Raises:
        OSError: there is no such namespace, or the kernel refuses a value.
    """

    def write() -> None:
        for where, value in settings.items():
            file = Path("/proc/sys/net") / where
            # ipv6/ is missing on machines without it: then there is nothing to switch off.
            if file.exists() and file.read_text().strip() != value:
                file.write_text(value)

    call(name, write)
