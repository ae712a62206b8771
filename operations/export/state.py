"""The engine's state of one stack, as `pulumi stack export` writes it.

Secrets are `SECRET` from here on: their ciphertext is dropped as it is read, so that nothing after
this module could write one.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from operations.errors import OperationError

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key by which the engine marks a value that is more than plain JSON."""

SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 -- the engine's mark of a secret


class Secret:
    """A value that is not told."""

    def __repr__(self) -> str:
        return "SECRET"


SECRET = Secret()

MASKED = "[secret]"
"""What `pulumi preview --json` writes in place of a secret."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What it writes in place of a value of any type that only a deployment makes known
(`computedValuePlaceholder` in pkg/resource/stack/deployment.go of v3.200.0)."""

ENGINE_INPUTS = ("__createBeforeDelete", "__defaults", "__internal")
"""Inputs that providers keep for themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One resource of a provider or component."""

    urn: str
    type: str
    """Pulumi's token: `azure-native:network:Subnet`."""
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    custom: bool
    """False for components, which exist in the program only."""
    dependencies: frozenset[str] = frozenset()
    """URNs of what it came after."""
    property_dependencies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Input: URNs of the resources that its value was made from."""
    parent: str = ""
    """URN of the resource that it belongs to."""
    protect: bool = False
    """The engine refuses to delete it."""
    retain_on_delete: bool = False
    """The engine forgets it and leaves it where it is."""
    deleted_with: str = ""
    """URN of the resource that takes it along as it goes."""
    ignore_changes: tuple[str, ...] = ()
    """Inputs that the program gives up to others, such as an autoscaler."""

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def package(self) -> str:
        """The provider's package: `azure-native`."""
        return self.type.partition(":")[0]

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the deployment that an export does not say, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """All that a stack has deployed."""

    stack: str
    resources: tuple[Resource, ...]
    by_id: Mapping[str, Resource] = field(repr=False)
    """Custom resources by id; an id that several share (of random, tls) names none."""

    def of(self, package: str) -> list[Resource]:
        """Return the resources of a provider."""
        return [each for each in self.resources if each.package == package]

    @property
    def cloud(self) -> str:
        """The package of the cloud that the stack is on."""
        found = [name for name in ("azure-native", "aws") if self.of(name)]
        if len(found) != 1:
            raise OperationError(
                "the stack cannot be exported",
                f"stack '{self.stack}'",
                "it has resources of both clouds" if found else "it has no resources of a cloud",
                "deploy it first: scripts/up" if not found else "export a stack of one cloud",
            )
        return found[0]


def parse(text: str, stack: str) -> Deployment:
    """Return the deployment in *text*. Raises OperationError when it is none."""
    try:
        found = json.loads(text)["deployment"].get("resources") or []
        resources = tuple(resource(each) for each in found if not each.get("delete"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperationError(
            "the state cannot be read",
            f"stack '{stack}'",
            f"it is not what `pulumi stack export` writes: {type(error).__name__}",
            "export it anew with the engine of this project",
        ) from None
    return made_of(stack, resources)


def made_of(stack: str, resources: Iterable[Resource]) -> Deployment:
    """Return the deployment that has these *resources*."""
    found = tuple(resources)
    by_id: dict[str, Resource] = {}
    shared: set[str] = set()
    for each in found:
        if each.custom and each.id:
            if each.id in by_id:
                shared.add(each.id)
            by_id[each.id] = each
    return Deployment(stack, found, {k: v for k, v in by_id.items() if k not in shared})


def resource(found: Mapping[str, Any]) -> Resource:
    """Return one resource of the engine's state. Raises KeyError and the like when it is none."""
    inputs = _plain(found.get("inputs") or {})
    return Resource(
        urn=found["urn"],
        type=found["type"],
        id=found.get("id", ""),
        inputs={k: v for k, v in inputs.items() if k not in ENGINE_INPUTS},
        outputs=_plain(found.get("outputs") or {}),
        custom=bool(found.get("custom")),
        dependencies=frozenset(found.get("dependencies") or ()),
        property_dependencies={
            key: frozenset(urns or ())
            for key, urns in (found.get("propertyDependencies") or {}).items()
        },
        parent=found.get("parent", ""),
        protect=bool(found.get("protect")),
        retain_on_delete=bool(found.get("retainOnDelete")),
        deleted_with=found.get("deletedWith", ""),
        ignore_changes=tuple(found.get("ignoreChanges") or ()),
    )


def _plain(value: Any) -> Any:
    """Return *value* with SECRET for each secret, and what archives and assets are of as text."""
    match value:
        case {**signed} if SIGNATURE in signed:
            if signed[SIGNATURE] == SECRET_SIGNATURE:
                return SECRET
            return f"(an asset or archive, sha256 {signed.get('hash', 'unknown')})"
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case str() if value == MASKED:
            return SECRET
    return value
