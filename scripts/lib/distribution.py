"""What the library's wheel says of itself: its version by what is in it, and exact dependencies.

hatchling runs this while it builds (pyproject.toml). The version has a digest of all files that are
packed, so that another content is another version, with or without git; the dependencies are the
locks' own versions, those of dependencies included. Only hashes cannot be said in a wheel:
`scripts/new` writes them into the project's requirements.txt.
"""

import hashlib
import re
import sys
from pathlib import Path

try:
    from hatchling.metadata.plugin.interface import MetadataHookInterface
except ModuleNotFoundError:  # asked by others (below), or by a test
    MetadataHookInterface = object

ROOT = Path(__file__).resolve().parents[2]
RELEASE = "1.0"
PACKED = ("operationalization", "components", "model_folders", "server", "container")
"""As in pyproject.toml, which a test compares."""

FOR_TESTS = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")
"""What a project's own tests need beside: pytest, and what that needs."""

_BLOCK = re.compile(r"^[a-z0-9._-]+==(?:.*\\\n)*.*\n", re.MULTILINE)
_LOCKED = re.compile(r"^([a-z0-9._-]+)==([^ \\\n]+)( ; [^\\\n]+?)? ?\\?$", re.MULTILINE)


def version() -> str:
    """Return the version of what would be packed now."""
    digest = hashlib.sha256()
    for path in packed_files():
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update((ROOT / "requirements.txt").read_bytes())
    return f"{RELEASE}+{digest.hexdigest()[:12]}"


def packed_files() -> list[Path]:
    """Return the files that are packed."""
    found = (path for folder in PACKED for path in (ROOT / folder).rglob("*"))
    return sorted(
        path
        for path in found
        if path.is_file() and "__pycache__" not in path.relative_to(ROOT).parts
    )


def locked(name: str) -> list[str]:
    """Return the requirements of a lock file, without their hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [f"{name}=={version}{marker}" for name, version, marker in _LOCKED.findall(text)]


def lock_with(wheel: Path) -> str:
    """Return a project's requirements.txt: everything by its hash, *wheel* in the folder wheels."""
    ours, more = (
        _BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
        for name in ("requirements.txt", "requirements-dev.txt")
    )
    tests = [each for each in more if _name(each) in FOR_TESTS and each not in ours]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    heading = "# The components, and exactly what they and the tests need. scripts/new wrote it.\n"
    return (
        f"{heading}./wheels/{wheel.name} \\\n    --hash=sha256:{digest}\n{''.join([*ours, *tests])}"
    )


class CustomMetadataHook(MetadataHookInterface):
    """Adds the dependencies."""

    def update(self, metadata: dict[str, object]) -> None:
        """Add what is dynamic."""
        tests = [each for each in locked("requirements-dev.txt") if _name(each) in FOR_TESTS]
        metadata["dependencies"] = locked("requirements.txt")
        metadata["optional-dependencies"] = {"tests": tests}


def _name(requirement: str) -> str:
    return requirement.partition("==")[0]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["version"]:
            print(version())  # noqa: T201
        case ["lock", wheel]:
            print(lock_with(Path(wheel)), end="")  # noqa: T201
        case _:
            sys.exit("usage: distribution.py version | lock WHEEL")
