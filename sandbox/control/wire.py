"""Provider calls as plain Python values, and back.

The engine sends property values as protobuf Structs, with marker objects for secrets, assets and
outputs and with marker strings for values that a preview doesn't know yet (the SDK's
`pulumi.runtime.rpc` has the markers; the ones per type are the engine's own,
sdk/go/common/resource/plugin/rpc.go). Here a secret is a `Secret`, an unknown is `UNKNOWN`, an
asset stays the mapping that it is on the wire, and every integral number is an int.

Whatever comes in is limited in depth and size, so that a hostile call ends in a `WireError`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from google.protobuf import struct_pb2

MAX_DEPTH = 64
"""Levels of nesting. Azure's deepest real resource has 14; protobuf itself refuses over 100."""
MAX_NODES = 200_000
"""Values in one call; a scale set with 1,000 instances listed inline has under 30,000."""
MAX_BYTES = 16 * 1024 * 1024
"""Bytes of one call. ARM itself accepts 4 MiB."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 -- the engine's marker
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
ASSETS = {
    "c44067f5952c0a294b673a41bacd8c17": "asset",
    "0def7320c3a5731c473e5ecbe6d01bc7": "archive",
}

_UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)

_EXACT = 2**53
"""Floats hold every integer below this."""


class WireError(Exception):
    """A call that can't be read as property values; nothing of it is used."""


class Unknown:
    """A value that a preview doesn't know yet; `UNKNOWN` is the only one."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine encrypts in its state."""

    value: object

    def __repr__(self) -> str:
        return "Secret(...)"


Properties = dict[str, object]


class _Reader:
    """One call being read; counts its values."""

    def __init__(self) -> None:
        self.nodes = 0

    def struct(self, message: struct_pb2.Struct, depth: int) -> object:
        self._enter(depth)
        members = message.fields
        if SIGNATURE in members:
            return self._marked(members, depth)
        return {key: self.value(member, depth + 1) for key, member in members.items()}

    def value(self, message: struct_pb2.Value, depth: int) -> object:
        kind = message.WhichOneof("kind")
        if kind == "string_value":
            self._enter(depth)
            text = message.string_value
            return UNKNOWN if text in _UNKNOWNS else text
        if kind == "struct_value":
            return self.struct(message.struct_value, depth)
        if kind == "list_value":
            self._enter(depth)
            return [self.value(element, depth + 1) for element in message.list_value.values]
        self._enter(depth)
        if kind == "number_value":
            return _number(message.number_value)
        return message.bool_value if kind == "bool_value" else None

    def _marked(self, members: Mapping[str, struct_pb2.Value], depth: int) -> object:
        signature = members[SIGNATURE].string_value
        if signature == SECRET:
            if "value" not in members:
                raise WireError("a secret without a value")
            inner = self.value(members["value"], depth + 1)
            return inner if isinstance(inner, Unknown | Secret) else Secret(inner)
        if signature == OUTPUT:
            inner = self.value(members["value"], depth + 1) if "value" in members else UNKNOWN
            secret = "secret" in members and members["secret"].bool_value
            return Secret(inner) if secret and not isinstance(inner, Unknown | Secret) else inner
        if signature == RESOURCE:
            return self.value(members["id"], depth + 1) if "id" in members else UNKNOWN
        if signature in ASSETS:
            return {key: self.value(member, depth + 1) for key, member in members.items()}
        raise WireError(f"an object with the unknown signature {signature[:40]!r}")

    def _enter(self, depth: int) -> None:
        self.nodes += 1
        if depth > MAX_DEPTH:
            raise WireError(f"values are nested more than {MAX_DEPTH} levels deep")
        if self.nodes > MAX_NODES:
            raise WireError(f"more than {MAX_NODES} values in one call")


def _number(number: float) -> int | float:
    if not math.isfinite(number):
        raise WireError(f"{number} is not a number that JSON can hold")
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def decode(message: struct_pb2.Struct) -> Properties:
    """The properties in a Struct. Raises WireError when it is too large, too deep or malformed."""
    if (size := message.ByteSize()) > MAX_BYTES:
        raise WireError(f"{size} bytes in one call, at most {MAX_BYTES} are accepted")
    properties = _Reader().struct(message, 0)
    if not isinstance(properties, dict):
        raise WireError("the properties are a marked value, not an object")
    return properties


