"""Which properties a resource type has: read from the installed SDKs' type annotations.

`pulumi_azure_native` and the other SDKs are generated from the same schema as the providers, so an
argument class's annotations are the schema (design.md section 7). A module is imported when one of
its types is first used: `network` costs 30 MB, all 250 would cost gigabytes.
"""

import ast
import enum
import importlib
import importlib.metadata
import importlib.util
import inspect
import re
import textwrap
import typing
import warnings
from collections import abc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from threading import RLock
from types import ModuleType, UnionType

import pulumi
from pulumi import _types

from sandbox.control import wire
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

_TOKEN = re.compile(r"(?P<package>[a-z][a-z0-9-]*):(?P<module>[A-Za-z0-9_./-]*):(?P<name>\w+)")
_CONSTANT = re.compile(r"Expected value is '([^']+)'")
_API_VERSION = re.compile(r"Uses Azure REST API version (\d{4}-\d{2}-\d{2}(?:-\w+)?)")

_IMPORTS = RLock()
"""Modules are imported by whichever call comes first; type caches are filled under it too."""


@contextmanager
def _quietly() -> Iterator[None]:
    """Import a module without the deprecations of other types that it has too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


_INPUT_NAMES = {"Output": pulumi.Output, "T": type(None)}
"""What `pulumi.Input` refers to by name; the SDK resolves its annotations the same way."""

_SCALARS: dict[object, Shape] = {
    str: STRING,
    bool: BOOLEAN,
    int: INTEGER,
    float: NUMBER,
    typing.Any: Anything(),
}


class UnknownTypeError(Exception):
    """No resource type or function of this token is in the installed SDK."""


@dataclass(frozen=True)
class Resource:
    """What the SDK says of one resource type."""

    token: str
    inputs: Object
    cls: type[pulumi.CustomResource]

    @cached_property
    def outputs(self) -> frozenset[str]:
        """Wire names of the output properties."""
        with _IMPORTS:
            return frozenset(_types.resource_py_to_pulumi_names(self.cls).values()) - {"urn", "id"}

    @cached_property
    def _output_types(self) -> dict[str, object]:
        with _IMPORTS:
            return dict(_types.resource_types(self.cls))

    def preview(self, inputs: Mapping[str, object]) -> dict[str, object]:
        """The outputs before the resource exists: inputs as they are, all else unknown.

        At every level, because a program reads `identity.principalId` too.
        """
        known = {name: self._output_types.get(name) for name in self.outputs}
        with _IMPORTS:
            return _filled(known, inputs)

    @cached_property
    def api_version(self) -> str:
        """The ARM API version that azure-native uses for the type, or ""."""
        for overload in typing.get_overloads(vars(self.cls)["__init__"]):
            if found := _API_VERSION.search(overload.__doc__ or ""):
                return found[1]
        return ""


def _filled(known: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: _previewed(kind, values[name]) if values.get(name) is not None else wire.UNKNOWN
        for name, kind in known.items()
    }


def _previewed(annotation: object, value: object) -> object:
    members = [member for member in _members(annotation) if member is not type(None)]
    member = members[0] if len(members) == 1 else None
    if isinstance(value, list) and typing.get_origin(member) in (dict, abc.Mapping):
        # Ids go in as a list and come back as a mapping of what is known of each (identities).
        return wire.UNKNOWN
    if isinstance(value, list) and typing.get_origin(member) in (list, abc.Sequence):
        return [_previewed(typing.get_args(member)[0], element) for element in value]
    if isinstance(value, Mapping) and inspect.isclass(member) and _types.is_output_type(member):
        return _filled(_types.output_type_types(member), value)
    return value


class Package:
    """One installed SDK: `azure-native` is the distribution and module `pulumi_azure_native`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = "pulumi_" + name.replace("-", "_")
        if importlib.util.find_spec(self.module) is None:
            raise UnknownTypeError(
                f"the Python SDK {self.module} is not installed in the virtual environment; "
                "run scripts/setup"
            )
        self.version = importlib.metadata.version(self.module)
        self._resources: dict[str, Resource] = {}

    def resource(self, token: str) -> Resource:
        """The resource type of a token. Raises UnknownTypeError, with the nearest type's name."""
        with _IMPORTS:
            if token not in self._resources:
                with _quietly():
                    self._resources[token] = self._load(token)
            return self._resources[token]

    def arguments(self, token: str) -> Object:
        """The arguments of a provider function. Raises UnknownTypeError."""
        module, name = self._split(token)
        with _IMPORTS, _quietly():
            function = getattr(self._import(token, module), _snake(name), None)
            if not inspect.isfunction(function) or token not in inspect.getsource(function):
                raise UnknownTypeError(f"{token} is not a function of {self.module} {self.version}")
            return Object(name, lambda: _function_properties(function))

    def _load(self, token: str) -> Resource:
        module, name = self._split(token)
        cls: typing.Any = getattr(self._import(token, module), name, None)
        if not inspect.isclass(cls) or getattr(cls, "pulumi_type", None) != token:
            raise UnknownTypeError(
                f"{token} is not a resource type of {self.module} {self.version}"
            )
        home = importlib.import_module(cls.__module__)
        arguments = getattr(home, name + "InitArgs", None) or getattr(home, name + "Args")
        return Resource(
            token, _object(arguments, name), typing.cast("type[pulumi.CustomResource]", cls)
        )

    def _split(self, token: str) -> tuple[str, str]:
        match = _TOKEN.fullmatch(token)
        if match is None or match["package"] != self.name:
            raise UnknownTypeError(f"{token[:120]!r} is not a type of the package {self.name}")
        # Bridged providers write `random:index/randomPassword:RandomPassword`.
        module = match["module"].split("/")[0]
        return "" if module == "index" else module, match["name"]

    def _import(self, token: str, module: str) -> ModuleType:
        name = f"{self.module}.{module}" if module else self.module
        if not re.fullmatch(r"[a-z0-9]*", module) or importlib.util.find_spec(name) is None:
            raise UnknownTypeError(f"{token}: {self.module} has no module {module!r}")
        return importlib.import_module(name)


