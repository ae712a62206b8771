"""A model folder of its own for each test."""

import json
import shutil

import pytest

from tests.support.r import ROOT


class Folder:
    """A copy of the iris folder that a test may spoil."""

    def __init__(self, path):
        self.path = path

    def write(self, name, content):
        """Put *content* (bytes, text or what becomes JSON) in the place of a part."""
        if not isinstance(content, bytes):
            text = content if isinstance(content, str) else json.dumps(content)
            content = text.encode()
        (self.path / name).write_bytes(content)

    def change(self, part, /, **values):
        """Change values of a JSON part; None removes one."""
        found = json.loads((self.path / part).read_text()) | values
        self.write(part, {key: value for key, value in found.items() if value is not None})


@pytest.fixture
def iris(tmp_path):
    """The sample."""
    return Folder(shutil.copytree(ROOT / "models" / "iris", tmp_path / "iris"))
