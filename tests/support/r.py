"""R for tests: the one of the sandbox's image, which is the one of the nodes."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def require_r() -> None:
    """Skip where the image cannot be used, and say why."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to run R in the sandbox's image")
    if not (ROOT / ".cache" / "images" / "complete").exists():
        pytest.skip("needs the sandbox's image `complete`: scripts/setup builds it")


def command(folder: Path, *arguments: str) -> list[str]:
    """What runs `Rscript --vanilla` with *arguments* in *folder*, which alone it can write to."""
    source = f'cd "{ROOT}"; source scripts/lib/r.sh; find_image; image_rscript "$@"'
    return ["bash", "-euc", source, "rscript", str(folder), *arguments]


def rscript(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run R to its end."""
    return subprocess.run(
        command(folder, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