def encode(properties: Mapping[str, object]) -> struct_pb2.Struct:
    """The Struct for *properties*. Raises WireError for a value that has no place on the wire."""
    message = struct_pb2.Struct()
    _fill_struct(message, properties, 0)
    return message


def _fill_struct(message: struct_pb2.Struct, values: Mapping[str, object], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise WireError(f"values are nested more than {MAX_DEPTH} levels deep")
    message.SetInParent()
    for key, value in values.items():
        _fill(message.fields[key], value, depth + 1)


def _fill_list(message: struct_pb2.ListValue, values: Sequence[object], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise WireError(f"values are nested more than {MAX_DEPTH} levels deep")
    message.SetInParent()
    for element in values:
        _fill(message.values.add(), element, depth + 1)


def _fill(message: struct_pb2.Value, value: object, depth: int) -> None:
    match value:
        case str():
            message.string_value = value
        case bool():
            message.bool_value = value
        case int() | float():
            message.number_value = value
        case None:
            message.null_value = struct_pb2.NULL_VALUE
        case Unknown():
            message.string_value = _UNKNOWN_STRING
        case Secret():
            marked = {SIGNATURE: SECRET, "value": value.value}
            _fill_struct(message.struct_value, marked, depth)
        case Mapping():
            _fill_struct(message.struct_value, value, depth)
        case list() | tuple():
            _fill_list(message.list_value, value, depth)
        case _:
            raise WireError(f"a {type(value).__name__} has no place in property values")


def reveal(value: object) -> object:
    """*value* with its secrets as plain values; unknowns stay."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, Mapping):
        return {key: reveal(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [reveal(element) for element in value]
    return value


def known(value: Mapping[str, object]) -> Properties:
    """*value* without what is unknown, secrets as plain values: what a rule may look at."""
    return cast("Properties", _without_unknowns(reveal(value)))


def _without_unknowns(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _without_unknowns(v) for k, v in value.items() if not _is_open(v)}
    if isinstance(value, list):
        return [_without_unknowns(element) for element in value if not _is_open(element)]
    return value


def _is_open(value: object) -> bool:
    """Whether *value* is unknown, or a list of which not even the length is worth a rule.

    A list without its unknown elements would look empty, or complete, to a rule.
    """
    return value is UNKNOWN or (isinstance(value, list) and UNKNOWN in value)


def has_unknown(value: object) -> bool:
    """Whether anything in *value* is unknown."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Mapping):
        return any(has_unknown(member) for member in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(element) for element in value)
    return value is UNKNOWN


def has_secret(value: object) -> bool:
    """Whether anything in *value* is secret."""
    if isinstance(value, Mapping):
        return any(has_secret(member) for member in value.values())
    if isinstance(value, list | tuple):
        return any(has_secret(element) for element in value)
    return isinstance(value, Secret)


def masked(value: object) -> object:
    """*value* with `[secret]`, Pulumi's own word, in place of each secret."""
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, Mapping):
        return {key: masked(member) for key, member in value.items()}
    if isinstance(value, list):
        return [masked(element) for element in value]
    return value


def mark_like(value: object, pattern: object) -> object:
    """*value* with everything secret that is secret at the same place in *pattern*.

    A list that no longer lines up with a pattern that has secrets becomes secret as a whole.
    """
    if isinstance(value, Secret):
        return value
    if isinstance(pattern, Secret):
        return Secret(value)
    if isinstance(value, Mapping) and isinstance(pattern, Mapping):
        return {k: mark_like(v, pattern[k]) if k in pattern else v for k, v in value.items()}
    if isinstance(value, list) and isinstance(pattern, list):
        if len(value) != len(pattern):
            return Secret(value) if has_secret(pattern) else value
        return [mark_like(v, p) for v, p in zip(value, pattern, strict=True)]
    return value
