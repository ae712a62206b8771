"""A pretend Azure for programs under mocks: ids and computed outputs in Azure's shapes."""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import pulumi
import yaml

from components.parts.naming import environment_name
from components.settings import load
from components.topologies import choice
from tests.support import stacks
from tests.support.cloud import STACK, EchoCloud, World, deploy

ROOT = Path(__file__).parents[2]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/test"
IMAGE = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/images"
    "/providers/Microsoft.Compute/galleries/models/images/plumber/versions/1.0.0"
)
"""A complete image."""
CLOSED = {
    "access__egress": "none",
    "runtime__image": "complete",
    "runtime__imageId": IMAGE,
}
"""Changes that make nodes live without the internet."""

FEATURE = "azure-native:features:getSubscriptionFeatureRegistration"
SECRET_VALUE = "s3cr3t-value-of-"
"""Begins every secret that the pretend providers make, so that a test can look for it."""


def feature(state: str) -> dict[str, Any]:
    """The answer about a feature of the subscription."""
    return {
        "id": "feature",
        "name": "EncryptionAtHost",
        "type": "Microsoft.Features/featureProviders/subscriptionFeatureRegistrations",
        "systemData": {},
        "properties": {
            "state": state,
            "featureName": "EncryptionAtHost",
            "providerNamespace": "Microsoft.Compute",
        },
    }


NAMED = (
    "secretName",
    "vaultName",
    "privateZoneName",
    "accountName",
    "taskRunName",
    "agentPoolName",
    "registryName",
    "deploymentName",
    "endpointName",
    "workspaceName",
)
"""Inputs that name the resource itself, the most special first."""


class AzureCloud(EchoCloud):
    """Azure, random and tls, as far as the program reads their outputs."""

    def __init__(self, answers: Mapping[str, dict[str, Any]] | None = None) -> None:
        super().__init__(answers={FEATURE: feature("Registered"), **(answers or {})})

    def new_resource(self, args: Any) -> tuple[str | None, dict[str, Any]]:
        _, outputs = super().new_resource(args)
        package, _, kind = args.typ.partition(":")
        if package == "azure-native":
            return _azure(kind, args.name, outputs)
        if package in ("random", "tls"):
            outputs.update(generated(args.name))
        return f"{args.name}-id", outputs


def _azure(kind: str, name: str, outputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    # azure-native's secrets name themselves with an input of their own.
    outputs["name"] = next(
        (outputs[key] for key in NAMED if key in outputs),
        name,
    )
    match kind:
        case "resources:ResourceGroup":
            return GROUP, outputs
        case "keyvault:Vault":
            uri = f"https://{outputs['vaultName']}.vault.azure.net/"
            outputs["properties"] = {**outputs["properties"], "vaultUri": uri}
        case "network:PublicIPAddress":
            outputs["ipAddress"] = "20.50.2.80"
        case "managedidentity:UserAssignedIdentity":
            outputs |= {
                "principalId": f"{name}-principal",
                "clientId": f"{name}-client",
                "tenantId": "tenant",
            }
        case "dbforpostgresql:Server":
            outputs["fullyQualifiedDomainName"] = f"{name}.postgres.database.azure.com"
        case "machinelearningservices:OnlineEndpoint":
            host = f"{outputs['endpointName']}.{outputs['location']}.inference.ml.azure.com"
            uri = f"https://{host}/score"
            outputs["properties"] = {**outputs["properties"], "scoringUri": uri}
        case "sql:Server":
            outputs["fullyQualifiedDomainName"] = f"{name}.database.windows.net"
    if "userAssignedIdentities" in outputs.get("identity", {}):
        # A list of ids goes in, a map by id comes back.
        ids = list(outputs["identity"]["userAssignedIdentities"])
        given = {one: {"clientId": "client", "principalId": "principal"} for one in ids}
        outputs["identity"] = {**outputs["identity"], "userAssignedIdentities": given}
    return f"{GROUP}/providers/{kind.replace(':', '/')}/{name}", outputs


def generated(name: str) -> dict[str, Any]:
    """What the providers `random` and `tls` make, on every cloud."""
    return {
        "result": "abc123" if name.endswith("suffix") else f"{SECRET_VALUE}{name}",
        "privateKeyPem": f"{SECRET_VALUE}{name}-key\n",
        "privateKeyPemPkcs8": f"{SECRET_VALUE}{name}-key8\n",
        "publicKeyOpenssh": f"ssh-ed25519 {name}\n",
        "certPem": f"certificate of {name}\n",
        "certRequestPem": f"request of {name}\n",
        "validityEndTime": "2028-01-01T00:00:00Z",
    }


@cache
def stack(name: str) -> Mapping[str, Any]:
    """The configuration of a stack of `stacks/`, over its base."""
    return stacks.config(name)


def changed(name: str, **changes: Any) -> dict[str, Any]:
    """The configuration of a stack with other settings: `web__count=3`; `None` removes a key."""
    environment = yaml.safe_load(yaml.safe_dump(stack(name)["operationalization:environment"]))
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = environment
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
        if value is None:
            del place[last]
    return {"operationalization:environment": environment}


def program(project: Path = ROOT) -> choice.Declared:
    """What `__main__` does, with its topology as the result."""
    settings = load(pulumi.Config(), STACK, project)
    return choice.declare(environment_name(STACK), STACK, settings)


def deployed(config: Mapping[str, Any], **options: Any) -> World:
    """The whole program's resources, for a configuration of `stack` or `changed`."""
    built = partial(program, options.pop("project", ROOT))
    return deploy(built, cloud=options.pop("cloud", AzureCloud()), config=config, **options)


@cache
def world(name: str) -> World:
    """The resources of a stack as it is; nobody changes it, so every test may read it."""
    return deployed(stack(name))


def walk(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every leaf below *value* with its path; `Secret` is a leaf."""
    if isinstance(value, Mapping):
        return [leaf for key, item in value.items() for leaf in walk(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in walk(item, f"{path}[{index}]")]
    return [(path, value)]
