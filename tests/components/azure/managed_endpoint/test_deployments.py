"""One deployment: its size, its probes, its load."""

import pytest

from tests.support.endpoints import PRIVATE, SMALL, changed, deployed

DEPLOYMENT = "azure-native:machinelearningservices:OnlineDeployment"
AUTOSCALED = changed(
    endpoint__deployments={
        "blue": {"model": "models/iris", "autoscale": {"minimum": 2, "maximum": 5}}
    }
)


def test_a_deployment_is_as_the_settings_say() -> None:
    blue = {
        "model": "models/iris",
        "size": "Standard_DS3_v2",
        "instances": 3,
        "requests": {"timeoutSeconds": 60, "concurrent": 4},
        "probes": {
            "initialDelaySeconds": 20,
            "periodSeconds": 5,
            "timeoutSeconds": 3,
            "failures": 7,
        },
    }
    found = deployed(changed(endpoint__deployments={"blue": blue})).only(DEPLOYMENT)
    probe = {
        "initialDelay": "PT20S",
        "period": "PT5S",
        "timeout": "PT3S",
        "failureThreshold": 7.0,
        "successThreshold": 1.0,
    }
    assert found["sku"] == {"name": "Default", "capacity": 3.0}
    assert found["deploymentName"] == "blue"
    properties = found["properties"]
    assert properties["instanceType"] == "Standard_DS3_v2"
    assert properties["requestSettings"]["requestTimeout"] == "PT60S"
    assert properties["requestSettings"]["maxConcurrentRequestsPerInstance"] == 4.0
    assert properties["livenessProbe"] == properties["readinessProbe"] == probe
    assert properties["endpointComputeType"] == "Managed"
    assert properties["appInsightsEnabled"]
    assert properties["scaleSettings"] == {"scaleType": "Default"}


def test_the_seeds_defaults_hold() -> None:
    found = deployed(SMALL).only(DEPLOYMENT)
    assert found["properties"]["instanceType"] == "Standard_DS2_v2"
    assert found["properties"]["requestSettings"]["requestTimeout"] == "PT5S"


@pytest.mark.parametrize(("environment", "egress"), [(SMALL, "Enabled"), (PRIVATE, None)])
def test_egress_is_said_only_where_the_workspace_has_no_network_of_its_own(
    environment, egress
) -> None:
    found = deployed(environment).only(DEPLOYMENT)["properties"]
    assert found.get("egressPublicNetworkAccess") == (egress or "Enabled")
    assert ("egressPublicNetworkAccess" in environment) is False


def test_autoscaling_watches_the_deployment_and_owns_its_count() -> None:
    world = deployed(AUTOSCALED)
    assert world.only(DEPLOYMENT)["sku"]["capacity"] == 2.0
    options = world.options_of(DEPLOYMENT)["test-deployments-blue"]
    assert options.ignore_changes == ("sku.capacity",)

    setting = world.only("azure-native:monitor:AutoscaleSetting")
    assert setting["targetResourceUri"].endswith("/test-deployments-blue")
    (profile,) = setting["profiles"]
    assert profile["capacity"] == {"minimum": "2", "maximum": "5", "default": "2"}
    triggers = [rule["metricTrigger"] for rule in profile["rules"]]
    assert {each["metricName"] for each in triggers} == {"CpuUtilizationPercentage"}
    assert {each["metricResourceUri"] for each in triggers} == {setting["targetResourceUri"]}
    # The vendor's own sample scales in with direction Increase.
    directions = [rule["scaleAction"]["direction"] for rule in profile["rules"]]
    assert directions == ["Increase", "Decrease"]


def test_a_fixed_count_stays_what_the_settings_say() -> None:
    world = deployed(SMALL)
    assert world.options_of(DEPLOYMENT)["test-deployments-blue"].ignore_changes == ()
    assert not world.of_type("azure-native:monitor:AutoscaleSetting")


def test_the_routes_are_those_of_the_container() -> None:
    environment = deployed(SMALL).only("azure-native:machinelearningservices:EnvironmentVersion")
    routes = environment["properties"]["inferenceConfig"]
    assert routes == {
        "livenessRoute": {"path": "/live", "port": 8000.0},
        "readinessRoute": {"path": "/ready", "port": 8000.0},
        "scoringRoute": {"path": "/score", "port": 8000.0},
    }
    assert environment["properties"]["osType"] == "Linux"


def test_a_model_is_registered_where_the_task_puts_it() -> None:
    world = deployed(SMALL)
    model = world.only("azure-native:machinelearningservices:ModelVersion")
    path = f"models/iris/{model['version']}/model"
    assert model["properties"]["modelUri"] == f"https://testabc123.blob.core.windows.net/{path}"
    assert model["properties"]["modelType"] == "custom_model"
    assert model["version"].startswith("1.0-")
