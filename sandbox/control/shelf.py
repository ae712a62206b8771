"""What SDKs said of types, kept on disk: a file each, in a folder for each SDK and its reader.

Any number of daemons read and write at once: a file appears whole, by a rename. Its first line is
the sum of the rest; a file that is not as it was written counts for none, and is written anew. So
does one that cannot be read; a folder that cannot be written keeps nothing, and all works.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sandbox.control.descriptions import Resource
from sandbox.control.shapes import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    Anything,
    Asset,
    Choice,
    ListOf,
    MapOf,
    Object,
    OneOf,
    Property,
    Shape,
)
from sandbox.home import PROJECT

FOLDER = PROJECT / ".cache" / "schemas"

_PLAIN: dict[str, Shape] = {
    "string": STRING,
    "boolean": BOOLEAN,
    "integer": INTEGER,
    "number": NUMBER,
    "anything": Anything(),
    "asset": Asset(),
}
_NAMES = {shape: name for name, shape in _PLAIN.items()}


@cache
def _reader() -> str:
    """Changes with all that decides what is read from an SDK, and how it is written."""
    here = Path(__file__).parent
    digest = hashlib.sha256(f"{sys.version_info[:2]} {version('pulumi')}".encode())
    for name in ("annotations.py", "descriptions.py", "shapes.py", "shelf.py"):
        digest.update((here / name).read_bytes())
    return digest.hexdigest()[:12]


class Shelf:
    """What is kept of one SDK, *name* with its version."""

    def __init__(self, folder: Path, name: str) -> None:
        self._above = folder
        self._sdk = name.rpartition("-")[0]
        self._folder = folder / f"{name}-{_reader()}"

    def resource(self, token: str) -> Resource | None:
        """What is kept of a resource type, if anything."""
        found = self._get(token)
        with suppress(IndexError, KeyError, TypeError, ValueError):
            if found:
                objects = _objects(found["objects"])
                inputs, state = objects[int(found["inputs"])], objects[int(found["state"])]
                return Resource(token, inputs, state, str(found["apiVersion"]))
        return None

    def arguments(self, token: str) -> Object | None:
        """What is kept of a function, if anything."""
        found = self._get(token)
        with suppress(IndexError, KeyError, TypeError, ValueError):
            if found:
                return _objects(found["objects"])[int(found["arguments"])]
        return None

    def put(self, resource: Resource) -> None:
        """Keep what is known of a resource type."""
        objects = _Objects()
        content = {
            "token": resource.token,
            "inputs": objects.number(resource.inputs),
            "state": objects.number(resource.state),
            "apiVersion": resource.api_version,
            "objects": objects.written(),
        }
        self._put(resource.token, content)

    def put_arguments(self, token: str, shape: Object) -> None:
        """Keep what is known of a function."""
        objects = _Objects()
        content = {"token": token, "arguments": objects.number(shape), "objects": objects.written()}
        self._put(token, content)

    def _path(self, token: str) -> Path:
        return self._folder / f"{quote(token, safe='')}.json"

    def _get(self, token: str) -> dict[str, Any] | None:
        with suppress(OSError, ValueError):
            total, _, text = self._path(token).read_bytes().partition(b"\n")
            if total.decode() == _sum(text):
                found: dict[str, Any] = json.loads(text)
                # Where names are the same in any case, so are the files of two tokens.
                return found if found["token"] == token else None
        return None

    def _put(self, token: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, separators=(",", ":")).encode()
        with suppress(OSError):
            self._make_folder()
            number, draft = tempfile.mkstemp(dir=self._folder, suffix=".new")
            try:
                with os.fdopen(number, "wb") as stream:
                    stream.write(_sum(text).encode() + b"\n" + text)
                Path(draft).chmod(0o644)
                Path(draft).replace(self._path(token))
            except OSError:
                Path(draft).unlink(missing_ok=True)

    def _make_folder(self) -> None:
        """Make the folder; what other versions and readers kept goes then."""
        if self._folder.is_dir():
            return
        old = list(self._above.glob(f"{self._sdk}-*"))
        self._folder.mkdir(parents=True, exist_ok=True)
        for each in old:
            if each != self._folder:
                shutil.rmtree(each, ignore_errors=True)


def _sum(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


class _Objects:
    """Objects by number, as they may have each other as properties."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._found: list[Object] = []

    def number(self, found: Object) -> int:
        if id(found) not in self._numbers:
            self._numbers[id(found)] = len(self._found)
            self._found.append(found)
        return self._numbers[id(found)]

    def written(self) -> list[Any]:
        """All of them, with those that their properties lead to."""
        done: list[Any] = []
        while len(done) < len(self._found):
            each = self._found[len(done)]
            properties = {
                name: [self._shape(found.shape), found.required, found.constant]
                for name, found in each.properties.items()
            }
            done.append([each.name, properties])
        return done

    def _shape(self, shape: Shape) -> Any:
        match shape:
            case Object():
                return {"object": self.number(shape)}
            case ListOf(element):
                return {"list": self._shape(element)}
            case MapOf(element):
                return {"map": self._shape(element)}
            case Choice(values):
                return {"choice": list(values)}
            case OneOf(alternatives):
                return {"oneOf": [self._shape(each) for each in alternatives]}
            case _:
                return _NAMES[shape]


def _objects(written: list[Any]) -> list[Object]:
    """The objects that `_Objects` wrote; properties are made when they are first asked for."""
    made: list[Object] = []

    def shape(found: Any) -> Shape:
        if isinstance(found, str):
            return _PLAIN[found]
        ((kind, value),) = found.items()
        match kind:
            case "object":
                return made[int(value)]
            case "list":
                return ListOf(shape(value))
            case "map":
                return MapOf(shape(value))
            case "choice":
                return Choice(tuple(value))
            case "oneOf":
                return OneOf(tuple(map(shape, value)))
        raise ValueError(kind)

    def properties(found: dict[str, Any]) -> dict[str, Property]:
        return {
            name: Property(shape(each), required, constant)
            for name, (each, required, constant) in found.items()
        }

    for name, found in written:
        made.append(Object(name, partial(properties, found)))
    return made