def _snake(name: str) -> str:
    """`get_public_ip_address` for `getPublicIPAddress`, as the SDK's generator names it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@cache
def _object(cls: type, name: str = "") -> Object:
    return Object(name or cls.__name__.removesuffix("Args"), lambda: _properties(cls))


def _properties(cls: type) -> dict[str, Property]:
    with _IMPORTS:
        initializer: abc.Callable[..., None] = cls.__init__  # type: ignore[misc]
        hints = typing.get_type_hints(initializer, localns=_INPUT_NAMES)
        names = _types.input_type_py_to_pulumi_names(cls)
        constants = _constants(initializer.__doc__ or "")
        return {
            name: _property(hints[python], constants.get(python, ""))
            for python, name in names.items()
            if python in hints
        }


def _constants(documentation: str) -> dict[str, str]:
    """The arguments that take one value only: what tells the alternatives of a union apart."""
    found: dict[str, str] = {}
    for entry in documentation.split(":param ")[1:]:
        declaration, _, text = entry.partition(": ")
        if match := _CONSTANT.search(text):
            found[declaration.rpartition(" ")[2]] = match[1]
    return found


def _function_properties(function: abc.Callable[..., object]) -> dict[str, Property]:
    """The arguments by the wire names that the function's body gives them."""
    hints = typing.get_type_hints(function, localns=_INPUT_NAMES)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found: dict[str, Property] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[
                    ast.Subscript(value=ast.Name(id="__args__"), slice=ast.Constant(str(key)))
                ],
                value=ast.Name(id=python),
            ):
                found[key] = _property(hints[python], "")
    return found


def _property(annotation: object, constant: str) -> Property:
    members = _members(annotation)
    required = type(None) not in members
    return Property(_shape(tuple(m for m in members if m is not type(None))), required, constant)


def _members(annotation: object) -> tuple[object, ...]:
    """What an annotation accepts, without the wrappers of `Input` and without TypedDict twins."""
    if typing.get_origin(annotation) not in (typing.Union, UnionType):
        return (annotation,)
    members = tuple(
        member
        for argument in typing.get_args(annotation)
        if not _types._is_plumbing_arg(argument)  # noqa: SLF001 -- the SDK's own rule for unions
        for member in _members(argument)
    )
    if any(inspect.isclass(member) and _types.is_input_type(member) for member in members):
        # `InputType[T]` also says "any mapping": that is T written as a dictionary.
        members = tuple(m for m in members if typing.get_origin(m) is not abc.Mapping)
    return tuple(dict.fromkeys(members))


@cache
def _shape(members: tuple[object, ...]) -> Shape:
    if len(members) == 1:
        return _single(members[0])
    if str in members:
        # `Union[str, SomeEnum]`: the enum only lists what was known when the SDK was made.
        members = tuple(m for m in members if not (inspect.isclass(m) and issubclass(m, enum.Enum)))
    return OneOf(tuple(map(_single, members))) if len(members) > 1 else _single(members[0])


def _single(member: typing.Any) -> Shape:
    if member in _SCALARS:
        return _SCALARS[member]
    origin, arguments = typing.get_origin(member), typing.get_args(member)
    if origin in (list, abc.Sequence):
        return ListOf(_shape(_present(arguments[0])))
    if origin in (dict, abc.Mapping):
        return MapOf(_shape(_present(arguments[1])))
    if origin is typing.Literal:
        return Choice(arguments)
    if not inspect.isclass(member):
        return Anything()
    if issubclass(member, enum.Enum):
        return Choice(tuple(each.value for each in member))
    if issubclass(member, pulumi.Asset | pulumi.Archive):
        return Asset()
    kind: type = member
    return _object(kind) if _types.is_input_type(kind) else Anything()


def _present(annotation: object) -> tuple[object, ...]:
    return tuple(member for member in _members(annotation) if member is not type(None))


def check(shape: Object, values: Mapping[str, object]) -> list[typing.Any]:
    """All problems of *values*, without repetitions."""
    return list(dict.fromkeys(shape.problems(values, ())))
