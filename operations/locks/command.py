"""The command behind scripts/unlock: explain, decide, back up, clear."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from operations.errors import OperationError
from operations.locks import pending
from operations.locks.holder import Holder, holder_of
from operations.locks.pending import Pending
from operations.locks.reading import Asking, Lock, locks
from operations.stack import Backend, exported_state


def run(options: argparse.Namespace, backend: Backend) -> None:
    """Say who holds the stack, and take the lock away where that is safe. Raises OperationError."""
    asking = Asking(options.stack, backend.variables(options.stack), options.file)
    held = locks(asking)
    state = exported_state(options.stack, backend)
    left = pending.read(state, options.stack)
    if not held:
        _say(f"stack '{options.stack}' is not locked")
        _say(*_told(left, options))
        return
    holders = [holder_of(each) for each in held]
    for lock, holder in zip(held, holders, strict=True):
        _say(*_described(lock, holder))
    _say(*_told(left, options))
    if options.show:
        return
    _decide(options, holders)
    kept = _keep(options.backups, options.stack, state)
    _say(f"its state as it is now: {kept}")
    if locks(asking) != held:
        raise _refused(
            options, "somebody else took or gave back the lock meanwhile", "run it again"
        )
    asking.said("cancel", "--yes", "--stack", options.stack)
    if locks(asking):
        raise _refused(options, "it is locked again: somebody began to work on it", "wait for them")
    _say(f"the lock of stack '{options.stack}' is taken away", *_next(left, options))


def _described(lock: Lock, holder: Holder) -> Iterator[str]:
    who = f"{lock.user}@{lock.host}" if lock.host else "somebody"
    if lock.process is not None:
        who += f", process {lock.process}"
    since = f", since {_moment(lock.since)}" if lock.since else ""
    yield f"locked by {who}{since}"
    yield f"  where: {lock.where}"
    yield f"  now:   {holder.why}"


def _moment(since: datetime) -> str:
    minutes = int((datetime.now(UTC) - since).total_seconds()) // 60
    hours, days = minutes // 60, minutes // (24 * 60)
    age = f"{days} days" if days > 1 else f"{hours} hours" if hours > 1 else f"{minutes} minutes"
    return f"{since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC ({age} ago)"


def _told(left: Sequence[Pending], options: argparse.Namespace) -> Iterator[str]:
    """Yield what was under way."""
    if left:
        yield f"an update of stack '{options.stack}' had begun and not ended:"
        for each in left:
            yield f"  {each.kind} {each.name}: {each.meaning}"
            yield f"    {each.urn}"


def _next(left: Sequence[Pending], options: argparse.Namespace) -> Iterator[str]:
    """Yield what to do now."""
    if not left:
        yield "nothing was under way in its state"
    elif options.cloud:
        yield f"pulumi refresh -s {options.stack} asks about each that was being created: look in"
        yield "the cloud, and give its id, or say that it is not there; then pulumi up"
    else:
        yield f"scripts/up --stack {options.stack} looks at what is really there, and goes on"


def _decide(options: argparse.Namespace, holders: Sequence[Holder]) -> None:
    """Return where the lock may be taken away. Raises OperationError where not."""
    living = next((each for each in holders if each.state == "living"), None)
    if living is not None:
        fix = "wait for it; Ctrl-C where it runs, or kill -INT, has it end in good order"
        raise _refused(options, living.why, fix)
    unknown = next((each for each in holders if each.state == "unknown"), None)
    if unknown is None:
        return
    if not sys.stdin.isatty():
        words = ", and --yes is no answer to that" if options.yes else ""
        why = f"{unknown.why}: whether it still works cannot be seen from here{words}"
        fix = "see there that no pulumi runs, then run this in a terminal and type the stack's name"
        raise _refused(options, why, fix)
    _say(
        "whether it still works cannot be seen from here. Two updates at once can lose resources:",
        "see first that nobody's pulumi, and no pipeline, works on this stack.",
    )
    sys.stderr.write("Type the stack's name to take the lock away: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != options.stack:
        raise _refused(options, "the answer was not the stack's name", "run it again")


def _keep(folder: Path, stack: str, state: str) -> Path:
    """Write *state* where only its owner may read it; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    file = folder / f"{stack}.{moment}.state.json"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(state)
    return file


def _refused(options: argparse.Namespace, why: str, fix: str) -> OperationError:
    return OperationError("the lock stays", f"stack '{options.stack}'", why, fix)


def _say(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"{line}\n")
