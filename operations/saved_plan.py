"""A plan that Pulumi saved, bound to what it was made from: program, stack file, stack, state.

Pulumi's own file holds each step and each value that an update may bring, and the engine holds the
update to it. It doesn't say of what program and state, so that an old plan is found out in the
middle of an update, or fits by chance. What it was made from is therefore written into the same
file (the engine ignores a key that it does not know), and looked at before anything begins.

Secrets in a plan are encrypted by the stack's secrets provider, as in its state.

    python -m operations.saved_plan seal|check FILE --root FOLDER --stack NAME --stack-file FILE
"""

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from operations.errors import OperationError

PROGRAM: Final = (
    *("__main__.py", "Pulumi.yaml", "requirements.txt", "stacks/bases"),
    *("components", "container", "model_folders", "models", "operationalization", "policies"),
    "server",
)
"""What a deployment is made from, beside the stack file: the program, and what it takes along."""

KEY: Final = "operationalization"
LARGEST: Final = 256 * 1024 * 1024
MOST_NAMED: Final = 4
"""Changed files that a message names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What a plan was made from."""

    stack: str
    backend: str
    state: str
    """Moment at which the stack's state was last written; empty for a new stack."""
    files: Mapping[str, str]
    """Sum of each file by its path."""
    commit: str
    made: str


def seal(path: Path, origin: Origin) -> None:
    """Write *origin* into Pulumi's plan at *path*, which nobody else may read from then on."""
    plan = _read(path)
    plan[KEY] = asdict(origin)
    with _replacing(path) as file:
        file.write(json.dumps(plan, indent=1) + "\n")


def check(path: Path, now: Origin, *, cloud: bool = False) -> Origin:
    """Return what the plan at *path* was made from. Raises OperationError when that has changed.

    With *cloud* the words are for a stack that is not on the sandbox.
    """
    plan = _read(path)
    try:
        found = plan[KEY]
        made = Origin(**{name: found[name] for name in Origin.__slots__})
        reasons = list(_stale(made, now))
    except (KeyError, TypeError, AttributeError):
        raise _no_plan(path, "it does not say what it was made from") from None
    if reasons:
        raise OperationError(
            "the plan is not for what would be deployed now",
            f"{path}, made {made.made} from {made.commit}",
            "; ".join(reasons),
            f"make it anew, and read it: scripts/preview{' --cloud' if cloud else ''} "
            f"--stack {now.stack} --save-plan {path}",
        )
    return made


def _stale(made: Origin, now: Origin) -> Iterator[str]:
    if made.stack != now.stack:
        yield f"it is for stack '{made.stack}', and this is '{now.stack}'"
    if made.backend != now.backend:
        yield f"it is for the backend {made.backend}, and this is {now.backend}"
    elif made.stack == now.stack and made.state != now.state:
        yield "the stack was worked on since"
    changed = sorted(
        path
        for path in made.files.keys() | now.files.keys()
        if made.files.get(path) != now.files.get(path)
    )
    if changed:
        more = len(changed) - MOST_NAMED
        names = ", ".join(changed[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        yield f"changed since: {names}"


def origin_of(stack: str, stack_file: Path, backend: str, root: Path) -> Origin:
    """Return what a plan made now is made from, of the project in *root*.

    Raises OperationError when Pulumi can't say.
    """
    return Origin(
        stack=stack,
        backend=backend or _backend(root),
        state=_state(stack, root),
        files=dict(_files(root, stack_file)),
        commit=_commit(root),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _files(root: Path, stack_file: Path) -> Iterator[tuple[str, str]]:
    yield f"stacks/{stack_file.name}", _sum(stack_file)
    for name in PROGRAM:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root).as_posix(), _sum(path)


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def _commit(root: Path) -> str:
    """Return words for the commit; what decides are the files' sums."""
    try:
        head = _run(["git", "rev-parse", "--short=12", "HEAD"], root).strip()
        changed = _run(["git", "status", "--porcelain"], root).strip()
    except (OSError, subprocess.CalledProcessError):
        return "a folder without commits"
    return f"commit {head}{' and changes that are not committed' if changed else ''}"


def _state(stack: str, root: Path) -> str:
    exported = json.loads(_pulumi("stack", "export", "--stack", stack, root=root))
    deployment = exported.get("deployment") or {}
    return str((deployment.get("manifest") or {}).get("time") or "")


def _backend(root: Path) -> str:
    return str(json.loads(_pulumi("whoami", "--json", root=root)).get("url") or "")


def _pulumi(*arguments: str, root: Path) -> str:
    try:
        return _run(["pulumi", *arguments, "--non-interactive"], root)
    except subprocess.CalledProcessError as error:
        raise OperationError(
            "nobody knows whether the plan is for this stack",
            f"pulumi {' '.join(arguments)}",
            str(error.stderr).strip().removeprefix("error: ") or "Pulumi failed without a word",
            "pulumi stack ls shows what the backend has; pulumi login signs in to one",
        ) from None


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    return done.stdout


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        found = json.loads(text) if len(text) <= LARGEST else None
    except OSError as error:
        raise _no_plan(path, f"it cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise _no_plan(path, "it is not JSON") from None
    if not isinstance(found, dict) or not {"manifest", "resourcePlans"} <= found.keys():
        raise _no_plan(path, "it is no plan of Pulumi's")
    return found


def _no_plan(path: Path, why: str) -> OperationError:
    fix = "make one: scripts/preview --stack NAME --save-plan FILE"
    return OperationError("there is no plan to go by", str(path), why, fix)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Any]:
    """Give a file beside *path* that only its owner may read, and put it there at the end."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def main(arguments: Sequence[str]) -> int:
    """Seal a plan that was just made, or say whether it is still good."""
    parser = argparse.ArgumentParser(prog="operations.saved_plan")
    parser.add_argument("step", choices=("seal", "check"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--stack-file", type=Path, required=True)
    parser.add_argument("--backend", default="")
    parser.add_argument("--cloud", action="store_true")
    options = parser.parse_args(arguments)
    try:
        if options.step == "check":
            _read(options.file)
        now = origin_of(options.stack, options.stack_file, options.backend, options.root)
        if options.step == "seal":
            seal(options.file, now)
        else:
            made = check(options.file, now, cloud=options.cloud)
            sys.stderr.write(f"going by the plan of {made.made}, from {made.commit}\n")
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
