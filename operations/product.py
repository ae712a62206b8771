"""What product answers in an environment, as its outputs say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Which compute nodes web nodes should have."""

    addresses: tuple[str, ...] = ()
    """`ADDRESS:PORT` of each one that stays."""

    fewest: int = 1
    """How many there are at least, where they come and go."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """R Server or ML Server: what its version says of itself (facts.md 12.1, 13)."""

    name: str
    version: str
    r_version: str
    account: str
    status_words: tuple[str, ...]
    """Words of `/status` for a server that is well."""

    authentication: str
    """`local`, or the directory that knows the users."""

    compute: Expected
    web: int
    """How many web nodes there are at least."""

    stale: tuple[str, ...] = ()
    """Names of nodes that were made from something else than the settings say now."""

    @property
    def title(self) -> str:
        """Name and version, for a person."""
        return f"{self.name} {self.version}"


def read(outputs: Mapping[str, Any]) -> Product | None:
    """Return the product of a stack's *outputs*; None for the open one, which says nothing."""
    runtime = outputs.get("runtime")
    if not isinstance(runtime, dict):
        return None
    groups: Mapping[str, Mapping[str, Any]] = outputs.get("groups") or {}
    web = groups.get("web") or {}
    return Product(
        name=str(runtime["product"]),
        version=str(runtime["version"]),
        r_version=str(runtime["rVersion"]),
        account=str(runtime["account"]),
        status_words=tuple(str(word) for word in runtime["statusWords"]),
        authentication=str(runtime["authentication"]),
        compute=_expected(groups.get("compute") or {}),
        web=int(web.get("minimum") or 1),
        stale=tuple(name for group in groups.values() for name in _stale(group)),
    )


def _expected(group: Mapping[str, Any]) -> Expected:
    port = int(group.get("port") or 0)
    addresses = tuple(f"{each}:{port}" for each in group.get("addresses") or ())
    return Expected(addresses=addresses, fewest=int(group.get("minimum") or 1))


def _stale(group: Mapping[str, Any]) -> tuple[str, ...]:
    content = group.get("content")
    if not isinstance(content, dict):
        return ()
    pairs = zip(group["names"], content["machines"], strict=True)
    return tuple(str(name) for name, made in pairs if made != content["rendered"])
