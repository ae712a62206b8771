"""A Terraform plan, as `terraform show -json` writes one, of a deployment that Pulumi made.

Source: "JSON Output Format" of the Terraform documentation (plan representation, values,
configuration). Checkov reads `planned_values` for the values and `configuration` for who refers to
whom. There is no Terraform program behind it: `terraform_version` names the format's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations.errors import OperationError
from operations.export import azurerm, by_rule
from operations.export.parts import Part, Translated
from operations.export.state import SECRET, Deployment, LeftOut, Resource

FORMAT = "1.2"
VERSION = "1.9.8"
"""The Terraform whose format this is."""

PLACEHOLDER = "(secret, not exported)"
PULUMI_ONLY = "pulumi:"
REGISTRY = "registry.terraform.io/hashicorp"
SHORTEST_ID = 8
"""Characters; a shorter text is a name that others may have by chance."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A resource of Terraform with its name."""

    part: Part
    name: str
    source: Resource

    @property
    def address(self) -> str:
        return f"{self.part.type}.{self.name}"

    @property
    def provider(self) -> str:
        return self.part.type.partition("_")[0]


def plan(deployment: Deployment, *, deployed: bool) -> dict[str, Any]:
    """Return the plan of *deployment*: to create all of it, or, when *deployed*, to change nothing.

    Raises OperationError, by name, for a type that this project cannot translate.
    """
    named, left_out = _named(deployment)
    # Of several that share an id the first has it: the others (a bucket's versioning) came after.
    addresses = dict(reversed(list(_addresses(named))))
    unknown = {} if deployed else addresses
    resources = [_Planned(each, _others(each, unknown)) for each in named]
    return {
        "format_version": FORMAT,
        "terraform_version": VERSION,
        "operationalization": {
            "stack": deployment.stack,
            "left_out": [{"what": each.what, "why": each.why} for each in left_out],
        },
        "planned_values": {"root_module": {"resources": [each.values() for each in resources]}},
        "resource_changes": [each.change(deployed) for each in resources],
        "configuration": {
            "provider_config": {
                name: {"name": name, "full_name": f"{REGISTRY}/{name}"}
                for name in sorted({each.provider for each in named})
            },
            "root_module": {
                "resources": [_configuration(each, _others(each, addresses)) for each in named],
            },
        },
    }


def _named(deployment: Deployment) -> tuple[list[_Named], list[LeftOut]]:
    named: list[_Named] = []
    left_out: list[LeftOut] = []
    taken: set[str] = set()
    for resource in _kept(deployment):
        parts, missing = _translate(resource, deployment)
        left_out += missing
        for part in parts:
            name = re.sub(
                r"[^A-Za-z0-9_-]", "-", "-".join(filter(None, (resource.name, part.suffix)))
            )
            made = _Named(part, name if name[:1].isalpha() else f"_{name}", resource)
            while made.address in taken:
                made = _Named(part, f"{made.name}-again", resource)
            taken.add(made.address)
            named.append(made)
    return named, left_out


def _kept(deployment: Deployment) -> Iterator[Resource]:
    if not deployment.cloud:  # refuses what is no environment
        return
    for resource in deployment.resources:
        if resource.custom and not resource.type.startswith(PULUMI_ONLY):
            yield resource


def _translate(resource: Resource, deployment: Deployment) -> Translated:
    match resource.package:
        case "azure-native":
            return azurerm.translate(resource, deployment)
        case "aws" | "random" | "tls":
            return by_rule.translate(resource, deployment)
    raise OperationError(
        "a resource cannot be written as Terraform",
        str(resource),
        "nobody has said which provider of Terraform it is of",
        "add its package to operations/export/terraform.py",
    )


def _addresses(named: list[_Named]) -> Iterator[tuple[str, str]]:
    """Yield what a resource is called by others, and the attribute of which resource that is."""
    for each in named:
        arn = each.source.outputs.get("arn")
        for attribute, value in (("id", each.part.id), ("arn", arn)):
            if isinstance(value, str) and len(value) >= SHORTEST_ID and each.provider != "random":
                yield value, f"{each.address}.{attribute}"


