"""What an installed SDK says of a type, read from its type annotations.

`pulumi_azure_native` and the other SDKs are generated from the same schema as the providers, so an
argument class's annotations are the schema (design.md section 7). A module is imported when one of
its types is first used: `network` costs 30 MB, all 250 would cost gigabytes.

`schema.py` imports this only for what it has not kept from another time.
"""

import ast
import enum
import importlib
import importlib.util
import inspect
import re
import textwrap
import typing
import warnings
from collections import abc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock
from types import ModuleType, UnionType

import pulumi
from pulumi import _types

from sandbox.control.descriptions import Resource, UnknownTypeError
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


class Sdk:
    """One installed SDK."""

    def __init__(self, module: str, version: str) -> None:
        self._module = module
        self._version = version

    def resource(self, token: str, module: str, name: str) -> Resource:
        """The resource type *name* of *module*. Raises UnknownTypeError."""
        with _IMPORTS, _quietly():
            cls: typing.Any = getattr(self._import(token, module), name, None)
            if not inspect.isclass(cls) or getattr(cls, "pulumi_type", None) != token:
                raise UnknownTypeError(
                    f"{token} is not a resource type of {self._module} {self._version}"
                )
            home = importlib.import_module(cls.__module__)
            arguments = getattr(home, name + "InitArgs", None) or getattr(home, name + "Args")
            state = Object(name, lambda: _state(cls))
            return Resource(token, _object(arguments, name), state, _api_version(cls))

    def arguments(self, token: str, module: str, name: str) -> Object:
        """The arguments of the provider function *name* of *module*. Raises UnknownTypeError."""
        with _IMPORTS, _quietly():
            function = getattr(self._import(token, module), _snake(name), None)
            if not inspect.isfunction(function) or token not in inspect.getsource(function):
                raise UnknownTypeError(
                    f"{token} is not a function of {self._module} {self._version}"
                )
            return Object(name, lambda: _function_properties(function))

    def _import(self, token: str, module: str) -> ModuleType:
        name = f"{self._module}.{module}" if module else self._module
        if not re.fullmatch(r"[a-z0-9]*", module) or importlib.util.find_spec(name) is None:
            raise UnknownTypeError(f"{token}: {self._module} has no module {module!r}")
        return importlib.import_module(name)


def _api_version(cls: typing.Any) -> str:
    for overload in typing.get_overloads(vars(cls)["__init__"]):
        if found := _API_VERSION.search(overload.__doc__ or ""):
            return found[1]
    return ""


def _state(cls: typing.Any) -> dict[str, Property]:
    """The output properties of a resource type."""
    with _IMPORTS:
        names = set(_types.resource_py_to_pulumi_names(cls).values()) - {"urn", "id"}
        kinds = _types.resource_types(cls)
        return {name: Property(_shape(_present(kinds.get(name)))) for name in sorted(names)}


@cache
def _output(cls: type) -> Object:
    def load() -> dict[str, Property]:
        with _IMPORTS:
            kinds = _types.output_type_types(cls)
            return {name: Property(_shape(_present(kind))) for name, kind in kinds.items()}

    return Object(cls.__name__, load)


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
    if not members:
        return Anything()
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
    return Asset() if issubclass(member, pulumi.Asset | pulumi.Archive) else _class(member)


def _class(kind: type) -> Shape:
    if _types.is_output_type(kind):
        return _output(kind)
    return _object(kind) if _types.is_input_type(kind) else Anything()


def _present(annotation: object) -> tuple[object, ...]:
    return tuple(member for member in _members(annotation) if member is not type(None))
