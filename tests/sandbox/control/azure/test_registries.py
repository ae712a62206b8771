import base64

import pytest

from sandbox.control.azure.registries import Image, has_image, images_of
from tests.sandbox.control.azure.conftest import encoded, task
from tests.support.world import RefusedError, problems

STANDARD = {"sku": {"name": "Standard"}}


def registry(world, name="modelsabc123", **changes):
    return world.create("containerregistry:Registry", registryName=name, **{**STANDARD, **changes})


def run(world, name="iris-blue", **changes):
    return world.create(
        "containerregistry:TaskRun",
        registryName="modelsabc123",
        taskRunName=name,
        **{"runRequest": encoded(task()), **changes},
    )


def test_a_registry_has_a_server_of_its_name(world):
    assert registry(world, "ModelsABC").outputs["loginServer"] == "modelsabc.azurecr.io"


def test_names_are_global(world):
    world.create("resources:ResourceGroup", resourceGroupName="other", location="westeurope")
    registry(world)

    with pytest.raises(RefusedError) as refused:
        registry(world, resourceGroupName="other")
    assert str(refused.value) == (
        "registryName: The registry DNS name modelsabc123.azurecr.io is already in use. "
        "(AlreadyInUse)"
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"publicNetworkAccess": "Disabled"}, "publicNetworkAccess"),
        ({"zoneRedundancy": "Enabled"}, "zoneRedundancy"),
        ({"networkRuleSet": {"defaultAction": "Deny"}}, "networkRuleSet"),
        ({"policies": {"retentionPolicy": {"status": "enabled"}}}, "policies.retentionPolicy"),
    ],
)
def test_what_only_a_premium_registry_has(changes, path):
    assert problems("containerregistry:Registry", **STANDARD, **changes) == [
        (
            f"{path}: is not supported for the SKU Standard: a registry needs Premium for it "
            "(FeatureNotSupported)"
        )
    ]
    assert problems("containerregistry:Registry", sku={"name": "Premium"}, **changes) == []


def test_a_run_pushes_the_images_that_its_steps_say(world):
    registry(world)
    made = run(world)
    result = made.outputs["runResult"]

    assert result["status"] == "Succeeded"
    assert images_of(made) == [Image("modelsabc123.azurecr.io", "iris", "0123456789abcdef")]
    assert result["outputImages"][0]["digest"].startswith("sha256:")
    assert has_image(world, "modelsabc123.azurecr.io/iris:0123456789abcdef") is True
    assert has_image(world, "modelsabc123.azurecr.io/iris:other") is False
    assert has_image(world, "docker.io/library/r-base:4") is None


def test_other_steps_are_another_run(world):
    registry(world)
    made = run(world)
    changed = world.update(made, runRequest=encoded(task("iris:fedcba9876543210")))

    ids = [each.outputs["runResult"]["runId"] for each in (made, changed)]
    assert len(set(ids)) == 2


def steps(text):
    return {"runRequest": encoded(base64.b64encode(text.encode()).decode())}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"runRequest": {**encoded(task()), "type": "FileTaskRunRequest"}},
            (
                "type: the sandbox does not emulate FileTaskRunRequest: it runs "
                "EncodedTaskRunRequest, whose steps come along"
            ),
        ),
        (
            {"runRequest": {**encoded(task()), "timeout": 299}},
            "timeout: must be 300 to 28800, got 299 (InvalidParameter)",
        ),
        (
            {"runRequest": {**encoded(task()), "platform": {"os": "Windows"}}},
            "platform.os: must be one of Linux, got 'Windows' (InvalidParameter)",
        ),
        (
            {"runRequest": {**encoded(task()), "sourceLocation": "https://a/b.git"}},
            (
                "sourceLocation: the sandbox does not emulate this: write the files with steps "
                "of the task"
            ),
        ),
        (
            {"runRequest": encoded("%%%")},
            "encodedTaskContent: is not base64: Only base64 data is allowed (InvalidTaskContent)",
        ),
        (
            steps("version: v1.1.0\n"),
            "encodedTaskContent: has no steps (InvalidTaskContent)",
        ),
        (
            steps("steps:\n- cmd: a\n- fly: b\n"),
            (
                "encodedTaskContent: has a step that is none of cmd, build and push "
                "(InvalidTaskContent)"
            ),
        ),
    ],
)
def test_a_run_that_azure_refuses(changes, expected):
    assert problems("containerregistry:TaskRun", **changes) == [f"runRequest.{expected}"]


def test_a_closed_registry_needs_machines_inside(world):
    registry(world, sku={"name": "Premium"}, publicNetworkAccess="Disabled")
    with pytest.raises(RefusedError, match="name an agent pool inside the network"):
        run(world)
    given = {"runRequest": {**encoded(task()), "agentPoolName": "builders"}}
    with pytest.raises(RefusedError, match="has no agent pool builders"):
        run(world, **given)

    world.create(
        "containerregistry:AgentPool",
        registryName="modelsabc123",
        agentPoolName="builders",
        tier="S1",
        count=1,
    )
    assert run(world, **given)


def test_agent_pools_are_of_premium_registries(world):
    registry(world)

    with pytest.raises(RefusedError, match="agent pools are not supported for the SKU Standard"):
        world.create(
            "containerregistry:AgentPool", registryName="modelsabc123", agentPoolName="builders"
        )


def test_a_run_is_where_its_registry_is(world):
    registry(world)

    with pytest.raises(RefusedError, match="is northeurope, but registry modelsabc123 is in west"):
        run(world, location="northeurope")
