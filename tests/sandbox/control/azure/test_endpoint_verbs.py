"""A managed endpoint behind the real provider: what comes about with what, and in which order."""

import grpc
import pytest

from sandbox.control import wire
from sandbox.control.store import Store
from sandbox.control.wire import Secret
from tests.sandbox.control.azure.conftest import IMAGE, encoded, task, template
from tests.support.provider import SUBSCRIPTION, serving

RG = f"{SUBSCRIPTION}/resourceGroups/rg/providers"
ML = "azure-native:machinelearningservices"


class Cloud:
    """A client with short words, and the ids of what it made."""

    def __init__(self, client):
        self.client = client
        self.ids = {}

    def make(self, short, name, /, **inputs):
        kind = f"azure-native:{short}"
        given = {"resourceGroupName": "rg", **inputs}
        self.ids[name], outputs = self.client.create(kind, name, given)
        return outputs

    def delete(self, short, name):
        self.client.delete(f"azure-native:{short}", self.ids[name])

    def read(self, short, name):
        return self.client.read(f"azure-native:{short}", self.ids[name])

    def left(self):
        return [each.record.id for each in self.client.store.read().all()]


@pytest.fixture
def cloud(tmp_path):
    with serving("azure-native", tmp_path) as client:
        client.configure(location="westeurope")
        made = Cloud(client)
        made.make("resources:ResourceGroup", "rg", resourceGroupName="rg")
        yield made


@pytest.fixture
def workspace(cloud):
    cloud.make("operationalinsights:Workspace", "logs", workspaceName="logs-1")
    cloud.make(
        "applicationinsights:Component",
        "insights",
        resourceName="insights",
        kind="web",
        applicationType="web",
        workspaceResourceId=cloud.ids["logs"],
    )
    cloud.make(
        "storage:StorageAccount",
        "storage",
        accountName="modelsabc123",
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
    )
    cloud.make(
        "keyvault:Vault",
        "vault",
        vaultName="models-abc123",
        properties={
            "tenantId": "5a9d0b0e-0000-4000-8000-000000000001",
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        },
    )
    cloud.make(
        "containerregistry:Registry",
        "registry",
        registryName="modelsabc123",
        sku={"name": "Standard"},
    )
    return cloud.make(
        f"{ML.partition(':')[2]}:Workspace",
        "workspace",
        workspaceName="models",
        storageAccount=cloud.ids["storage"],
        keyVault=cloud.ids["vault"],
        applicationInsights=cloud.ids["insights"],
        containerRegistry=cloud.ids["registry"],
        identity={"type": "SystemAssigned"},
    )


@pytest.fixture
def endpoint(cloud, workspace):
    cloud.make(
        "containerregistry:TaskRun",
        "run",
        registryName="modelsabc123",
        taskRunName="iris-blue",
        runRequest=encoded(task()),
    )
    cloud.make(
        "machinelearningservices:EnvironmentVersion",
        "environment",
        workspaceName="models",
        name="iris",
        version="1",
        properties={"image": f"modelsabc123.azurecr.io/{IMAGE}"},
    )
    cloud.make(
        "machinelearningservices:ModelVersion",
        "model",
        workspaceName="models",
        name="iris",
        version="1",
        properties={"modelUri": "https://modelsabc123.blob.core.windows.net/models/iris"},
    )
    outputs = cloud.make(
        "machinelearningservices:OnlineEndpoint",
        "endpoint",
        workspaceName="models",
        endpointName="iris",
        identity={"type": "SystemAssigned"},
        properties={"authMode": "AMLToken"},
    )
    for name in ("blue", "green"):
        cloud.make(
            "machinelearningservices:OnlineDeployment",
            name,
            workspaceName="models",
            endpointName="iris",
            deploymentName=name,
            sku={"name": "Default", "capacity": 1},
            properties={
                "endpointComputeType": "Managed",
                "environmentId": cloud.ids["environment"],
                "model": cloud.ids["model"],
                "instanceType": "Standard_DS2_v2",
            },
        )
    return outputs


