"""The form in which a cloud tells of an endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


def key(arm: str) -> str:
    """Return an id as it is compared: Azure's are the same in any case."""
    return arm.casefold()


def value(resource: Mapping[str, Any], path: str) -> Any:
    """Return a property by its dotted *path*; None where there is none.

    azure-native leaves out a level `properties` that Azure's own answers have, of most types.
    """
    for base in (resource, resource.get("properties")):
        found: Any = base
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is not None:
            return found
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """A container that runs a deployment."""

    name: str
    id: str
    deployment: str
    state: str
    """In the cloud's own word."""
    ready: bool
    why: str = ""
    """Why it is not ready, as far as the cloud says it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a cloud tells of resources, at one moment."""

    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By `key` of their id."""
    gone: frozenset[str] = frozenset()
    """Keys of those that do not exist."""
    untold: Mapping[str, str] = field(default_factory=dict)
    """Why nothing is known of one, by key."""


class Source(Protocol):
    """Tells of an endpoint. Nothing is changed by asking."""

    def facts(self, wanted: Mapping[str, str]) -> Facts:
        """Return what is known of resources: versions of Azure's interface by id.

        Raises OperationError when nobody answers.
        """
        ...

    def instances(self, deployments: Mapping[str, str]) -> Sequence[Instance] | None:
        """Return the instances of deployments, whose ids are given by name.

        None where the cloud does not tell of single ones. Raises OperationError.
        """
        ...

    def has_image(self, reference: str) -> bool:
        """Return whether a registry has the image `HOST/NAME:TAG`. Raises OperationError."""
        ...

    def log(self, deployment: str, instance: Instance | None) -> str:
        """Return the end of what a deployment's container said. Raises OperationError."""
        ...
