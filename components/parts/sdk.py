"""Loads a cloud's SDK class by class: a program that makes a load balancer needs 20 ms of it.

Each service of an SDK is a package whose `__init__` loads every class of the service, 250 modules
for azure-native's `network`, 180 for AWS's `ec2`: together more than half of the time that a
preview of ours would take. Here a service's package starts empty and fetches what it is asked for,
from the same modules; what these rules do not find makes it load like before. Nothing else changes:
`from pulumi_azure_native import network` means the same to every reader and to mypy.
"""

import importlib
import importlib.util
import re
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class _Service(types.ModuleType):
    """A service's package that loads the modules of single classes."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        module = self._home(name)
        if module is None:
            return self._load_as_before(name)
        home = importlib.import_module(f"{self.__name__}.{module}")
        # A function lies in a module of its own name; `outputs` is a module and nothing in it.
        found = getattr(home, name, home if module == name else None)
        if found is None:
            return self._load_as_before(name)
        # The import has put the module under its name, which may be the name of its function.
        self.__dict__[module] = getattr(home, module, home)
        self.__dict__[name] = found
        return found

    def _home(self, name: str) -> str | None:
        """Return the module that should define *name*, or that *name* is."""
        words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
        # A function's form for outputs is beside it.
        snake = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words).lower().removesuffix("_output")
        candidates = ["_inputs"] if name.endswith("Args") else [snake, "_enums"]
        files = (Path(folder) / f"{each}.py" for each in candidates for folder in self.__path__)
        return next((file.stem for file in files if file.exists()), None)

    def _load_as_before(self, name: str) -> Any:
        self.__class__ = types.ModuleType  # type: ignore[assignment]
        spec = self.__spec__
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.__name__} cannot be loaded", name=self.__name__)
        spec.loader.exec_module(self)
        return getattr(self, name)


def load_by_class(package: str, services: Iterable[str]) -> None:
    """Put the packages of *services* in place. Call it before the first of them is used."""
    root = importlib.util.find_spec(package)
    if root is None or root.submodule_search_locations is None:
        raise ImportError(f"{package} is not installed: run scripts/setup", name=package)
    (folder,) = root.submodule_search_locations
    for service in services:
        name = f"{package}.{service}"
        if name in sys.modules:
            # Somebody else, such as a test of the sandbox, has the whole SDK already.
            continue
        location = Path(folder) / service / "__init__.py"
        spec = importlib.util.spec_from_file_location(
            name, location, submodule_search_locations=[str(location.parent)]
        )
        if spec is not None:
            module = _Service(name)
            module.__spec__, module.__loader__ = spec, spec.loader
            module.__path__ = [str(location.parent)]
            module.__file__ = str(location)
            module.__package__ = name
            sys.modules[name] = module
