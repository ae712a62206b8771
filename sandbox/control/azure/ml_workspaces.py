"""Machine learning workspaces, and the models and environments registered in them.

A deleted workspace stays behind as a note (`deleted-workspace/ID`) for 14 days: until it is purged,
no other one can have its name in its group. A model, or an environment, comes about with its first
version, and here goes with its last one.

Sources: Azure documentation, "Manage Azure Machine Learning workspaces", "Recover workspace data
while soft deleted", "Naming rules and restrictions for Azure resources"; REST specification of
Microsoft.MachineLearningServices (names; what of an environment version is create-only).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from sandbox.control.azure.application_insights import COMPONENT
from sandbox.control.azure.arm import (
    not_emulated,
    one_of,
    parent_of,
    provider,
    required,
    standard,
    unchangeable,
    within,
)
from sandbox.control.azure.key_vaults import VAULT
from sandbox.control.azure.locations import normal
from sandbox.control.azure.machines import (
    IDENTITY_REFERENCES,
    identity_outputs,
    identity_problems,
)
from sandbox.control.azure.managed_identities import IDENTITY
from sandbox.control.azure.registries import REGISTRY
from sandbox.control.azure.storage_accounts import ACCOUNT
from sandbox.control.kinds import (
    CloudError,
    Context,
    Kind,
    Name,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
)
from sandbox.control.reading import mapping, text

ML_WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
ML_WORKSPACE_KIND = "azure-native:machinelearningservices:Workspace"
MODEL_VERSION = f"{ML_WORKSPACE}/models/versions"
MODEL_VERSION_KIND = "azure-native:machinelearningservices:ModelVersion"
ENVIRONMENT_VERSION = f"{ML_WORKSPACE}/environments/versions"
ENVIRONMENT_VERSION_KIND = "azure-native:machinelearningservices:EnvironmentVersion"

_CONTAINERS = {
    MODEL_VERSION_KIND: "azure-native:machinelearningservices:ModelContainer",
    ENVIRONMENT_VERSION_KIND: "azure-native:machinelearningservices:EnvironmentContainer",
}
_SOFT_DELETED = timedelta(days=14)
_URI = re.compile(r"(azureml://|https://|wasbs://|abfss://|runs:/).+")
_IMAGE = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?")


def deleted_workspace_note(target: str) -> str:
    """Where a soft-deleted workspace is kept."""
    return f"deleted-workspace/{target.casefold()}"


def _workspace_rules(values: Values) -> Iterator[Problem]:
    kind = text(values, "kind")
    if kind is not None and kind != "Default":
        yield Problem("kind", f"the sandbox does not emulate {kind} workspaces: use Default")
    yield from one_of(values, "publicNetworkAccess", ("Enabled", "Disabled"))
    yield from one_of(values, "systemDatastoresAuthMode", ("accesskey", "identity"))
    yield from one_of(
        values,
        "managedNetwork.isolationMode",
        ("Disabled", "AllowInternetOutbound", "AllowOnlyApprovedOutbound"),
    )
    yield from identity_problems(values)
    yield from not_emulated(
        values,
        {
            "encryption": "leave it out: keys are the platform's",
            "enableServiceSideCMKEncryption": "leave it out",
            "featureStoreSettings": "leave it out",
            "hubResourceId": "leave it out",
            "imageBuildCompute": "build images with a TaskRun",
            "managedNetwork.outboundRules": "leave it out",
            "serverlessComputeSettings": "leave it out",
            "serviceManagedResourcesSettings": "leave it out",
            "sharedPrivateLinkResources": "leave it out",
            "workspaceHubConfig": "leave it out",
        },
    )


def _verify_workspace(context: Context) -> Iterator[Problem]:
    yield from required(
        context.inputs,
        "storageAccount",
        "keyVault",
        "applicationInsights",
        "identity",
        code="ValidationError",
    )
    kind = text(context.inputs, "identity.type") or ""
    primary = text(context.inputs, "primaryUserAssignedIdentity")
    if kind and "SystemAssigned" not in kind and primary is None:
        yield Problem(
            "primaryUserAssignedIdentity",
            "is missing: a workspace without a system-assigned identity acts as this one",
            "ValidationError",
        )
    yield from unchangeable(
        context,
        {
            "storageAccount": "storageAccount",
            "keyVault": "keyVault",
            "hbiWorkspace": "hbiWorkspace",
        },
    )
    if context.previous is None and context.world.note(deleted_workspace_note(context.id)):
        yield Problem(
            "workspaceName",
            "Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete",
            "Conflict",
        )


def _workspace_outputs(context: Context) -> Outputs:
    location, own = (
        normal(text(context.inputs, "location") or ""),
        context.identifier("workspaceId"),
    )
    defaults: Outputs = {
        "friendlyName": context.name,
        "hbiWorkspace": False,
        "kind": "Default",
        "publicNetworkAccess": "Enabled",
        "v1LegacyMode": False,
        "sku": {"name": "Basic", "tier": "Basic"},
        "systemDatastoresAuthMode": "accesskey",
    }
    return {
        **{name: value for name, value in defaults.items() if context.inputs.get(name) is None},
        "discoveryUrl": f"https://{location}.api.azureml.ms/discovery",
        "mlFlowTrackingUri": f"azureml://{location}.api.azureml.ms/mlflow/v1.0{context.id}",
        "notebookInfo": {
            "fqdn": f"ml-{context.name}-{location}-{own}.{location}.notebooks.azure.net",
            "isPrivateLinkEnabled": text(context.inputs, "publicNetworkAccess") == "Disabled",
            "resourceId": own.replace("-", ""),
        },
        "privateEndpointConnections": [],
        "privateLinkCount": 0,
        "storageHnsEnabled": False,
        "tenantId": context.world.tenant,
        "workspaceId": own,
        **identity_outputs(context),
    }


def _workspace_deleting(record: Record, transaction: Transaction) -> None:
    gone = datetime.now().astimezone()
    transaction.remember(
        deleted_workspace_note(record.id),
        {
            "id": record.id,
            "location": text(record.inputs, "location"),
            "deletionDate": gone.isoformat(timespec="seconds"),
            "scheduledPurgeDate": (gone + _SOFT_DELETED).isoformat(timespec="seconds"),
        },
    )


def purge_workspace(target: str, transaction: Transaction) -> None:
    """Remove a soft-deleted workspace for good. Raises CloudError."""
    if not isinstance(transaction.note(deleted_workspace_note(target)), Mapping):
        raise CloudError("WorkspaceNotFound", f"There is no deleted workspace {target}.")
    transaction.remember(deleted_workspace_note(target), None)


def _contain(context: Context, transaction: Transaction) -> None:
    """The model (or environment) that a version lies in."""
    container = parent_of(context.id)
    if transaction.find(container) is not None or not transaction.find(parent_of(container)):
        return
    segments = container.split("/")
    inputs: Outputs = {
        "resourceGroupName": segments[4],
        "workspaceName": segments[8],
        "name": segments[-1],
        "properties": {},
    }
    transaction.put(
        Record(
            id=container,
            type=_CONTAINERS[context.type],
            inputs=inputs,
            outputs={
                "name": segments[-1],
                "type": f"{ML_WORKSPACE}/{segments[-2]}",
                "properties": {"isArchived": False, "provisioningState": "Succeeded"},
            },
            incarnation=context.identifier("container"),
            created=context.created,
        )
    )


def _version_deleting(record: Record, transaction: Transaction) -> None:
    container = transaction.find(parent_of(record.id))
    others = [each for each in transaction.children(parent_of(record.id)) if each.id != record.id]
    if container is not None and not container.urn and not others:
        transaction.remove(record.id)
        transaction.remove(container.id)


def _model_rules(values: Values) -> Iterator[Problem]:
    uri = text(values, "properties.modelUri")
    if uri is not None and not _URI.fullmatch(uri):
        yield Problem(
            "properties.modelUri",
            f"must be a URI of a datastore or a blob (azureml://... or https://...), got {uri!r}",
            "ValidationError",
        )
    yield from one_of(
        values, "properties.modelType", ("custom_model", "mlflow_model", "triton_model")
    )
    yield from not_emulated(values, {"properties.datasets": "leave it out"})


def _verify_model(context: Context) -> Iterator[Problem]:
    yield from required(context.inputs, "properties.modelUri", code="ValidationError")
    yield from unchangeable(
        context, {"properties.modelUri": "modelUri", "properties.modelType": "modelType"}
    )


def _environment_rules(values: Values) -> Iterator[Problem]:
    image = text(values, "properties.image")
    if image is not None and not _IMAGE.fullmatch(image):
        yield Problem(
            "properties.image", f"{image!r} is not the name of an image", "ValidationError"
        )
    yield from one_of(values, "properties.osType", ("Linux",))
    # The SDK fills it in by itself.
    yield from one_of(values, "properties.autoRebuild", ("Disabled",))
    for route in ("livenessRoute", "readinessRoute", "scoringRoute", "startupRoute"):
        where = f"properties.inferenceConfig.{route}"
        yield from within(values, f"{where}.port", 1, 65_535, "ValidationError")
        path = text(values, f"{where}.path")
        if path is not None and not path.startswith("/"):
            yield Problem(f"{where}.path", f"must begin with /, got {path!r}", "ValidationError")
    yield from not_emulated(
        values,
        {
            "properties.build": "build the image with a TaskRun and name it",
            "properties.condaFile": "put packages into the image",
        },
    )


def _verify_environment(context: Context) -> Iterator[Problem]:
    yield from required(context.inputs, "properties.image", code="ValidationError")


def _version_outputs(defaults: Mapping[str, object]) -> Callable[[Context], Outputs]:
    def outputs(context: Context) -> Outputs:
        common = {"isAnonymous": False, "isArchived": False, "provisioningState": "Succeeded"}
        given = mapping(context.inputs, "properties")
        return {"properties": {**common, **defaults, **given}, "name": context.name}

    return outputs


_ASSET = Name(
    pattern=r"[A-Za-z0-9][\w.-]*",
    maximum=255,
    words="letters, digits, hyphens, underscores and periods; starts with a letter or digit",
)
_CREATE_ONLY = ("image", "inferenceConfig", "osType", "build", "condaFile")

KINDS = (
    Kind(
        type=ML_WORKSPACE_KIND,
        id_template=provider(ML_WORKSPACE, "workspaceName"),
        name=Name(
            pattern=r"[A-Za-z0-9][\w-]*",
            minimum=3,
            maximum=33,
            words="letters, digits, hyphens and underscores; starts with a letter or digit",
        ),
        references={
            "storageAccount": (ACCOUNT,),
            "keyVault": (VAULT,),
            "applicationInsights": (COMPONENT,),
            "containerRegistry": (REGISTRY,),
            "primaryUserAssignedIdentity": (IDENTITY,),
            **IDENTITY_REFERENCES,
        },
        # A workspace doesn't hold what it leans on; without it, it is broken.
        weak=(
            "storageAccount",
            "keyVault",
            "applicationInsights",
            "containerRegistry",
            "primaryUserAssignedIdentity",
            "identity.userAssignedIdentities[*]",
        ),
        owns_children=True,
        rules=standard(ML_WORKSPACE, _workspace_rules),
        verify=_verify_workspace,
        outputs=_workspace_outputs,
        deleting=_workspace_deleting,
    ),
    Kind(
        type=MODEL_VERSION_KIND,
        id_template=provider(MODEL_VERSION, "workspaceName", "name", "version"),
        name=_ASSET,
        unchecked=("properties.modelUri",),
        rules=_model_rules,
        verify=_verify_model,
        outputs=_version_outputs({}),
        preparing=_contain,
        deleting=_version_deleting,
    ),
    Kind(
        type=ENVIRONMENT_VERSION_KIND,
        id_template=provider(ENVIRONMENT_VERSION, "workspaceName", "name", "version"),
        name=_ASSET,
        replace_on=tuple(f"properties.{name}" for name in _CREATE_ONLY),
        rules=_environment_rules,
        verify=_verify_environment,
        outputs=_version_outputs({"osType": "Linux", "environmentType": "UserCreated"}),
        preparing=_contain,
        deleting=_version_deleting,
    ),
)
