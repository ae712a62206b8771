"""Which stacks a change may touch: `python -m operations.touched`, what scripts/stacks runs.

The standard library alone, because a pipeline asks this before anything is set up. In doubt a stack
is touched: a preview too many costs seconds.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from operations.errors import OperationError

ROOT = Path(__file__).resolve().parents[1]

NOTHING = (
    *(".ci/", ".github/", ".gitignore", "README.md", "docs/", "operations/", "pipelines/"),
    *("pyproject.toml", "requirements-dev.in", "requirements-dev.txt", "sandbox/", "scripts/"),
    *("stacks/base.schema.json", "stacks/environment.schema.json", "templates/", "tests/"),
)
"""What is no part of the program, nor of what it deploys; a folder ends with a slash."""

FILE = re.compile(r"stacks/Pulumi\.([A-Za-z0-9][A-Za-z0-9_.-]{0,99})\.yaml")
BASE = re.compile(r"stacks/bases/([a-z0-9-]+)\.yaml")
OVER = re.compile(
    r"^\s*(?:operationalization:)?base:\s*[\"']?([a-z0-9-]+)[\"']?\s*(?:#.*)?$", re.MULTILINE
)


def main(arguments: Sequence[str]) -> int:
    """Print the names; 0, or 1 when git cannot say what changed."""
    parser = argparse.ArgumentParser(prog="scripts/stacks")
    parser.add_argument("--against")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--only", type=str.split)
    parser.add_argument("--without", type=str.split, default=[])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--matrix", action="store_true")
    options = parser.parse_args(arguments)
    try:
        names = known(ROOT)
        if options.against:
            names = touched(ROOT, changed(ROOT, options.against))
    except OperationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name in (*(options.only or ()), *options.without):
        if name not in known(ROOT):
            # Not an error: the change that is looked at may be the one that takes it away.
            sys.stderr.write(f"no stack '{name}' in stacks/: blanks are what parts names\n")
    if options.real:
        names = [name for name in names if not for_development(name)]
    if options.only is not None:
        names = [name for name in names if name in options.only]
    names = [name for name in names if name not in options.without]
    if options.matrix:
        # A leg's name is of letters, digits and underscores on Azure Pipelines.
        legs = {re.sub(r"\W", "_", name): {"stack": name} for name in names}
        sys.stdout.write(f"{json.dumps(legs)}\n")
    else:
        sys.stdout.write(
            f"{json.dumps(names)}\n" if options.json else "".join(f"{n}\n" for n in names)
        )
    return 0


def for_development(stack: str) -> bool:
    """Whether *stack* is one to try things in, and in no account, as in scripts/up."""
    return stack == "dev" or stack.startswith("dev-")


def known(root: Path) -> list[str]:
    """Return the names of all stacks."""
    files = (path.relative_to(root).as_posix() for path in root.glob("stacks/Pulumi.*.yaml"))
    return sorted(found[1] for found in map(FILE.fullmatch, files) if found)


def touched(root: Path, paths: Iterable[str]) -> list[str]:
    """Return the stacks that a change of *paths* may touch."""
    stacks, bases = set[str](), set[str]()
    for path in paths:
        if found := FILE.fullmatch(path):
            stacks.add(found[1])
        elif found := BASE.fullmatch(path):
            bases.add(found[1])
        elif not any(
            path.startswith(each) if each[-1] == "/" else path == each for each in NOTHING
        ):
            return known(root)
    return [name for name in known(root) if name in stacks or bases & set(below(root, name))]


def below(root: Path, stack: str) -> Iterator[str]:
    """Yield the bases of *stack*, and theirs."""
    seen = set[str]()
    waiting = OVER.findall((root / f"stacks/Pulumi.{stack}.yaml").read_text())
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        path = root / f"stacks/bases/{name}.yaml"
        if path.is_file():
            waiting += OVER.findall(path.read_text())


def changed(root: Path, ref: str) -> list[str]:
    """Return the paths that differ from where this branch left *ref*, committed or not.

    Raises:
        OperationError: git knows no such commit, or not the way to it.
    """
    base = _git(root, ref, "merge-base", "--end-of-options", ref, "HEAD").strip()
    named = _git(root, ref, "diff", "--name-only", "--no-renames", "-z", base)
    new = _git(root, ref, "ls-files", "--others", "--exclude-standard", "-z")
    return [path for path in (named + new).split("\0") if path]


def _git(root: Path, ref: str, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OperationError(
            "what changed cannot be told",
            f"{root}, against {ref}",
            done.stderr.strip() or "there is no commit that both have",
            "fetch its whole history: git fetch --unshallow; actions/checkout with fetch-depth: 0",
        )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
