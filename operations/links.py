"""Which resource an input of another names.

In what is deployed an input holds an id, a name or an ARN. In what would be, these are unknown:
then it is the resource that the engine says the input was made from, where one is of the type.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from operations.export.state import UNKNOWN, Deployment, Resource


class UnclearError(Exception):
    """Something that the deployment does not tell."""


def is_unknown(value: Any) -> bool:
    """Return whether *value* is one that only a deployment makes known, or is made with one."""
    return isinstance(value, str) and UNKNOWN in value


class Links:
    """The resources of a deployment, by all that names them."""

    def __init__(self, deployment: Deployment) -> None:
        self._by_urn = {each.urn: each for each in deployment.resources}
        self._named: dict[str, list[Resource]] = {}
        for each in deployment.resources:
            if each.custom:
                for name in _names(each):
                    self._named.setdefault(name.lower(), []).append(each)

    def parents(self, resource: Resource) -> Iterator[Resource]:
        """Yield the components that *resource* is part of, the nearest first."""
        seen = {resource.urn}
        while resource.parent not in seen and resource.parent in self._by_urn:
            resource = self._by_urn[resource.parent]
            seen.add(resource.urn)
            yield resource

    def one(self, owner: Resource, key: str, value: Any, *types: str) -> Resource | None:
        """Return the resource of one of *types* that *value*, under input *key*, names.

        None where it names nothing. Raises UnclearError where that cannot be told.
        """
        if value is None or value == "":
            return None
        found = self.many(owner, key, [value], *types)
        if len(found) != 1:
            raise UnclearError(
                f"only a deployment tells which {_kind(types)} '{owner.name}' belongs to"
            )
        return found[0]

    def many(self, owner: Resource, key: str, values: Any, *types: str) -> list[Resource]:
        """Return the resources that *values* name. Raises UnclearError where that cannot be told.

        Where some are unknown, these are all that the input was made from, which may be too many.
        """
        if is_unknown(values):
            values = [values]
        if not isinstance(values, list):
            return []
        told = [self._known(value, types) for value in values if not is_unknown(value)]
        if None in told:
            raise UnclearError(
                f"the input '{key}' of '{owner.name}' names what is no part of the stack"
            )
        found = [each for each in told if each]
        if len(told) < len(values):
            made_from = self._made_from(owner, key, types)
            if not made_from:
                raise UnclearError(f"only a deployment tells what '{key}' of '{owner.name}' names")
            found += made_from
        return list({each.urn: each for each in found}.values())

    def listed(self, prefix_list: str, *types: str) -> Resource | None:
        """Return the resource that AWS's prefix list of this id belongs to, or None."""
        return next(
            (
                each
                for each in self._by_urn.values()
                if each.type in types and prefix_list in (each.id, each.outputs.get("prefixListId"))
            ),
            None,
        )

    def _known(self, value: Any, types: Sequence[str]) -> Resource | None:
        """Return what *value* names: itself, or what it is a part of."""
        name = value.lower() if isinstance(value, str) and not is_unknown(value) else ""
        while name:
            found = [each for each in self._named.get(name, ()) if each.type in types]
            if len(found) == 1:
                return found[0]
            name = name.rpartition("/")[0] if name.startswith("/subscriptions/") else ""
        return None

    def _made_from(self, owner: Resource, key: str, types: Sequence[str]) -> list[Resource]:
        urns = sorted(owner.property_dependencies.get(key, ()))
        return [
            self._by_urn[urn] for urn in urns if getattr(self._by_urn.get(urn), "type", "") in types
        ]


def _names(resource: Resource) -> set[str]:
    """Return what others call *resource*."""
    told = (resource.id, resource.outputs.get("arn"), resource.outputs.get("name"))
    made = (resource.inputs.get(key) for key in ("name", "networkSecurityGroupName", "serverName"))
    return {
        name for name in (*told, *made) if isinstance(name, str) and name and UNKNOWN not in name
    }


def _kind(types: Sequence[str]) -> str:
    return " or ".join(kind.rpartition(":")[2] for kind in types)
