"""A machine with a drive C:, as far as scripts see it: files are real ones below a folder."""

import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from tests.support.powershell import dotnet
from tests.support.powershell.interpreter import Interpreter
from tests.support.powershell.nodes import QUIET
from tests.support.powershell.values import Thing, Thrown, of_json


class Machine(Interpreter):
    """Runs scripts of a machine whose drive is *folder*; what they say is kept."""

    def __init__(self, folder: Path, cmdlets: dict[str, Callable[..., Any]] | None = None) -> None:
        self.drive = folder
        self.said: list[str] = []
        self.complaints: list[str] = []
        super().__init__(
            {**QUIET, **self._cmdlets(), "New-Object": dotnet.new_object, **(cmdlets or {})},
            statics=self._statics(),
        )
        self.environment |= {
            "programdata": "C:\\ProgramData",
            "programfiles": "C:\\Program Files",
            "programfiles(x86)": "C:\\Program Files (x86)",
            "systemroot": "C:\\Windows",
        }

    def real(self, path: str) -> Path:
        """Where a path of the machine is here."""
        found = str(path).replace("\\", "/")
        drive, colon, rest = found.partition(":")
        assert colon, f"{path}: is no whole path of a machine with Windows"
        return self.drive / drive / rest.lstrip("/")

    def name(self, path: Path) -> str:
        """What a file here is called there."""
        drive, _, rest = str(path.relative_to(self.drive)).partition("/")
        return f"{drive}:\\{rest}".replace("/", "\\")

    def put(self, path: str, content: bytes | str) -> None:
        """Have a file on the machine."""
        file = self.real(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def text(self, path: str) -> str:
        return self.real(path).read_text()

    def run_file(self, path: str) -> None:
        """Run a script that is on the machine, as `-File` does."""
        before = self.top.names.get("psscriptroot")
        self.top.names["psscriptroot"] = path.rpartition("\\")[0]
        self.load(self.real(path))
        self.top.names["psscriptroot"] = before

    def sourced(self, path: Callable[[], str]) -> list[Any]:
        """Take in what is on the machine."""
        self.run_file(path())
        return []

    # What stands for cmdlets and classes.

    def _cmdlets(self) -> dict[str, Callable[..., Any]]:
        return {
            "Test-Path": self._exists,
            "New-Item": lambda path, **_: self.real(path).mkdir(parents=True, exist_ok=True) or [],
            "Join-Path": lambda path, childpath: f"{path}\\{childpath}",
            "Split-Path": lambda path, **_: path.rpartition("\\")[2],
            "Get-Content": self._lines,
            "Get-FileHash": lambda literalpath, algorithm: Thing(Hash=self._sum(literalpath)),
            "Get-ChildItem": self._children,
            "Copy-Item": self._copied,
            "Move-Item": self._moved,
            "Remove-Item": self._removed,
            "Start-Sleep": lambda seconds: dotnet.slept(seconds) or [],
            "ConvertFrom-Json": lambda inputobject: of_json(dotnet.json.loads(inputobject)),
        }

    def _exists(self, literalpath: str, pathtype: str = "") -> bool:
        if literalpath.startswith("IIS:"):
            return False
        found = self.real(literalpath)
        kinds = {"leaf": found.is_file, "container": found.is_dir, "": found.exists}
        return kinds[pathtype.lower()]()

    def _lines(
        self, literalpath: str, encoding: str, raw: bool = False, tail: int | None = None
    ) -> Any:
        assert encoding == "UTF8"
        content = self.real(literalpath).read_text()
        return content if raw else content.splitlines()[-(tail or 0) :]

    def _sum(self, path: str) -> str:
        return hashlib.sha256(self.real(path).read_bytes()).hexdigest().upper()

    def _children(
        self,
        literalpath: str,
        filter: str = "*",  # noqa: A002 - the cmdlet's name
        recurse: bool = False,
        file: bool = False,
    ) -> list[Any]:
        assert file
        folder = self.real(literalpath)
        if not folder.is_dir():
            raise Thrown(f"Cannot find path '{literalpath}'")
        found = sorted(folder.rglob("*") if recurse else folder.iterdir())
        return [
            Thing(
                Name=each.name,
                FullName=self.name(each),
                DirectoryName=self.name(each.parent),
            )
            for each in found
            if each.is_file() and PurePosixPath(each.name).match(filter)
        ]

    def _copied(self, literalpath: str, destination: str, force: bool = False) -> list[Any]:
        del force
        source, target = self.real(literalpath), self.real(destination)
        shutil.copyfile(source, target / source.name if target.is_dir() else target)
        return []

    def _moved(self, literalpath: str, destination: str, force: bool = False) -> list[Any]:
        if self.real(destination).exists() and not force:
            raise Thrown("Cannot create a file when that file already exists.")
        self.real(literalpath).replace(self.real(destination))
        return []

    def _removed(self, literalpath: str, recurse: bool = False, force: bool = False) -> list[Any]:
        del force
        found = self.real(literalpath)
        if not found.exists():
            raise Thrown(f"Cannot find path '{literalpath}'")
        if found.is_dir():
            assert recurse
            shutil.rmtree(found)
        else:
            found.unlink()
        return []

    def _statics(self) -> dict[str, Callable[..., Any]]:
        plain = {
            f"IO.File::{name}": self._with_path(dotnet.STATICS[f"IO.File::{name}"])
            for name in ("AppendAllText", "ReadAllBytes", "ReadAllText", "WriteAllText")
        }
        return {
            **plain,
            "Console::Out": lambda: Console(self.said),
            "Console::Error": lambda: Console(self.complaints),
            "Guid::NewGuid": lambda: "5f4dcc3b",
            "IO.File::Open": self._opened,
            "IO.File::Replace": lambda source, target, kept: dotnet.replace_file(
                *(str(self.real(each)) for each in (source, target, kept))
            ),
            "IO.File::WriteAllBytes": lambda path, content: _none(
                self.real(path).write_bytes(bytes(content))
            ),
            "IO.Compression.ZipFile::ExtractToDirectory": self._extracted,
            "IO.Compression.ZipFile::CreateFromDirectory": self._zipped,
            "IO.Compression.ZipFile::OpenRead": lambda path: dotnet.ZipArchive(
                self.real(path).read_bytes()
            ),
            "IO.Compression.ZipFileExtensions::ExtractToFile": lambda entry, path, over: _none(
                self.put(path, entry.values["content"])
            ),
        }

    def _with_path(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(path: str, *given: Any) -> Any:
            try:
                return function(str(self.real(path)), *given)
            except FileNotFoundError:
                raise Thrown(f"Could not find file '{path}'.") from None

        return called

    def _opened(self, path: str, mode: str, access: str, share: str = "Read") -> "Stream":
        del access, share
        file = self.real(path)
        return Stream(file, file.read_bytes() if file.exists() else b"", end=mode == "Append")

    def _extracted(self, path: str, folder: str) -> None:
        try:
            with zipfile.ZipFile(self.real(path)) as archive:
                archive.extractall(self.real(folder))
        except (zipfile.BadZipFile, OSError) as error:
            raise Thrown(f"the archive cannot be read: {error}") from None

    def _zipped(self, folder: str, path: str) -> None:
        with zipfile.ZipFile(self.real(path), "w", zipfile.ZIP_DEFLATED) as archive:
            for each in sorted(self.real(folder).iterdir()):
                archive.write(each, each.name)


class Console:
    """One of the process's streams."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def WriteLine(self, line: str) -> None:  # noqa: N802 - .NET's name
        self.lines.append(line)


class Stream:
    """FileStream; what was written is in the file at once."""

    def __init__(self, path: Path, content: bytes, *, end: bool) -> None:
        self.path, self.buffer = path, io.BytesIO(content)
        self.buffer.seek(0, os.SEEK_END if end else os.SEEK_SET)

    @property
    def Length(self) -> int:  # noqa: N802 - .NET's name
        return len(self.buffer.getvalue())

    def SetLength(self, length: int) -> None:  # noqa: N802 - .NET's name
        self.buffer.truncate(length)

    def Seek(self, offset: int, origin: str) -> int:  # noqa: N802 - .NET's name
        assert origin == "Begin"
        return self.buffer.seek(offset)

    def Write(self, content: bytes, start: int, count: int) -> None:  # noqa: N802 - .NET's name
        self.buffer.write(bytes(content)[start : start + count])
        self.path.write_bytes(self.buffer.getvalue())

    def Flush(self, to_disk: bool) -> None:  # noqa: N802 - .NET's name
        assert to_disk

    def Close(self) -> None:  # noqa: N802 - .NET's name
        if not self.path.exists():
            self.path.write_bytes(self.buffer.getvalue())


def _none(_: object) -> None:
    return None
