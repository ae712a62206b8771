"""An ARM template of a deployment's Azure resources, for a deployment into one resource group.

Sources: "Template structure and syntax", "Template functions: resourceId, reference" and "Set scope
for extension resources" of the Azure Resource Manager documentation; the REST specifications for
the shape of each resource (arm_types.py).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from operations.errors import OperationError
from operations.export.arm_types import NESTED_TOP, TYPES, ArmType
from operations.export.state import SECRET, Deployment, LeftOut, Resource

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
PACKAGE = "azure-native"
GROUP = "azure-native:resources:ResourceGroup"
REFERENCED = {"managedidentity:UserAssignedIdentity": ("principalId", "clientId")}
"""Outputs, by type, that others are given: they exist only once the resource does."""

NAME_ITSELF = "resources in it name it; create it first: az group create"
NOT_AZURE = "not a resource of Azure: Pulumi makes it, and its values are parameters here"


def template(deployment: Deployment) -> dict[str, Any]:
    """Return the ARM template of *deployment*.

    Raises OperationError, by name, for a type that this project has no shape for.
    """
    return _Writer(deployment).template()


@dataclass
class _Writer:
    deployment: Deployment
    parameters: dict[str, Any] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    computed: dict[str, str] = field(default_factory=dict)
    """Expressions by value, of what Azure computes."""
    group: str = ""
    """Id of the resource group that the template is deployed into."""

    def template(self) -> dict[str, Any]:
        if self.deployment.cloud != PACKAGE:
            raise OperationError(
                "the stack cannot be exported as an ARM template",
                f"stack '{self.deployment.stack}'",
                "an ARM template holds resources of Azure, and it is on another cloud",
                "export it with --format terraform",
            )
        kept = list(self._kept())
        self.group = next((r.id for r in self.deployment.resources if r.type == GROUP), "")
        for resource in kept:
            for name in REFERENCED.get(_token(resource), ()):
                where = f"reference({self._id(resource.id)}, '{_version(resource)}').{name}"
                self.computed[str(resource.outputs[name])] = f"[{where}]"
        resources = [self._resource(each) for each in kept]
        return {
            "$schema": SCHEMA,
            "contentVersion": "1.0.0.0",
            "metadata": {
                "stack": self.deployment.stack,
                "leftOut": [{"what": each.what, "why": each.why} for each in self.left_out],
            },
            "parameters": self.parameters,
            "resources": resources,
        }

    def _kept(self) -> Iterator[Resource]:
        for resource in self.deployment.resources:
            if not resource.custom or resource.type.startswith("pulumi:"):
                continue
            if resource.type == GROUP:
                self.left_out.append(LeftOut(str(resource), NAME_ITSELF))
            elif resource.package != PACKAGE:
                self.left_out.append(LeftOut(str(resource), NOT_AZURE))
            elif _token(resource) not in TYPES:
                raise OperationError(
                    "a resource cannot be written as ARM",
                    str(resource),
                    "nobody has said how its inputs map to the REST API's properties",
                    "add its type to operations/export/arm_types.py",
                )
            else:
                yield resource

    def _resource(self, resource: Resource) -> dict[str, Any]:
        kind = TYPES[_token(resource)]
        scope, own = _split_scope(resource.id)
        made: dict[str, Any] = {
            "type": _type(own),
            "apiVersion": _version(resource),
            "name": "/".join(_names(own)),
        }
        needs: set[str] = set()
        if kind.scope:
            made["scope"] = self._value(scope, "", resource, needs)
        elif len(_names(own)) > 1:
            # A child of another resource: it needs its parent, named or not.
            self._value(resource.id.rpartition("/")[0].rpartition("/")[0], "", resource, needs)
        if kind.ordered:
            needs.update(self._before(resource))
        body = self._body(resource, kind, needs)
        made.update(body)
        if needs:
            made["dependsOn"] = sorted(needs)
        return made

    def _before(self, resource: Resource) -> Iterator[str]:
        """Yield the resources of this template that *resource* was declared to come after."""
        for other in self.deployment.resources:
            kept = other.package == PACKAGE and other.custom and other.type != GROUP
            if kept and other.urn in resource.dependencies:
                yield f"[{self._id(other.id)}]"

    def _body(self, resource: Resource, kind: ArmType, needs: set[str]) -> dict[str, Any]:
        skipped = {*kind.parameters, kind.scope, "azureApiVersion"}
        inputs = {key: item for key, item in resource.inputs.items() if key not in skipped}
        renamed = kind.renamed or {}
        shaped = {renamed.get(key, key): _nest(item, key, kind) for key, item in inputs.items()}
        if "identity" in shaped:
            shaped["identity"] = _identity(shaped["identity"])
        body = {key: item for key, item in shaped.items() if key in kind.top}
        properties = {key: item for key, item in shaped.items() if key not in kind.top}
        if properties:
            body["properties"] = {**properties, **body.get("properties", {})}
        return {key: self._value(item, key, resource, needs) for key, item in body.items()}

    def _value(self, value: Any, path: str, resource: Resource, needs: set[str]) -> Any:
        match value:
            case dict():
                return {
                    self._key(key, resource, needs): self._value(
                        item, f"{path}.{key}", resource, needs
                    )
                    for key, item in value.items()
                }
            case list():
                return [
                    self._value(item, f"{path}.{index}", resource, needs)
                    for index, item in enumerate(value)
                ]
            case str():
                return self._text(value, resource, needs)
        return self._parameter(resource, path) if value is SECRET else value

    def _key(self, key: str, resource: Resource, needs: set[str]) -> str:
        return self._text(key, resource, needs) if key.startswith("/subscriptions/") else key

    def _text(self, text: str, resource: Resource, needs: set[str]) -> str:
        if text in self.computed:
            return self.computed[text]
        if not text.startswith("/subscriptions/"):
            # A text in brackets would be an expression.
            return f"[{text}" if text.startswith("[") and text.endswith("]") else text
        target: str = text
        while target.count("/") > 2 and target not in self.deployment.by_id:
            target = target.rpartition("/")[0]
        known = self.deployment.by_id.get(target)
        if known is not None and known is not resource and known.type != GROUP:
            needs.add(f"[{self._id(known.id)}]")
        return f"[{self._id(text)}]"

    def _id(self, target: str) -> str:
        """Return the expression, without brackets, that is this id wherever it is deployed."""
        if target.count("/") == 2:
            return "subscription().id"
        scope, own = _split_scope(target)
        if not own:
            return "resourceGroup().id"
        arguments = ", ".join(f"'{each}'" for each in (_type(own), *_names(own)))
        if "/providers/" in scope:
            return f"extensionResourceId({self._id(scope)}, {arguments})"
        _, _, subscription, *group = scope.split("/")
        if not group:
            return f"subscriptionResourceId({arguments})"
        if scope != self.group:
            return f"resourceId('{subscription}', '{group[1]}', {arguments})"
        return f"resourceId({arguments})"

    def _parameter(self, resource: Resource, path: str) -> str:
        """Return a reference to a parameter that whoever deploys the template fills in."""
        last = path.rpartition(".")[2]
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{resource.name}-{last}")
        self.parameters[name] = {
            "type": "securestring",
            "metadata": {"description": f"Secret, not exported: {path} of {resource}."},
        }
        return f"[parameters('{name}')]"


def _token(resource: Resource) -> str:
    return resource.type.partition(":")[2]


def _version(resource: Resource) -> str:
    """Return the API version that the provider speaks to the resource with."""
    key = "azureApiVersion"
    return str(resource.outputs.get(key) or resource.inputs.get(key) or "")


def _nest(value: Any, path: str, kind: ArmType) -> Any:
    """Return *value* with the level `properties` wherever the REST API has one."""
    match value:
        case dict():
            renamed = kind.renamed or {}
            made = {
                renamed.get(f"{path}.{key}", key): _nest(item, f"{path}.{key}", kind)
                for key, item in value.items()
            }
            if path not in kind.nested:
                return made
            top = {key: item for key, item in made.items() if key in NESTED_TOP}
            inner = {key: item for key, item in made.items() if key not in NESTED_TOP}
            return {**top, "properties": inner} if inner else top
        case list():
            return [_nest(item, f"{path}[]", kind) for item in value]
    return value


def _identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return *identity* as Azure takes it: a map of empty objects by id, a list in Pulumi."""
    ids = identity.get("userAssignedIdentities")
    return (
        {**identity, "userAssignedIdentities": {each: {} for each in ids}} if ids else {**identity}
    )


def _split_scope(target: str) -> tuple[str, str]:
    """Return the scope of an id and what the id adds to it, from the last `/providers/`."""
    scope, _, own = target.rpartition("/providers/")
    return scope, own


def _parts(own: str) -> tuple[str, list[str], list[str]]:
    namespace, *rest = own.split("/")
    return namespace, rest[::2], rest[1::2]


def _type(own: str) -> str:
    namespace, types, _ = _parts(own)
    return "/".join((namespace, *types))


def _names(own: str) -> list[str]:
    return _parts(own)[2]
