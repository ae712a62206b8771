"""A model folder: all that makes a model a service, checked before anything of it is sent.

train.R        makes model.rds
model.rds      the model: an R function with a clean environment, as saveRDS writes it
service.json   name, version, description, inputs and outputs with their R types
request.json   a request: the inputs by name
answer.json    what the model answers it: the outputs by name
README.md      for people
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model_folders import files, r_types
from model_folders.files import MEGABYTE, FileProblem
from model_folders.problems import FolderError, Problem

LARGEST_MODEL = 64 * MEGABYTE
"""The API's own limit."""
LARGEST_TEXT = MEGABYTE

PARTS: Mapping[str, int] = {
    "train.R": LARGEST_TEXT,
    "model.rds": LARGEST_MODEL,
    "service.json": LARGEST_TEXT,
    "request.json": LARGEST_TEXT,
    "answer.json": LARGEST_TEXT,
    "README.md": LARGEST_TEXT,
}
"""Every part of a folder, with the bytes that it may have."""

NAME = r"^[A-Za-z][A-Za-z0-9._-]{0,63}$"
VERSION = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
PARAMETER = r"^[A-Za-z.][A-Za-z0-9._]{0,63}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Parameter(_Strict):
    """An input or an output."""

    name: Annotated[str, Field(pattern=PARAMETER)]
    type: r_types.Type


class Service(_Strict):
    """What service.json says."""

    name: Annotated[str, Field(pattern=NAME)]
    version: Annotated[str, Field(pattern=VERSION)]
    description: Annotated[str, Field(max_length=4096)] = ""
    inputs: Annotated[list[Parameter], Field(max_length=256)]
    outputs: Annotated[list[Parameter], Field(min_length=1, max_length=256)]


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """A folder in which all is right."""

    path: Path
    service: Service
    model: bytes = field(repr=False)
    """As saveRDS wrote it."""
    request: dict[str, Any]
    answer: dict[str, Any]

    @property
    def sha256(self) -> str:
        """The model's sum, in hexadecimal digits."""
        return hashlib.sha256(self.model).hexdigest()


def read(folder: Path) -> ModelFolder:
    """Return the model folder *folder*.

    Raises:
        FolderError: with all that is wrong with it.
    """
    problems: list[Problem] = []
    contents = _contents(folder, problems)
    service = _service(contents, problems)
    request = _object(contents, "request.json", problems)
    answer = _object(contents, "answer.json", problems)
    if "model.rds" in contents:
        problems += _model_problems(contents["model.rds"])
    if service:
        problems += _twice("inputs", service.inputs)
        problems += _twice("outputs", service.outputs)
    if service and request is not None:
        problems += _differences("request.json", request, service.inputs, "input")
    if service and answer is not None:
        problems += _differences("answer.json", answer, service.outputs, "output")
    if problems or service is None or request is None or answer is None:
        raise FolderError(str(folder), problems)
    return ModelFolder(
        path=folder,
        service=service,
        model=contents["model.rds"],
        request=request,
        answer=answer,
    )


def _contents(folder: Path, problems: list[Problem]) -> dict[str, bytes]:
    if not folder.is_dir():
        raise FolderError(
            str(folder), [Problem(".", "is not a folder", "give the folder of a model")]
        )
    found = {}
    for name, limit in PARTS.items():
        try:
            found[name] = files.read(_inside(folder, name), limit)
        except FileProblem as problem:
            problems.append(Problem(name, problem.reason, problem.fix))
    return found


def _inside(folder: Path, name: str) -> Path:
    """Return the real path of a part, which a link must not lead out of the folder."""
    try:
        path = (folder / name).resolve(strict=True)
    except FileNotFoundError:
        raise FileProblem("is not there", _HOW_TO_MAKE.get(name, "add it")) from None
    except (OSError, RuntimeError):
        raise FileProblem("is a link that leads nowhere", "put the file in its place") from None
    if not path.is_relative_to(folder.resolve()):
        raise FileProblem(f"is a link out of the folder, to {path}", "put the file in its place")
    return path


_HOW_TO_MAKE = {"model.rds": "make it with scripts/train"}


def _service(contents: Mapping[str, bytes], problems: list[Problem]) -> Service | None:
    document = _object(contents, "service.json", problems)
    if document is None:
        return None
    try:
        return Service.model_validate(document)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            place = ".".join(str(part) for part in each["loc"])
            problems.append(Problem(f"service.json: {place}", each["msg"], _FIXES[each["type"]]))
        return None


class _Fixes(dict[str, str]):
    def __missing__(self, kind: str) -> str:
        return "correct it; models/iris/service.json is an example"


_FIXES = _Fixes(
    extra_forbidden="remove it, or correct its name",
    missing="add it",
    string_pattern_mismatch="use 1 to 64 letters, digits, '.', '_' (and '-' in name and version), "
    "beginning with a letter",
)


def _object(
    contents: Mapping[str, bytes], name: str, problems: list[Problem]
) -> dict[str, Any] | None:
    if name not in contents:
        return None
    try:
        return files.parse_object(contents[name])
    except FileProblem as problem:
        problems.append(Problem(name, problem.reason, problem.fix))
        return None


def _model_problems(model: bytes) -> Iterator[Problem]:
    """Yield what shows that saveRDS did not write this; only R can say whether it loads."""
    head = model[:2]
    if head == b"\x1f\x8b":
        # The beginning alone: what else is compressed in there is for R to find out.
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(model[:4096], 2)
        except zlib.error:
            head = b""
    if head not in (b"X\n", b"A\n", b"B\n"):
        yield Problem(
            "model.rds",
            "is not a file of R's saveRDS, plain or compressed by gzip",
            'write it with saveRDS(model, "model.rds")',
        )


def _twice(place: str, parameters: Sequence[Parameter]) -> Iterator[Problem]:
    names = [parameter.name for parameter in parameters]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(f"service.json: {place}", f"has {name} twice", "give each a name of its own")


def _differences(
    file: str, values: Mapping[str, Any], declared: Sequence[Parameter], what: str
) -> Iterator[Problem]:
    names = [parameter.name for parameter in declared]
    for name in names:
        if name not in values:
            yield Problem(file, f"has no {name}, an {what} in service.json", "add it")
    for name in values:
        if name not in names:
            yield Problem(
                file,
                f"has {name}, which is no {what} in service.json",
                "remove it, or correct its name",
            )
    for parameter in declared:
        value = values.get(parameter.name)
        if parameter.name in values and not r_types.fits(value, parameter.type):
            yield Problem(
                f"{file}: {parameter.name}",
                f"is not of type {parameter.type}",
                r_types.HOW[parameter.type],
            )
