"""Managed endpoints change: the program on the control plane, which refuses what Azure refuses.

What drifts, comes and goes is in test_endpoint_control.py.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployed import Deployed, copy_of, deploy, succeeded
from tests.support.engine import on_sandbox

pytestmark = pytest.mark.engine

STACK = "dev-endpoint"
ML = "azure-native:machinelearningservices"
BLUE = {"model": "models/iris", "instances": 1}
CANARY = {
    "endpoint.deployments.green": {"model": "models/iris", "instances": 2},
    "endpoint.traffic": {"blue": 90, "green": 10},
}
MOVED = {
    "endpoint.deployments": {"green": {"model": "models/iris", "instances": 2}},
    "endpoint.traffic": {"green": 100},
}


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return deploy(STACK, tmp_path_factory.mktemp("endpoint"))


@pytest.fixture
def deployed(template, tmp_path) -> Iterator[Deployed]:
    with copy_of(template, STACK, tmp_path / "copy") as found:
        yield found


def endpoint(deployed: Deployed) -> dict[str, Any]:
    """The endpoint as Azure has it."""
    (found,) = deployed.resources(f"{ML}:OnlineEndpoint")
    return found["properties"]["properties"]


def names(deployed: Deployed) -> list[str]:
    """The deployments that there are."""
    found = deployed.resources(f"{ML}:OnlineDeployment")
    return sorted(each["id"].rpartition("/")[2] for each in found)


def test_a_canary_is_there_before_it_gets_requests(deployed) -> None:
    result = deployed.up(CANARY)
    order = [(step.op, step.name) for step in result.steps]
    created = order.index(("create", "dev-endpoint-deployments-green"))
    assert created < order.index(("update", "dev-endpoint-traffic"))
    # It has the model of the other one, and no image of its own is built.
    assert not [each for each in result.changes if each[1].endswith(":TaskRun")]
    assert endpoint(deployed)["traffic"] == {"blue": 90, "green": 10}
    assert names(deployed) == ["blue", "green"]


def test_a_mirrored_deployment_gets_copies_only(deployed) -> None:
    deployed.up({**CANARY, "endpoint.traffic": {"blue": 100}, "endpoint.mirror": {"green": 20}})
    found = endpoint(deployed)
    assert (found["traffic"], found["mirrorTraffic"]) == ({"blue": 100}, {"green": 20})


def test_traffic_leaves_a_deployment_before_it_goes(deployed) -> None:
    deployed.up(CANARY)
    # The sandbox refuses, as Azure does, to delete a deployment that has traffic.
    result = deployed.up(MOVED)
    order = [(step.op, step.name) for step in result.steps]
    moved = order.index(("update", "dev-endpoint-traffic"))
    assert moved < order.index(("delete", "dev-endpoint-deployments-blue"))
    assert names(deployed) == ["green"]
    assert endpoint(deployed)["traffic"] == {"green": 100}


def test_a_deployment_changes_in_place(deployed) -> None:
    for changes in (
        {"endpoint.deployments.blue.instances": 3},
        {"endpoint.deployments.blue.requests": {"timeoutSeconds": 30}},
    ):
        result = deployed.up(changes)
        ops = {op for op, _, name in result.changes if name == "dev-endpoint-deployments-blue"}
        assert ops == {"update"}


def test_what_the_autoscaler_chose_is_not_set_back(deployed) -> None:
    scaled = {
        "endpoint.deployments.blue": {
            "model": "models/iris",
            "autoscale": {"minimum": 2, "maximum": 5},
        }
    }
    deployed.up(scaled)
    (found,) = deployed.resources(f"{ML}:OnlineDeployment")
    deployed.tamper(found["id"], "sku.capacity", "4")
    deployed.up({**scaled, "tags": {"owner": "somebody-else"}})
    (found,) = deployed.resources(f"{ML}:OnlineDeployment")
    assert found["properties"]["sku"]["capacity"] == 4


def test_keys_come_out_as_a_secret(deployed) -> None:
    deployed.up({"endpoint.authentication": "key"})
    assert deployed.engine.outputs(STACK)["key"] == "[secret]"
    assert len(deployed.engine.outputs(STACK, secrets=True)["key"]) >= 32
    assert endpoint(deployed)["authMode"] == "Key"


def test_an_endpoint_joins_the_workspace_of_another_environment(deployed) -> None:
    engine = deployed.engine
    workspace = engine.outputs(STACK)["workspace"]
    config = deployed.configure({"workspace": {"existing": workspace["id"]}})
    succeeded(engine.up("guest", config))
    guest = engine.outputs("guest")
    assert guest["workspace"]["id"].lower() == workspace["id"].lower()
    assert guest["registry"] == engine.outputs(STACK)["registry"]
    assert guest["endpointName"] != engine.outputs(STACK)["endpointName"]
    assert len(deployed.resources(f"{ML}:Workspace")) == 1

    # Both have the same model: what is registered tells them apart.
    models = deployed.resources(f"{ML}:ModelVersion")
    assert len({each["id"] for each in models}) == 2

    succeeded(engine.destroy("guest"))
    assert len(deployed.resources(f"{ML}:OnlineEndpoint")) == 1
    assert (deployed.up().changes) == []


def test_a_model_that_is_not_there_is_refused_before_anything_is_made(tmp_path) -> None:
    with on_sandbox(tmp_path) as engine:
        new = Deployed(STACK, engine)
        config = new.configure({"endpoint.deployments.blue.model": "models/rose"})
        result = engine.up(STACK, config)
        assert result.exit_code
        assert "endpoint.deployments.blue.model: .: is not a folder" in " ".join(result.errors)
        assert new.resources() == []


def test_all_of_it_goes_with_what_has_traffic(deployed) -> None:
    deployed.up(CANARY)
    succeeded(deployed.engine.destroy(STACK))
    assert deployed.resources() == []
