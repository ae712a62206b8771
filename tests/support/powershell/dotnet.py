"""What scripts use of .NET Framework, as far as it goes without a Windows.

JSON's way to XML is that of System.Runtime.Serialization ("Mapping Between JSON and XML"): it was
looked at once on Mono, which has that class from Microsoft's own source.
"""

import base64
import hashlib
import io
import json
import math
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.powershell.values import Thing, Thrown, text

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""Keys of JSON that are names in XML."""


@dataclass(eq=False)
class Element:
    """XmlElement."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Any] = field(default_factory=list)
    kinds = ("System.Xml.XmlElement",)

    def get_LocalName(self) -> str:
        return self.name

    def get_ChildNodes(self) -> list[Any]:
        return list(self.children)

    def get_HasChildNodes(self) -> bool:
        return bool(self.children)

    def get_FirstChild(self) -> Any:
        return self.children[0] if self.children else None

    def get_InnerText(self) -> str:
        return "".join(each.get_InnerText() for each in self.children)

    def get_OwnerDocument(self) -> "Element":
        return self

    def GetAttribute(self, name: str) -> str:
        return self.attributes.get(name, "")

    def HasAttribute(self, name: str) -> bool:
        return name in self.attributes

    def SetAttribute(self, name: str, value: str) -> None:
        self.attributes[name] = value

    def AppendChild(self, child: Any) -> Any:
        self.children.append(child)
        return child

    def RemoveChild(self, child: Any) -> Any:
        self.children.remove(child)
        return child

    def CloneNode(self, deep: bool) -> "Element":
        assert deep
        return Element(self.name, dict(self.attributes), [c.CloneNode(True) for c in self.children])

    def ImportNode(self, node: Any, deep: bool) -> Any:
        return node.CloneNode(deep)

    def CreateElement(self, name: str) -> "Element":
        return Element(name)

    def CreateTextNode(self, value: str) -> "Text":
        return Text(value)


@dataclass(eq=False)
class Text:
    """XmlText."""

    value: str
    kinds = ("System.Xml.XmlText",)

    def get_InnerText(self) -> str:
        return self.value

    def CloneNode(self, _: bool) -> "Text":
        return Text(self.value)


class _Number(str):
    __slots__ = ()


def element(name: str, value: Any) -> Element:
    """What the reader makes of a value of JSON."""
    plain = NAME.fullmatch(name) is not None
    made = Element(name if plain else "item", {} if plain else {"item": name})
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        made.attributes["type"] = "object"
        made.children = [element(key, each) for key, each in value]
    elif isinstance(value, _Empty):
        made.attributes["type"] = "object"
    elif isinstance(value, list):
        made.attributes["type"] = "array"
        made.children = [element("item", each) for each in value]
    elif value is None:
        made.attributes["type"] = "null"
    elif isinstance(value, bool):
        made.attributes["type"] = "boolean"
        made.children = [Text(str(value).lower())]
    else:
        made.attributes["type"] = "number" if isinstance(value, _Number) else "string"
        made.children = [Text(str(value))]
    return made


class _Empty(list[Any]):
    """An object without members."""


class XmlDocument:
    """As it loads what the reader gives."""

    PreserveWhitespace = False

    def Load(self, reader: "Reader") -> None:
        assert self.PreserveWhitespace, "a text of blanks would be lost"
        self.root = reader.root

    def get_DocumentElement(self) -> Element:
        return self.root


class Reader:
    def __init__(self, content: bytes) -> None:
        try:
            value = json.loads(
                content.decode(),
                object_pairs_hook=lambda pairs: pairs or _Empty(),
                parse_int=_Number,
                parse_float=_Number,
            )
        except ValueError as error:
            raise Thrown(str(error), "Runtime.Serialization.SerializationException") from None
        self.root = element("root", value)

    def Close(self) -> None:
        pass


class StringBuilder:
    def __init__(self) -> None:
        self.parts: list[str] = []

    def Append(self, value: Any) -> "StringBuilder":
        self.parts.append(text(value))
        return self

    def ToString(self) -> str:
        return "".join(self.parts)


class Encoding:
    """UTF8Encoding, with or without a mark."""

    def __init__(self, mark: bool = False) -> None:
        self.mark = mark

    def GetBytes(self, value: str) -> bytes:
        return value.encode()


@dataclass
class Type:
    """A class, asked about itself."""

    name: str

    def GetProperty(self, _: str) -> Any:
        return Thing()


class _Hash:
    def ComputeHash(self, value: bytes) -> bytes:
        return hashlib.sha256(value).digest()


class ZipArchive:
    """System.IO.Compression.ZipArchive, to read."""

    def __init__(self, content: bytes) -> None:
        archive = zipfile.ZipFile(io.BytesIO(content))
        self.Entries = [
            Thing(FullName=name, content=archive.read(name)) for name in archive.namelist()
        ]

    def Dispose(self) -> None:
        pass


class Match:
    """One match of a regular expression."""

    def __init__(self, found: re.Match[str] | None) -> None:
        self.Success = found is not None
        groups = (found[0], *found.groups()) if found else ()
        self.Groups = [Thing(Value=each or "") for each in groups]


def new_object(typename: str, argumentlist: Any = None) -> Any:
    """New-Object, for classes that do the same everywhere."""
    given = argumentlist if isinstance(argumentlist, list) else [argumentlist]
    match typename:
        case "System.Xml.XmlDocument":
            return XmlDocument()
        case "System.Text.StringBuilder":
            return StringBuilder()
        case "System.Text.UTF8Encoding":
            return Encoding(mark=bool(given[0]))
        case "System.IO.MemoryStream":
            return given[0]
        case "System.IO.Compression.ZipArchive":
            return ZipArchive(bytes(given))
        case "System.Byte[]":
            return [bytearray(given[0])]
    return Thing(kind=typename, given=given)


