"""Worlds that tests of Azure's kinds begin with."""

import base64
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.control.kinds import Record
from tests.support.world import SUBSCRIPTION, TENANT, World


@dataclass(frozen=True)
class Site:
    """A virtual network 10.20.0.0/16 with a subnet 10.20.0.0/28."""

    world: World
    network: Record
    subnet: Record


@pytest.fixture
def world() -> World:
    made = World()
    made.create("resources:ResourceGroup", location="westeurope")
    return made


@pytest.fixture
def site(world: World) -> Site:
    network = world.create(
        "network:VirtualNetwork",
        virtualNetworkName="vnet",
        addressSpace={"addressPrefixes": ["10.20.0.0/16"]},
    )
    subnet = world.create(
        "network:Subnet",
        virtualNetworkName="vnet",
        subnetName="web",
        addressPrefix="10.20.0.0/28",
    )
    return Site(world, network, subnet)


ROLES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
IMAGE = "iris:0123456789abcdef"


def task(tag: str = IMAGE) -> str:
    """The steps of a task that builds and pushes one image, encoded."""
    text = (
        "version: v1.1.0\n"
        "steps:\n"
        "  - cmd: bash -c 'tar -xzf /workspace/context.tar.gz -C /workspace'\n"
        f"  - build: -t {{{{.Run.Registry}}}}/{tag} -f Dockerfile context\n"
        f'  - push: ["{{{{.Run.Registry}}}}/{tag}"]\n'
    )
    return base64.b64encode(text.encode()).decode()


def encoded(content: str) -> dict[str, object]:
    """A task run's request."""
    return {
        "type": "EncodedTaskRunRequest",
        "encodedTaskContent": content,
        "platform": {"os": "Linux", "architecture": "amd64"},
    }


@dataclass(frozen=True)
class Machine:
    """A workspace with all it leans on, an image, an endpoint and its identity."""

    world: World
    storage: Record
    registry: Record
    workspace: Record
    environment: Record
    identity: Record
    endpoint: Record

    def deployment(self, name: str = "blue", capacity: int = 1, **properties: object) -> Record:
        """One more deployment."""
        return self.world.create(
            "machinelearningservices:OnlineDeployment",
            workspaceName="models",
            endpointName="iris",
            deploymentName=name,
            location="westeurope",
            sku={"name": "Default", "capacity": capacity},
            properties={
                "endpointComputeType": "Managed",
                "environmentId": self.environment.id,
                "instanceType": "Standard_DS2_v2",
                **properties,
            },
        )

    def traffic(self, mirror: dict[str, int] | None = None, **split: int) -> Record:
        """What the template writes."""
        return self.world.create("resources:Deployment", **template(mirror or {}, split))


def template(mirror: dict[str, int], split: dict[str, int], **changes: object) -> dict[str, Any]:
    """A template that writes the endpoint, with its traffic."""
    endpoint = {
        "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        "apiVersion": "2025-12-01",
        "name": "models/iris",
        "location": "westeurope",
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "AMLToken", "traffic": split, "mirrorTraffic": mirror},
        **changes,
    }
    written = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [endpoint],
    }
    return {
        "deploymentName": "traffic",
        "properties": {"mode": "Incremental", "template": written},
    }


@pytest.fixture
def machine(world: World) -> Machine:
    logs = world.create("operationalinsights:Workspace", workspaceName="logs-1")
    insights = world.create(
        "applicationinsights:Component",
        resourceName="insights",
        kind="web",
        applicationType="web",
        workspaceResourceId=logs.id,
    )
    storage = world.create(
        "storage:StorageAccount",
        accountName="modelsabc123",
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
    )
    vault = world.create(
        "keyvault:Vault",
        vaultName="models-abc123",
        properties={
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        },
    )
    registry = world.create(
        "containerregistry:Registry", registryName="modelsabc123", sku={"name": "Standard"}
    )
    world.create(
        "containerregistry:TaskRun",
        registryName="modelsabc123",
        taskRunName="iris-blue",
        runRequest=encoded(task()),
    )
    workspace = world.create(
        "machinelearningservices:Workspace",
        workspaceName="models",
        storageAccount=storage.id,
        keyVault=vault.id,
        applicationInsights=insights.id,
        containerRegistry=registry.id,
        identity={"type": "SystemAssigned"},
    )
    environment = world.create(
        "machinelearningservices:EnvironmentVersion",
        workspaceName="models",
        name="iris",
        version="1",
        properties={"image": f"modelsabc123.azurecr.io/{IMAGE}"},
    )
    identity = world.create("managedidentity:UserAssignedIdentity", resourceName="endpoint")
    endpoint = world.create(
        "machinelearningservices:OnlineEndpoint",
        workspaceName="models",
        endpointName="iris",
        location="westeurope",
        identity={"type": "SystemAssigned"},
        properties={"authMode": "AMLToken"},
    )
    return Machine(world, storage, registry, workspace, environment, identity, endpoint)