def test_a_connection_string_is_a_secret(cloud, workspace):
    kind = "azure-native:applicationinsights:Component"
    found = cloud.client.look_up(kind, cloud.ids["insights"])

    assert isinstance(wire.decode(found.properties)["connectionString"], Secret)


def test_the_blob_service_is_written_where_it_is_and_stays_while_its_account_does(cloud):
    cloud.make(
        "storage:StorageAccount",
        "storage",
        accountName="modelsabc123",
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
    )
    cloud.make(
        "storage:BlobContainer", "models", accountName="modelsabc123", containerName="models"
    )
    cloud.make(
        "storage:BlobServiceProperties",
        "blobs",
        accountName="modelsabc123",
        blobServicesName="default",
        isVersioningEnabled=True,
    )
    cloud.delete("storage:BlobServiceProperties", "blobs")
    assert cloud.read("storage:BlobContainer", "models").id

    cloud.delete("storage:BlobContainer", "models")
    cloud.delete("storage:StorageAccount", "storage")
    assert cloud.left() == [f"{SUBSCRIPTION}/resourceGroups/rg"]


def test_traffic_is_moved_and_all_goes_in_order(cloud, endpoint):

    cloud.make("resources:Deployment", "traffic", **template({"green": 10}, {"blue": 100}))
    found = wire.decode(cloud.read("machinelearningservices:OnlineEndpoint", "endpoint").properties)
    assert found["properties"]["traffic"] == {"blue": 100}
    assert found["properties"]["mirrorTraffic"] == {"green": 10}

    with pytest.raises(grpc.RpcError, match="Deployment blue of endpoint iris has 100 percent"):
        cloud.delete("machinelearningservices:OnlineDeployment", "blue")

    for kind, name in (
        ("resources:Deployment", "traffic"),
        ("machinelearningservices:OnlineEndpoint", "endpoint"),
        ("machinelearningservices:ModelVersion", "model"),
        ("machinelearningservices:EnvironmentVersion", "environment"),
        ("machinelearningservices:Workspace", "workspace"),
        ("containerregistry:TaskRun", "run"),
        ("containerregistry:Registry", "registry"),
        ("keyvault:Vault", "vault"),
        ("storage:StorageAccount", "storage"),
        ("applicationinsights:Component", "insights"),
        ("operationalinsights:Workspace", "logs"),
        ("resources:ResourceGroup", "rg"),
    ):
        cloud.delete(kind, name)
    assert cloud.left() == []


def test_a_workspace_takes_along_what_is_in_it(cloud, endpoint):
    cloud.make("resources:Deployment", "traffic", **template({}, {"blue": 90, "green": 10}))
    cloud.delete("machinelearningservices:Workspace", "workspace")

    assert not [each for each in cloud.left() if "/workspaces/models" in each]


def test_a_refused_template_changes_nothing(cloud, endpoint):
    cloud.make("resources:Deployment", "traffic", **template({}, {"blue": 100}))
    store: Store = cloud.client.store

    with pytest.raises(grpc.RpcError, match="Deployment red does not exist under endpoint iris"):
        cloud.make(
            "resources:Deployment",
            "other",
            **{**template({}, {"red": 100}), "deploymentName": "other"},
        )
    kept = store.read().get(cloud.ids["endpoint"]).record
    assert kept.inputs["properties"]["traffic"] == {"blue": 100}


def test_what_a_program_finds(cloud, endpoint):
    kind = f"{ML}:OnlineEndpoint"
    found = cloud.client.look_up(kind, cloud.ids["endpoint"])

    assert (
        found.id == f"{RG}/Microsoft.MachineLearningServices/workspaces/models/onlineEndpoints/iris"
    )
    assert endpoint["properties"]["scoringUri"] == (
        "https://iris.westeurope.inference.ml.azure.com/score"
    )
