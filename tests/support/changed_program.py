"""The program as a pull request would have it: a copy of the tree with another text in it."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.support.engine import ROOT

PARTS = (
    *("Pulumi.yaml", "__main__.py", "components", "server", "model_folders", "models", "stacks"),
    "operationalization",
)


def copy_with(folder: Path, replacements: Mapping[str, tuple[str, str]]) -> Path:
    """Return a copy of the program in *folder* where in each of these files a text is another."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, folder / part)
    (folder / ".venv").symlink_to((ROOT / ".venv").resolve())
    for name, (old, new) in replacements.items():
        text = (folder / name).read_text()
        assert text.count(old) == 1, f"{name} has no single {old!r} to be changed"
        (folder / name).write_text(text.replace(old, new))
    return folder
