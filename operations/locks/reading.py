"""Reads the lock of a stack, in whatever backend Pulumi keeps it.

A backend of files, in a folder or in a store of a cloud, has one JSON file a lock, with process,
user, host and moment (`lockContent` in pkg/backend/diy/lock.go of v3.200.0). In a folder the files
are read; elsewhere Pulumi is asked for something that takes the lock and does nothing, and says
who has it when it can't. Pulumi Cloud keeps no such file: it knows only that an update runs.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from operations.errors import OperationError
from operations.stack import PROJECT, program

NAME = "operationalization"
"""The project's, in Pulumi.yaml."""

SECONDS = 120.0

LARGEST_PROCESS = 2**31
"""`pid_t` has 32 bits, with a sign."""

_SAID = re.compile(
    r"^\s+(?P<where>\S.*): created by (?P<user>.*)@(?P<host>[^@\s]*) \(pid (?P<process>\d+)\)"
    r" at (?P<moment>\S+)$",
    re.MULTILINE,
)
"""A lock as `checkForLock` of the same file says it."""

_LOCKED = "the stack is currently locked by"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """Who holds a stack, as far as the backend says so."""

    where: str
    user: str = ""
    host: str = ""
    process: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """A stack that is asked about, and how Pulumi reaches it."""

    stack: str
    variables: Mapping[str, str]
    stack_file: Path

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Pulumi in the project, whatever comes of it."""
        try:
            return subprocess.run(
                [program(self.variables), *arguments, "--non-interactive"],
                cwd=PROJECT,
                env=dict(self.variables),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            why = f"Pulumi did not answer within {SECONDS:.0f} seconds"
            raise self.refusal(why, "try again") from None

    def said(self, *arguments: str) -> str:
        """Return what Pulumi prints. Raises OperationError when it fails."""
        done = self.pulumi(*arguments)
        if done.returncode:
            why = done.stderr.strip().removeprefix("error: ") or "Pulumi failed without a word"
            raise self.refusal(why, "pulumi login signs in to a backend; pulumi stack ls lists it")
        return done.stdout

    def refusal(self, why: str, fix: str) -> OperationError:
        """Return the error of a lock that cannot be looked at."""
        return OperationError(
            "the lock of the stack cannot be read", f"stack '{self.stack}'", why, fix
        )


def locks(asking: Asking) -> tuple[Lock, ...]:
    """Return who holds the stack. Raises OperationError when nobody can tell."""
    url = str(json.loads(asking.said("whoami", "--json")).get("url") or "")
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return tuple(in_folder(folder_of(url), asking.stack))
    if scheme in ("http", "https"):
        return tuple(_of_service(asking, url))
    return told_by_pulumi(asking)


def folder_of(url: str) -> Path:
    """Return the folder of a backend of files: `file:///path` or `file://~`, with %20 and such."""
    parts = urlsplit(url)
    return Path(unquote(f"{parts.netloc}{parts.path}")).expanduser()


def in_folder(folder: Path, stack: str) -> Iterator[Lock]:
    """Yield the locks of *stack* in a backend's folder, of its newer layout and its older one."""
    top = folder / ".pulumi" / "locks"
    for place in (top / "organization" / NAME / stack, top / stack):
        for file in sorted(place.glob("*.json")):
            yield _of_file(file)


def _of_file(file: Path) -> Lock:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Lock(
            where=str(file),
            user=_shown(found["username"]),
            host=_shown(found["hostname"]),
            process=_process(found["pid"]),
            since=_moment(str(found.get("timestamp") or "")),
        )
    except (OSError, ValueError, OverflowError, KeyError, TypeError):
        # One that is half written, or of another Pulumi: whose it is nobody can tell.
        return Lock(where=str(file))


def told_by_pulumi(asking: Asking) -> tuple[Lock, ...]:
    """Return what Pulumi says when it cannot take the lock; none when it can.

    What takes it is a look at the stack's own entry in the state, which no cloud is asked about.
    """
    entry = f"urn:pulumi:{asking.stack}::{NAME}::pulumi:pulumi:Stack::{NAME}-{asking.stack}"
    with tempfile.TemporaryDirectory() as folder:
        # Pulumi writes a salt into a stack file that has none.
        copy = Path(folder) / asking.stack_file.name
        copy.write_bytes(asking.stack_file.read_bytes() if asking.stack_file.is_file() else b"")
        look = ["refresh", "--preview-only", "--stack", asking.stack, "--target", entry]
        done = asking.pulumi(*look, "--config-file", str(copy))
    if not done.returncode:
        return ()
    words = done.stdout + done.stderr
    if _LOCKED not in words:
        why = done.stderr.strip().removeprefix("error: ") or "Pulumi failed without a word"
        raise asking.refusal(why, "mend that, and run it again")
    return tuple(
        Lock(
            where=_shown(found["where"]),
            user=_shown(found["user"]),
            host=_shown(found["host"]),
            process=_process(found["process"]),
            since=_moment(found["moment"]),
        )
        for found in _SAID.finditer(words)
    ) or (Lock(where="the backend"),)


def _of_service(asking: Asking, url: str) -> Iterator[Lock]:
    stacks: Sequence[Mapping[str, object]] = json.loads(asking.said("stack", "ls", "--json"))
    for each in stacks:
        name = str(each.get("name") or "").rpartition("/")[2]
        if name == asking.stack and each.get("updateInProgress"):
            yield Lock(where=url)


def _shown(found: object) -> str:
    """Return what can be printed of a text that whoever reaches the backend may have written."""
    return "".join(each for each in str(found) if each.isprintable())


def _process(found: object) -> int | None:
    """Return the number of a process, None where no kernel gives such a one."""
    number = int(str(found))
    return number if 0 < number < LARGEST_PROCESS else None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
