"""The library's wheel: all that a program needs, exact versions, another version if it differs."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import types
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def module(root: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """scripts/lib/distribution.py of the tree *root*; hatchling itself is not needed for it."""
    interface = types.ModuleType("hatchling.metadata.plugin.interface")
    interface.MetadataHookInterface = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    path = root / "scripts/lib/distribution.py"
    spec = importlib.util.spec_from_file_location("distribution", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_locked_version_is_a_dependency(monkeypatch):
    found = module(ROOT, monkeypatch)
    text = (ROOT / "requirements.txt").read_text()
    names = re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE)
    assert [each.partition("==")[0] for each in found.locked("requirements.txt")] == names
    assert 'cffi==2.1.1 ; platform_python_implementation != "PyPy"'.replace(
        '"', "'"
    ) in found.locked("requirements.txt")
    metadata: dict[str, object] = {}
    found.CustomMetadataHook().update(metadata)
    tests = metadata["optional-dependencies"]["tests"]
    assert [each.partition("==")[0] for each in tests] == sorted(found.FOR_TESTS)


def test_another_content_is_another_version(monkeypatch, tmp_path):
    for name in ("scripts/lib", "operationalization", "container"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    before = module(tmp_path, monkeypatch).version()
    assert module(tmp_path, monkeypatch).version() == before
    (tmp_path / "container" / "more").write_text("x")
    assert module(tmp_path, monkeypatch).version() != before


def test_what_is_packed_is_what_is_counted(monkeypatch):
    packed = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert tuple(packed) == module(ROOT, monkeypatch).PACKED


@pytest.mark.engine
def test_the_wheel_has_it_all_and_pins_it_all():
    printed = subprocess.run(
        [ROOT / "scripts/wheel", "--path"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with zipfile.ZipFile(printed) as wheel:
        names = wheel.namelist()
        [metadata] = [name for name in names if name.endswith("METADATA")]
        fields = message_from_string(wheel.read(metadata).decode())
    wanted = subprocess.run(
        ["git", "ls-files", *PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not set(wanted) - set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]
    pins = fields.get_all("Requires-Dist")
    assert pins
    assert all(re.match(r"^[a-z0-9._-]+==[^ ;]+(; .*)?$", each) for each in pins)
