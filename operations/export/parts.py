"""What a translation to Terraform gives: resources of Terraform, and what it could not say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from operations.export.reading import Reader
from operations.export.state import Deployment, LeftOut, Resource


@dataclass(frozen=True, slots=True)
class Part:
    """One resource of Terraform; a resource of Pulumi may be several of them."""

    type: str
    values: Mapping[str, Any]
    id: str
    """What others name it by in Pulumi's state; empty when nobody can."""
    suffix: str = ""
    """Added to the logical name, where one resource becomes several."""


@dataclass(frozen=True, slots=True)
class Source:
    """A resource that is being translated, and what there is beside it."""

    resource: Resource
    deployment: Deployment

    @property
    def name(self) -> str:
        """The name in the cloud."""
        return self.resource.id.rpartition("/")[2]

    def children(self, token: str) -> list[Resource]:
        """Return the resources of a type whose id is below this one's."""
        return [
            each
            for each in self.deployment.resources
            if each.type == token and each.id.startswith(f"{self.resource.id}/")
        ]

    def parent_id(self, levels: int = 1) -> str:
        """Return the id without its last *levels* pairs of type and name."""
        return self.resource.id.rsplit("/", 2 * levels)[0]


Translation = Callable[[Reader, Source], list[Part]]
Translated = tuple[list[Part], list[LeftOut]]


def block(**values: Any) -> list[dict[str, Any]]:
    """Return a nested block, which a plan has as a list; empty when it would say nothing."""
    kept = {key: value for key, value in values.items() if value is not None}
    return [kept] if kept else []