def _others(each: _Named, addresses: Mapping[str, str]) -> Mapping[str, str]:
    """Return what names other resources than *each*."""
    return {text: to for text, to in addresses.items() if not to.startswith(f"{each.address}.")}


@dataclass(frozen=True, slots=True)
class _Planned:
    """What a plan says of one resource."""

    named: _Named
    unknown: Mapping[str, str]
    """What nobody knows before it is made: ids and ARNs of the other resources of the plan."""

    def values(self) -> dict[str, Any]:
        told = self._known()
        return {
            **self._identity(),
            "schema_version": 0,
            "values": _told(told),
            "sensitive_values": _sensitive(told) or {},
        }

    def change(self, deployed: bool) -> dict[str, Any]:
        told = self._known()
        after, sensitive = _told(told), _sensitive(told) or {}
        unknown = [key for key in self._all() if key not in told]
        return {
            **self._identity(),
            "change": {
                "actions": ["no-op"] if deployed else ["create"],
                "before": after if deployed else None,
                "after": after,
                "after_unknown": dict.fromkeys(unknown, True),
                "before_sensitive": sensitive if deployed else False,
                "after_sensitive": sensitive,
            },
        }

    def _identity(self) -> dict[str, Any]:
        return {
            "address": self.named.address,
            "mode": "managed",
            "type": self.named.part.type,
            "name": self.named.name,
            "provider_name": f"{REGISTRY}/{self.named.provider}",
        }

    def _all(self) -> dict[str, Any]:
        return {key: value for key, value in self.named.part.values.items() if value is not None}

    def _known(self) -> dict[str, Any]:
        known: dict[str, Any] = _without(self._all(), self.unknown)
        return known


def _without(value: Any, unknown: Mapping[str, str]) -> Any:
    """Return *value* without what is unknown, as a plan has it: absent, lists as a whole."""
    match value:
        case dict():
            return {
                key: _without(item, unknown)
                for key, item in value.items()
                if not _is_unknown(item, unknown)
            }
        case list():
            return [_without(item, unknown) for item in value]
    return value


def _is_unknown(value: Any, unknown: Mapping[str, str]) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, str) and item in unknown for item in value)
    return isinstance(value, str) and value in unknown


def _told(value: Any) -> Any:
    match value:
        case dict():
            return {key: _told(item) for key, item in value.items()}
        case list():
            return [_told(item) for item in value]
    return PLACEHOLDER if value is SECRET else value


def _sensitive(value: Any) -> Any:
    """Return true where *value* has a secret, in its shape; None where it has none."""
    match value:
        case dict():
            found = {key: _sensitive(item) for key, item in value.items()}
            return {key: item for key, item in found.items() if item is not None} or None
        case list():
            items = [_sensitive(item) for item in value]
            return [item or {} for item in items] if any(items) else None
    return True if value is SECRET else None


def _configuration(each: _Named, addresses: Mapping[str, str]) -> dict[str, Any]:
    told = {key: value for key, value in each.part.values.items() if value is not None}
    return {
        "address": each.address,
        "mode": "managed",
        "type": each.part.type,
        "name": each.name,
        "provider_config_key": each.provider,
        "expressions": {key: _expression(value, addresses) for key, value in told.items()},
        "schema_version": 0,
    }


def _expression(value: Any, addresses: Mapping[str, str]) -> Any:
    """Return what a program would say for *value*: blocks as such, else whom it refers to."""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [
            {key: _expression(inner, addresses) for key, inner in item.items()}
            for item in value
            if isinstance(item, dict)
        ]
    references = list(dict.fromkeys(_references(value, addresses)))
    return {"references": references} if references else {}


def _references(value: Any, addresses: Mapping[str, str]) -> Iterator[str]:
    match value:
        case str() if value in addresses:
            yield addresses[value]
            yield addresses[value].rpartition(".")[0]
        case list():
            for item in value:
                yield from _references(item, addresses)
        case dict():
            for item in value.values():
                yield from _references(item, addresses)
