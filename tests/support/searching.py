"""Looks for secrets by value, in every form in which one could have been written down.

A value that is found must be a secret's: forms are at least 12 bytes of what is random in it.
"""

import base64
import gzip
import json
import re
import subprocess
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.engine import Engine

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""How the engine's state marks a secret (Pulumi, sdk/go/common/resource: SigKey, SecretSig)."""

SHORTEST = 12
WINDOW = 16
"""Characters of base64 that are looked for together: where a line is broken within a value, the
longer part of it still has one."""

KEY = re.compile(
    "-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----\n(.*?)\n-----END \\1-----\n?", re.DOTALL
)
GZIP = b"\x1f\x8b\x08"


def secrets_of(engine: Engine, stack: str) -> dict[str, str]:
    """Every secret value in the state of *stack*, by resource and property; no certificates."""
    done = engine.pulumi("stack", "export", "--show-secrets", "--stack", stack)
    found: dict[str, str] = {}
    for resource in json.loads(done.stdout)["deployment"]["resources"]:
        name = resource["urn"].rpartition("::")[2]
        for side in ("inputs", "outputs"):
            for path, value in _marked(resource.get(side, {}), ""):
                found[f"{name}{path}"] = value
    return {name: value for name, value in found.items() if not _is_public(value)}


def _marked(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value.get(SIGNATURE) == SECRET:
        yield from _texts(json.loads(value["plaintext"]), path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _marked(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _marked(inner, path)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)


def _is_public(value: str) -> bool:
    return value.startswith("-----BEGIN CERTIFICATE-----") and not KEY.search(value)


class Search:
    """Looks for the values of *secrets*, which have names."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names: dict[bytes, str] = {}
        for name, value in secrets.items():
            for form in forms(value):
                self._names.setdefault(form, name)

    def among(self, content: bytes) -> set[str]:
        """Names of the secrets that are in *content*."""
        return {name for form, name in self._names.items() if form in content}

    def below(self, *places: Path) -> dict[Path, set[str]]:
        """Names of the secrets in each file below *places*, compressed ones included."""
        absent = [place for place in places if not place.exists()]
        assert not absent, f"nothing can be found where nothing is: {absent}"
        done = subprocess.run(
            ["grep", "-rlaFZ", "--devices=skip", "--file=-", "--", *map(str, places)],
            input=b"\n".join(self._names),
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            check=False,
        )
        # 1: nothing found. A file that goes while it is read is no failure, all else is.
        said = [line for line in done.stderr.splitlines() if b"No such file" not in line]
        if done.returncode > 1 and said:
            raise AssertionError(b"\n".join(said).decode(errors="replace"))
        plain = [Path(name.decode()) for name in done.stdout.split(b"\0") if name]
        found = {path: self.among(path.read_bytes()) for path in plain}
        for path in _compressed(places):
            if names := self.among(_unpacked(path)):
                found[path] = names
        return found


def _compressed(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        for path in (place, *place.rglob("*")):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    if file.read(len(GZIP)) == GZIP:
                        yield path


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error):
        return b""  # it only begins like one; as it is, it has been searched


def forms(value: str) -> set[bytes]:
    """How *value* may be written: as it is, base64, hexadecimal digits; a key in any format."""
    cores = [core for match in KEY.finditer(value) for core in _cores(match)]
    texts = [] if cores else [value.encode()]
    found = {text for text in texts if b"\n" not in text}
    for core in cores:
        # What grep takes for one pattern: no end of line within, nor of a text.
        found |= {part for part in re.split(b"[\\n\\0]", core) if len(part) >= SHORTEST}
    for secret in (*cores, *texts):
        found |= {secret.hex().encode(), secret.hex().upper().encode()}
        found |= set(_base64(secret))
    return found


def _cores(match: re.Match[str]) -> list[bytes]:
    """The numbers that make a private key, whatever format it is in."""
    if match[1].startswith("OPENSSH"):
        return []  # the same key is there as PKCS 8
    key = load_pem_private_key(match[0].encode(), None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return [key.private_numbers().private_value.to_bytes(32)]
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        return [part.to_bytes((part.bit_length() + 7) // 8) for part in (numbers.d, numbers.p)]
    assert isinstance(key, ed25519.Ed25519PrivateKey), match[1]
    return [key.private_bytes_raw()]


def _base64(secret: bytes) -> Iterator[bytes]:
    """Windows of the base64 of any text that has *secret* at any place."""
    for offset in range(3):
        whole = secret[offset : offset + (len(secret) - offset) // 3 * 3]
        for encoded in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
            for start in range(0, len(encoded) - WINDOW + 1, 4):
                yield encoded[start : start + WINDOW]
