"""appsettings.json as the product reads it, and as its tools change it (facts.md 9)."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stand_ins.product.place import place
from stand_ins.versions import Version

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark that the installed files begin with."""

T = TypeVar("T")


class ConfigurationError(Exception):
    """The product's `ConfigurationException`: it does not start, or is not set up, like this."""

    def __str__(self) -> str:
        return f"ConfigurationException: {self.args[0]}"


@dataclass(frozen=True)
class Section:
    """An object of the file, read with types; a key's name is its path, for messages."""

    values: dict[str, Any]
    name: str = ""

    def section(self, key: str) -> "Section":
        """Return the object at *key*, empty where there is none."""
        return Section(self.get(key, dict, {}), f"{self.name}{key}.")

    def sections(self, key: str) -> list["Section"]:
        """Return the objects in the list at *key*."""
        found = self.get(key, list, [])
        if not all(isinstance(value, dict) for value in found):
            raise ConfigurationError(f"{self.name}{key} must be a list of objects")
        return [Section(value, f"{self.name}{key}[{at}].") for at, value in enumerate(found)]

    def get(self, key: str, kind: type[T], default: T) -> T:
        """Return the value at *key*, or *default* where it is absent or null.

        Raises:
            ConfigurationError: it has another type.
        """
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ConfigurationError(f"{self.name}{key} must be of type {kind.__name__}")
        return value

    def text(self, key: str, default: str = "") -> str:
        """Return the text at *key*."""
        return self.get(key, str, default)

    def flag(self, key: str) -> bool:
        """Return the truth at *key*: a boolean, or `"True"` and `"False"` (9.1, 12.4)."""
        value = self.values.get(key, False)
        if isinstance(value, bool):
            return value
        if value in ("True", "False"):
            return bool(value == "True")
        raise ConfigurationError(f"{self.name}{key} must be true or false")

    def texts(self, key: str) -> list[str]:
        """Return the list of texts at *key*."""
        found = self.get(key, list, [])
        if not all(isinstance(value, str) for value in found):
            raise ConfigurationError(f"{self.name}{key} must be a list of texts")
        return found


@dataclass(frozen=True)
class Settings:
    """A node's file: its content, and how it is written."""

    path: Path
    values: dict[str, Any]
    mark: bool
    line_end: str

    @property
    def root(self) -> Section:
        """The whole file."""
        return Section(self.values)

    @property
    def configured(self) -> bool:
        """Whether set-up has been here (14.2)."""
        return self.values.get("configured") == "configured"

    def save(self) -> None:
        """Write the file in place, as a whole, with the mark, line ends and owner that it had."""
        text = json.dumps(self.values, indent=2, ensure_ascii=False) + "\n"
        text = (MARK if self.mark else "") + text.replace("\n", self.line_end)
        before = self.path.stat()
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".appsettings")
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0:
            os.chown(name, before.st_uid, before.st_gid)
        Path(name).chmod(before.st_mode & 0o7777)
        Path(name).replace(self.path)


def path_of(version: Version, part: str) -> Path:
    """Return where the file of *part* is."""
    return place(version.folder("web" if part == "web" else "compute")) / "appsettings.json"


def read(path: Path) -> Settings:
    """Read the file at *path*, with or without a byte order mark.

    Raises:
        ConfigurationError: it is not there, or no JSON object.
    """
    try:
        text = path.read_bytes().decode()
        values = json.loads(text.removeprefix(MARK))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is not there") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} must hold a JSON object")
    return Settings(path, values, text.startswith(MARK), "\r\n" if "\r\n" in text else "\n")
