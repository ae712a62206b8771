"""Which properties a resource type has, as the installed SDK says.

The SDK is read once (`annotations.py`), and what it says is kept on disk (`shelf.py`): to import it
takes a daemon a second and a hundred megabytes.
"""

import importlib.metadata
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from sandbox.control.descriptions import Resource, UnknownTypeError
from sandbox.control.shapes import Object
from sandbox.control.shelf import FOLDER, Shelf

if TYPE_CHECKING:
    from sandbox.control.annotations import Sdk

__all__ = ["Package", "Resource", "UnknownTypeError", "check"]

_TOKEN = re.compile(r"(?P<package>[a-z][a-z0-9-]*):(?P<module>[A-Za-z0-9_./-]*):(?P<name>\w+)")


class Package:
    """One installed SDK: `azure-native` is the distribution and module `pulumi_azure_native`."""

    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        self.name = name
        self.module = "pulumi_" + name.replace("-", "_")
        if importlib.util.find_spec(self.module) is None:
            raise UnknownTypeError(
                f"the Python SDK {self.module} is not installed in the virtual environment; "
                "run scripts/setup"
            )
        self.version = importlib.metadata.version(self.module)
        self._shelf = Shelf(folder, f"{self.module}-{self.version}")
        self._resources: dict[str, Resource] = {}
        self._lock = RLock()

    def resource(self, token: str) -> Resource:
        """The resource type of a token. Raises UnknownTypeError, with the nearest type's name."""
        module, name = self._split(token)
        with self._lock:
            if token not in self._resources:
                found = self._shelf.resource(token)
                if found is None:
                    found = self._sdk().resource(token, module, name)
                    self._shelf.put(found)
                self._resources[token] = found
            return self._resources[token]

    def arguments(self, token: str) -> Object:
        """The arguments of a provider function. Raises UnknownTypeError."""
        module, name = self._split(token)
        with self._lock:
            found = self._shelf.arguments(token)
            if found is None:
                found = self._sdk().arguments(token, module, name)
                self._shelf.put_arguments(token, found)
            return found

    def _sdk(self) -> "Sdk":
        from sandbox.control.annotations import Sdk  # noqa: PLC0415 -- it brings pulumi along

        return Sdk(self.module, self.version)

    def _split(self, token: str) -> tuple[str, str]:
        match = _TOKEN.fullmatch(token)
        if match is None or match["package"] != self.name:
            raise UnknownTypeError(f"{token[:120]!r} is not a type of the package {self.name}")
        # Bridged providers write `random:index/randomPassword:RandomPassword`.
        module = match["module"].split("/")[0]
        return "" if module == "index" else module, match["name"]


def check(shape: Object, values: Mapping[str, object]) -> list[Any]:
    """All problems of *values*, without repetitions."""
    return list(dict.fromkeys(shape.problems(values, ())))
