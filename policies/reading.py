"""Resources as rules see them: plain values, and `UNKNOWN` where a preview can't know one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


class Unknown:
    """A value that is known once the resource is there."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

ENGINE_INPUTS = ("__createBeforeDelete", "__defaults", "__internal")
"""Inputs that providers keep for themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One resource with its inputs."""

    type: str
    """Pulumi's token, without the version of an API: `azure-native:network:Subnet`."""
    name: str
    """The logical name: what a preview shows and exemptions name."""
    urn: str
    inputs: Mapping[str, Any]
    protect: bool = False
    """Whether Pulumi refuses to delete it."""
    refers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """URNs of what each property's value is made of; empty before the whole stack is known."""

    def __call__(self, path: str, default: Any = None) -> Any:
        """Return the value at a dotted path; UNKNOWN if that, or what it is in, is not known."""
        return at(self.inputs, path, default)

    def __str__(self) -> str:
        return f"{self.name} ({self.type})"


@dataclass(frozen=True, slots=True)
class World:
    """All resources that the stack will have."""

    resources: tuple[Resource, ...]

    def of(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of some types."""
        return (each for each in self.resources if each.type in types)

    def referred(self, resource: Resource, prop: str, kind: str) -> list[Resource]:
        """Return what *prop* of *resource* is made of, of one type."""
        urns = resource.refers.get(prop, ())
        return [each for each in self.of(kind) if each.urn in urns]


def at(value: Any, path: str, default: Any = None) -> Any:
    """Return what is at a dotted *path* in *value*."""
    for key in path.split("."):
        if value is UNKNOWN:
            return UNKNOWN
        value = value.get(key) if isinstance(value, Mapping) else None
    return default if value is None else value


def items(value: Any) -> tuple[list[Any], bool]:
    """Return the known entries of a list that may be absent, and whether all of it is known."""
    if value is None:
        return [], True
    if value is UNKNOWN:
        return [], False
    found = list(value) if isinstance(value, list | tuple) else [value]
    known = [each for each in found if each is not UNKNOWN]
    return known, len(known) == len(found)


def is_true(value: Any) -> bool:
    """Return whether *value* is true; AWS writes some booleans as text."""
    return value is True or value == "true"


def text(value: Any) -> str:
    """Return *value* as a message shows it: the configuration's own words, never a secret's."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
