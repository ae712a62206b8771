"""A managed endpoint on the control plane: what drifts, what comes and goes in which order.

Faults of the cloud and destruction to nothing are in test_stacks.py, for every stack.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployed import Deployed
from tests.support.engine import on_sandbox

pytestmark = pytest.mark.engine

ML = "azure-native:machinelearningservices"
ENDPOINT, DEPLOYMENT = f"{ML}:OnlineEndpoint", f"{ML}:OnlineDeployment"
TEMPLATE = "azure-native:resources:Deployment"
IRIS = {"model": "models/iris", "instances": 1}


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Deployed]:
    with on_sandbox(tmp_path) as engine:
        made = Deployed("dev-endpoint", engine)
        made.up()
        yield made


def traffic(endpoint: Deployed) -> dict[str, int]:
    """What the endpoint itself says."""
    (found,) = endpoint.resources(ENDPOINT)
    return dict(found["properties"]["properties"]["traffic"])


def two(**changes: Any) -> dict[str, Any]:
    """Settings with a second deployment."""
    return {
        "endpoint.deployments.green": IRIS,
        "endpoint.traffic": {"blue": 90, "green": 10},
        **changes,
    }


def test_a_second_update_and_a_refresh_find_nothing_changed(endpoint: Deployed) -> None:
    assert traffic(endpoint) == {"blue": 100}
    again = endpoint.up()

    assert (again.changes, again.drift) == ([], [])
    refreshed = endpoint.engine.refresh(endpoint.stack)
    assert refreshed.drift == [], refreshed.display


def test_a_deployment_comes_before_its_traffic_and_goes_after_it(endpoint: Deployed) -> None:
    came = endpoint.up(two()).changes
    names = [(op, kind) for op, kind, _ in came if kind in (DEPLOYMENT, TEMPLATE)]
    assert names == [("create", DEPLOYMENT), ("update", TEMPLATE)]
    assert traffic(endpoint) == {"blue": 90, "green": 10}

    only_green = {
        "endpoint.deployments": {"green": IRIS},
        "endpoint.traffic": {"green": 100},
    }
    went = endpoint.up(only_green).changes
    names = [(op, kind) for op, kind, _ in went if kind in (DEPLOYMENT, TEMPLATE)]
    assert names == [("update", TEMPLATE), ("delete", DEPLOYMENT)]
    assert traffic(endpoint) == {"green": 100}


def test_a_shift_changes_one_thing(endpoint: Deployed) -> None:
    endpoint.up(two())
    shifted = endpoint.up(two(**{"endpoint.traffic": {"green": 100}}))

    assert [(op, kind) for op, kind, _ in shifted.changes] == [("update", TEMPLATE)]
    assert traffic(endpoint) == {"green": 100}


def test_a_change_of_the_endpoint_keeps_its_traffic(endpoint: Deployed) -> None:
    """Whatever writes an endpoint writes its traffic, too: one write, in one piece."""
    changed = endpoint.up({"tags": {"owner": "somebody-else"}})

    assert ("update", TEMPLATE) in [(op, kind) for op, kind, _ in changed.changes]
    assert ("update", ENDPOINT) not in [(op, kind) for op, kind, _ in changed.changes]
    assert traffic(endpoint) == {"blue": 100}
    (found,) = endpoint.resources(ENDPOINT)
    assert found["properties"]["tags"]["owner"] == "somebody-else"


def test_instances_that_somebody_changed_are_found_and_set_back(endpoint: Deployed) -> None:
    (blue,) = endpoint.resources(DEPLOYMENT)
    endpoint.tamper(blue["id"], "sku.capacity", "3")

    found = endpoint.engine.refresh(endpoint.stack)
    assert [op for op, _ in found.drift] == ["update"]
    mended = endpoint.up()
    assert [(op, kind) for op, kind, _ in mended.changes] == [("update", DEPLOYMENT)]
    (blue,) = endpoint.resources(DEPLOYMENT)
    assert blue["properties"]["sku"]["capacity"] == 1


def test_a_deployment_that_somebody_deleted_comes_back(endpoint: Deployed) -> None:
    (blue,) = endpoint.resources(DEPLOYMENT)
    endpoint.sandbox("delete", blue["id"])

    found = endpoint.engine.refresh(endpoint.stack)
    assert [op for op, _ in found.drift if op == "delete"] == ["delete"]
    back = endpoint.up().changes
    assert ("create", DEPLOYMENT) in [(op, kind) for op, kind, _ in back]
    assert len(endpoint.resources(DEPLOYMENT)) == 1


def test_another_size_is_another_deployment(endpoint: Deployed) -> None:
    """The type of instances is fixed, and a deployment with traffic stays: give a new name."""
    config = endpoint.configure({"endpoint.deployments.blue.size": "Standard_DS3_v2"})
    refused = endpoint.engine.up(endpoint.stack, config)

    assert refused.exit_code != 0
    assert any("has 100 percent of the traffic" in error for error in refused.errors)
    assert traffic(endpoint) == {"blue": 100}


def test_what_exists_comes_into_another_program(endpoint: Deployed) -> None:
    engine, kinds = endpoint.engine, (ENDPOINT, DEPLOYMENT, f"{ML}:Workspace", TEMPLATE)
    engine.stack_file("importer", {"operationalization:environment": {}})
    file = engine.stack_file("importer", None)
    chosen = ["--stack", "importer", "--config-file", str(file)]
    how = ["--yes", "--skip-preview", "--generate-code=false", "--protect=false"]

    for kind in kinds:
        (found,) = endpoint.resources(kind)
        name = f"imported-{kind.rpartition(':')[2].lower()}"
        done = engine.pulumi("import", kind, name, found["id"], *chosen, *how, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    kept = {each.get("id") for each in engine.resources("importer").values()}
    assert {each["id"] for kind in kinds for each in endpoint.resources(kind)} <= kept