def copied(source: bytes, start: int, target: bytearray, to: int, count: int) -> None:
    target[to : to + count] = source[start : start + count]


class Char(str):
    """A character, which as a number is its code."""

    __slots__ = ()

    def __int__(self) -> int:
        return ord(self)


def hexadecimal(value: bytes, start: int = 0, count: int | None = None) -> str:
    chosen = value[start : len(value) if count is None else start + count]
    return "-".join(f"{each:02X}" for each in chosen)


def net(pattern: str) -> str:
    """A replacement in .NET's words, in Python's."""
    return re.sub(r"\$(\d)", r"\\\1", pattern.replace("\\", "\\\\"))


def read_text(path: str) -> str:
    return Path(path).read_bytes().decode("utf-8-sig")


def write_text(path: str, value: str, encoding: Encoding | None = None) -> None:
    mark = b"\xef\xbb\xbf" if encoding is not None and encoding.mark else b""
    Path(path).write_bytes(mark + value.encode())


def replace_file(source: str, target: str, kept: str) -> None:
    Path(kept).write_bytes(Path(target).read_bytes())
    Path(source).replace(target)


def append_text(path: str, value: str) -> None:
    with Path(path).open("a", newline="") as stream:
        stream.write(value)


class Console:
    """Where scripts speak to nobody."""

    def WriteLine(self, _: str) -> None:
        pass


class _Clock:
    """A moment; what waits for one hour comes back at once."""

    now = 0.0

    def __init__(self, at: float | None = None) -> None:
        self.at = _Clock.now if at is None else at

    def AddSeconds(self, seconds: float) -> "_Clock":
        return _Clock(self.at + seconds)

    def ToString(self, _: str) -> str:
        return "2026-11-30T12:00:00"

    def __gt__(self, other: "_Clock") -> bool:
        return self.at > other.at

    def __lt__(self, other: "_Clock") -> bool:
        return self.at < other.at

    def __le__(self, other: "_Clock") -> bool:
        return self.at <= other.at

    def __ge__(self, other: "_Clock") -> bool:
        return self.at >= other.at


def slept(seconds: float = 0) -> None:
    """Start-Sleep: only the clock goes on."""
    _Clock.now += seconds


STATICS: dict[str, Callable[..., Any]] = {
    "Array::Copy": copied,
    "BitConverter::ToString": hexadecimal,
    "Console::Out": Console,
    "Convert::FromBase64String": base64.b64decode,
    "Convert::ToBase64String": lambda content: base64.b64encode(content).decode(),
    "DateTime::UtcNow": _Clock,
    "IO.File::AppendAllText": append_text,
    "IO.File::ReadAllBytes": lambda path: Path(path).read_bytes(),
    "IO.File::ReadAllText": read_text,
    "IO.File::Replace": replace_file,
    "IO.File::WriteAllText": write_text,
    "Math::Ceiling": math.ceil,
    "Math::Max": max,
    "Net.SecurityProtocolType::Tls12": lambda: "Tls12",
    "Math::Min": min,
    "Security.Cryptography.SHA256::Create": _Hash,
    "StringSplitOptions::RemoveEmptyEntries": lambda: True,
    "System.Runtime.Serialization.Json.JsonReaderWriterFactory::CreateJsonReader": (
        lambda content, quotas: Reader(content)
    ),
    "System.Xml.XmlDictionaryReaderQuotas::Max": lambda: None,
    "Text.Encoding::UTF8": Encoding,
    "TimeSpan::Zero": lambda: "00:00:00",
    "int::MaxValue": lambda: 2**31 - 1,
    "regex::Match": lambda value, pattern: Match(re.search(pattern, value)),
    "regex::Matches": lambda value, pattern: [Match(each) for each in re.finditer(pattern, value)],
    "regex::Replace": lambda value, pattern, new: re.sub(pattern, net(new), value),
    "string::IsNullOrEmpty": lambda value: not value,
}


def _split(value: str, separators: Any, skip_empty: bool = False) -> list[str]:
    marks = separators if isinstance(separators, list) else [separators]
    parts = re.split("|".join(re.escape(text(each)) for each in marks), value)
    return [each for each in parts if each] if skip_empty else parts


TEXTS: dict[str, Callable[..., Any]] = {
    "Contains": lambda value, part: part in value,
    "EndsWith": lambda value, part: value.endswith(part),
    "Replace": lambda value, old, new: value.replace(old, new),
    "Split": _split,
    "StartsWith": lambda value, part: value.startswith(part),
    "Substring": lambda value, start, count=None: value[start:][:count],
    "ToCharArray": lambda value: [Char(each) for each in value],
    "ToLower": str.lower,
    "ToString": lambda value: value,
    "TrimEnd": lambda value, *marks: value.rstrip("".join(marks) or None),
    "TrimStart": lambda value, *marks: value.lstrip("".join(marks) or None),
}

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def unescaped(value: str) -> str:
    """What stands in a text between its variables."""
    return re.sub("`(.)", lambda found: _ESCAPES.get(found[1], found[1]), value).replace('""', '"')


def added(left: Any, right: Any) -> Any:
    return calculated("+", left, right)


def calculated(operator: str, left: Any, right: Any) -> Any:
    """Arithmetic; `+` joins texts and lists by what is on the left."""
    if operator == "+":
        if isinstance(left, list):
            return [*left, *(right if isinstance(right, list) else [right])]
        if isinstance(left, str):
            return left + text(right)
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    made = left / right
    return int(made) if made == int(made) else made
