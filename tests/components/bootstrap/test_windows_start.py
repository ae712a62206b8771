"""The beginning of a Windows node, as `tests/support/powershell` reads it."""

import base64
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from components.bootstrap import windows
from components.bootstrap.bundle import bundle
from tests.components.bootstrap.test_windows import recipes, rendered
from tests.support import windows as support
from tests.support.powershell import Interpreter, Thing, Thrown, dotnet
from tests.support.powershell.nodes import QUIET, joined
from tests.support.powershell.values import of_json

SOURCE = Path(windows.__file__).parent
DATA = r"C:\ProgramData\Operationalization"


def started(text: str) -> dict[str, str]:
    """Run the script of user data; return what it wrote, by its whole path."""
    written: dict[str, str] = {}

    def extract(entry: Any, path: str, overwrite: bool) -> None:
        assert overwrite, "a later run would end here"
        written[path] = entry.values["content"].decode()

    made = Interpreter(
        {
            **QUIET,
            "New-Object": dotnet.new_object,
            "Join-Path": lambda path, childpath: f"{path}\\{childpath}",
            "New-Item": lambda **_: [],
        },
        statics={"IO.Compression.ZipFileExtensions::ExtractToFile": extract},
    )
    made.run(text.encode())
    return written


@pytest.mark.parametrize("cloud", ["azure", "aws"])
def test_each_file_comes_to_its_place(cloud: str) -> None:
    text = rendered(cloud, "9.4.7", "web").text
    script = text.removeprefix("<powershell>\n").removesuffix("</powershell>\n")
    written = started(script)

    files = support.files(text)
    assert written.pop(f"{DATA}\\node.json") == files.pop("node.json")
    assert written == {f"{windows.PROGRAMS}\\{name}": each for name, each in files.items()}


@pytest.mark.parametrize("name", ["../evil.ps1", "evil.exe", "a/b.ps1", "C:\\\\evil.ps1"])
def test_a_file_with_another_name_is_refused(name: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "x")
    packed = base64.b64encode(content.getvalue()).decode()
    script = (SOURCE / "start.ps1").read_text().replace("{{archive}}", packed)
    with pytest.raises(Thrown, match="is no name of a file of a node"):
        started(script)


def begun(tmp_path: Path, *, right: bool) -> tuple[list[str], bytes]:
    """Run begin.ps1 on AWS, whose bucket has the bundle, or something else."""
    _, all_recipes = recipes("aws", "9.4.7", "web")
    made = bundle(all_recipes["web"], "aws")
    assert made is not None
    content = made.content if right else b"other"
    node = support.node_json(rendered("aws", "9.4.7", "web").base64)
    steps: list[str] = []
    unpacked: list[bytes] = []

    def fetch(uri: str, path: str) -> list[Any]:
        steps.append(uri)
        Path(path).write_bytes(content)
        return []

    def digest(literalpath: str, **_: Any) -> Thing:
        return Thing(Hash=hashlib.sha256(Path(literalpath).read_bytes()).hexdigest().upper())

    def remove(literalpath: str) -> list[Any]:
        Path(literalpath).unlink()
        return []

    machine = Interpreter(
        {
            **QUIET,
            "New-Object": dotnet.new_object,
            "Join-Path": joined,
            "Save-PrivateFile": fetch,
            "Get-FileHash": digest,
            "Remove-Item": remove,
            "Expand-Files": lambda bytes: unpacked.append(bytes) or [],  # noqa: A006
            "Write-Log": lambda text: [],
            "Register-NodeTask": lambda name, script: steps.append(script) or [],
            "Start-ScheduledTask": lambda taskname, taskpath: steps.append(taskname) or [],
        },
        {"DataFolder": str(tmp_path), "ProgramFolder": "x", "Node": of_json(node)},
    )
    library = (SOURCE / "library.ps1").read_text()
    for function in ("Get-NodeValue", "Test-NodeValue", "Invoke-Again"):
        start = library.index(f"function {function}")
        machine.run(library[start : library.index("\n}\n", start) + 3].encode())
    machine.load(SOURCE / "begin.ps1")
    return steps, unpacked[0]


def test_a_node_on_aws_fetches_the_rest_and_hands_over(tmp_path: Path) -> None:
    steps, content = begun(tmp_path, right=True)
    assert steps == ["s3://test-artifacts-1a2b3c4d/the-key", "configure.ps1", "configure"]
    assert "role.ps1" in support.unpacked(bytes(content))
    assert not list(tmp_path.iterdir())


def test_another_bundle_than_the_one_in_its_user_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Thrown, match=r"is D9298A10\w+, not what the user data names"):
        begun(tmp_path, right=False)
