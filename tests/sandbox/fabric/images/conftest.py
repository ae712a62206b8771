import os
from pathlib import Path

import pytest

from sandbox.fabric.images import DEFAULT, Images, unavailable


@pytest.fixture(scope="session")
def images() -> Images:
    """The checkout's own."""
    if os.geteuid() != 0:
        pytest.skip("images need root")
    if reasons := unavailable():
        pytest.skip("; ".join(reasons))
    found = Images(DEFAULT)
    if missing := found.missing():
        pytest.skip(f"scripts/setup has not built {', '.join(missing)}")
    return found


@pytest.fixture
def folder(images: Images, tmp_path: Path) -> Path:
    """A folder of images that has the checkout's base and downloads, and nothing else."""
    found = tmp_path / "images"
    found.mkdir()
    base = DEFAULT.joinpath("base").readlink()
    for name in ("authority", "packages", base.name):
        (found / name).symlink_to(DEFAULT / name)
    (found / "base").symlink_to(base)
    return found
