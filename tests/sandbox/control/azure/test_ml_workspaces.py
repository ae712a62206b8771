import pytest

from sandbox.control.azure.ml_workspaces import purge_workspace
from sandbox.control.kinds import CloudError
from tests.support.world import KINDS, RefusedError, problems


def version(world, kind="Model", number="1", **properties):
    given = {"modelUri": "https://modelsabc123.blob.core.windows.net/models/iris/1/model"}
    if kind == "Environment":
        given = {"image": "modelsabc123.azurecr.io/iris:1"}
    return world.create(
        f"machinelearningservices:{kind}Version",
        workspaceName="models",
        name="rose",
        version=number,
        properties={**given, **properties},
    )


def again(machine, **changes):
    return machine.world.create(
        "machinelearningservices:Workspace", **{**machine.workspace.inputs, **changes}
    )


def test_a_workspace_is_somebody(machine):
    outputs = machine.workspace.outputs

    assert outputs["identity"]["principalId"]
    assert outputs["workspaceId"] in outputs["notebookInfo"]["fqdn"]
    assert outputs["publicNetworkAccess"] == "Enabled"


def test_a_deleted_workspace_keeps_its_name_until_it_is_purged(machine):
    machine.world.delete(machine.workspace)

    with pytest.raises(RefusedError) as refused:
        again(machine)
    assert str(refused.value) == (
        "workspaceName: Soft-deleted workspace exists. Please purge or recover it. "
        "https://aka.ms/wsoftdelete (Conflict)"
    )

    purge_workspace(machine.workspace.id, machine.world)
    assert again(machine)


def test_there_must_be_something_to_purge(machine):
    with pytest.raises(CloudError, match="There is no deleted workspace"):
        purge_workspace(machine.workspace.id, machine.world)


def test_a_workspace_needs_what_it_leans_on(machine):
    with pytest.raises(RefusedError) as refused:
        machine.world.update(
            machine.workspace, storageAccount=None, applicationInsights=None, identity=None
        )

    lines = str(refused.value).splitlines()
    assert "storageAccount: is missing (ValidationError)" in lines
    assert "applicationInsights: is missing (ValidationError)" in lines
    assert "identity: is missing (ValidationError)" in lines
    assert "storageAccount: Changing property 'storageAccount' is not allowed." in lines[-1]


def test_a_workspace_without_an_identity_of_the_system_names_whom_it_acts_as(machine):
    given = {"type": "UserAssigned", "userAssignedIdentities": [machine.identity.id]}

    with pytest.raises(RefusedError, match="primaryUserAssignedIdentity: is missing"):
        machine.world.update(machine.workspace, identity=given)
    assert machine.world.update(
        machine.workspace, identity=given, primaryUserAssignedIdentity=machine.identity.id
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"kind": "Hub"},
            "kind: the sandbox does not emulate Hub workspaces: use Default",
        ),
        (
            {"managedNetwork": {"isolationMode": "Closed"}},
            (
                "managedNetwork.isolationMode: must be one of Disabled, AllowInternetOutbound, "
                "AllowOnlyApprovedOutbound, got 'Closed' (InvalidParameter)"
            ),
        ),
        (
            {"imageBuildCompute": "cluster"},
            "imageBuildCompute: the sandbox does not emulate this: build images with a TaskRun",
        ),
    ],
)
def test_a_workspace_that_azure_refuses(changes, expected):
    assert problems("machinelearningservices:Workspace", **changes) == [expected]


def test_a_model_comes_with_its_first_version_and_goes_with_its_last(machine):
    world = machine.world
    one, two = version(world), version(world, number="2")
    model = f"{machine.workspace.id}/models/rose"

    assert world.find(model).outputs["name"] == "rose"
    world.delete(one)
    assert world.find(model) is not None
    world.delete(two)
    assert world.find(model) is None


def test_what_is_registered_does_not_change(machine):
    made = version(machine.world)

    with pytest.raises(RefusedError, match="Changing property 'modelUri' is not allowed"):
        machine.world.update(made, properties={"modelUri": "https://elsewhere/models/rose"})


def test_another_image_is_another_environment(machine):
    kind = KINDS["azure-native:machinelearningservices:EnvironmentVersion"]

    assert {"properties.image", "properties.inferenceConfig"} <= set(kind.replace_on)
    made = version(machine.world, "Environment")
    assert made.outputs["properties"]["osType"] == "Linux"
    with pytest.raises(RefusedError, match=r"properties\.image: is missing"):
        machine.world.update(made, properties={"description": "no image"})


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (
            "Model",
            {"modelUri": "models/iris"},
            (
                "modelUri: must be a URI of a datastore or a blob (azureml://... or https://...), "
                "got 'models/iris' (ValidationError)"
            ),
        ),
        (
            "Model",
            {"modelType": "pickle"},
            (
                "modelType: must be one of custom_model, mlflow_model, triton_model, got 'pickle' "
                "(InvalidParameter)"
            ),
        ),
        (
            "Environment",
            {"image": "https://a/b"},
            "image: 'https://a/b' is not the name of an image (ValidationError)",
        ),
        (
            "Environment",
            {"inferenceConfig": {"scoringRoute": {"path": "score", "port": 70000}}},
            "inferenceConfig.scoringRoute.port: must be 1 to 65535, got 70000 (ValidationError)",
        ),
        (
            "Environment",
            {"condaFile": "name: r"},
            "condaFile: the sandbox does not emulate this: put packages into the image",
        ),
    ],
)
def test_a_version_that_azure_refuses(kind, properties, expected):
    found = problems(f"machinelearningservices:{kind}Version", properties=properties)

    assert found[0] == f"properties.{expected}"
