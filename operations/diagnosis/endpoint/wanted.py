"""What a managed endpoint should be: its outputs, and the engine's state of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations import split as splits
from operations.endpoint import API_VERSION, Endpoint
from operations.endpoint_cloud import value
from operations.errors import OperationError
from operations.export.state import Deployment as State
from operations.export.state import Resource
from operations.split import Split
from operations.traffic import SETTER, TEMPLATE

_NATIVE = "azure-native:"
ENDPOINT = f"{_NATIVE}machinelearningservices:OnlineEndpoint"
DEPLOYMENT = f"{_NATIVE}machinelearningservices:OnlineDeployment"
ENVIRONMENT = f"{_NATIVE}machinelearningservices:EnvironmentVersion"
MODEL = f"{_NATIVE}machinelearningservices:ModelVersion"
WORKSPACE = f"{_NATIVE}machinelearningservices:Workspace"
REGISTRY = f"{_NATIVE}containerregistry:Registry"
ACCOUNT = f"{_NATIVE}storage:StorageAccount"
VAULT = f"{_NATIVE}keyvault:Vault"
ASSIGNMENT = f"{_NATIVE}authorization:RoleAssignment"
AUTOSCALE = f"{_NATIVE}monitor:AutoscaleSetting"
PRIVATE_ENDPOINT = f"{_NATIVE}network:PrivateEndpoint"
ON_THE_WAY = (
    ENDPOINT,
    DEPLOYMENT,
    ENVIRONMENT,
    MODEL,
    WORKSPACE,
    REGISTRY,
    ACCOUNT,
    f"{_NATIVE}storage:BlobContainer",
    VAULT,
    f"{_NATIVE}managedidentity:UserAssignedIdentity",
    ASSIGNMENT,
    AUTOSCALE,
    PRIVATE_ENDPOINT,
    f"{_NATIVE}network:PrivateDnsZoneGroup",
    f"{_NATIVE}privatedns:PrivateZone",
    f"{_NATIVE}privatedns:VirtualNetworkLink",
)
"""What a request, or an instance that starts, needs. All else is scripts/drift's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What should be there."""

    endpoint: Endpoint
    split: Split
    written: Mapping[str, Any]
    """Properties of the endpoint, as they were written last."""
    resources: tuple[Resource, ...]
    """Of the types that are ON_THE_WAY."""

    @property
    def private(self) -> bool:
        """Whether it is reached through private addresses only."""
        return self.written.get("publicNetworkAccess") == "Disabled"

    def of(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of these types."""
        return (each for each in self.resources if each.type in types)

    @property
    def deployments(self) -> dict[str, Resource]:
        """The deployments by name."""
        return {name_of(each.id): each for each in self.of(DEPLOYMENT)}

    @property
    def versions(self) -> dict[str, str]:
        """By id of a resource: the version of Azure's interface that it was made with."""
        return {
            each.id: str(each.inputs.get("azureApiVersion") or API_VERSION)
            for each in self.resources
        }


def deployed(resource: Resource, path: str) -> Any:
    """Return a property as it was deployed: in the cloud's own words, where it said any.

    Azure answers in another form than it is asked in, now and then: an id of its own, a default.
    """
    said = value(resource.outputs, path)
    return value(resource.inputs, path) if said is None else said


def name_of(arm: str) -> str:
    """Return the last part of an id."""
    return arm.rpartition("/")[2]


def read(endpoint: Endpoint, state: State) -> Wanted:
    """Return what the state says. Raises OperationError when it was not deployed to its end."""
    written = next(_written(state), None)
    if written is None:
        raise OperationError(
            "nobody can tell what the endpoint should be",
            f"stack '{endpoint.stack}'",
            "its state has nothing that sets the traffic: it was not deployed to its end",
            f"scripts/up --stack {endpoint.stack}, or pulumi up -s {endpoint.stack}",
        )
    return Wanted(
        endpoint=endpoint,
        split=splits.made(written.get("traffic"), written.get("mirrorTraffic")),
        written=written,
        resources=tuple(each for each in state.resources if each.type in ON_THE_WAY and each.id),
    )


def _written(state: State) -> Iterator[Mapping[str, Any]]:
    for each in state.resources:
        if each.type == TEMPLATE and each.urn.endswith(SETTER):
            yield each.inputs["properties"]["template"]["resources"][0]["properties"]
