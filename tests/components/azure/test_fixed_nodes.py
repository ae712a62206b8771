from itertools import pairwise

import pytest

from tests.support.azure import changed, deployed
from tests.support.cloud import World

MACHINE = "azure-native:compute:VirtualMachine"
EXTENSION = "azure-native:compute:VirtualMachineExtension"
INTERFACE = "azure-native:network:NetworkInterface"


@pytest.fixture(scope="module")
def fixed() -> World:
    web = {"nodes": "fixed", "count": 4, "size": "Standard_D2s_v5"}
    return deployed(changed("dev", web=web))


def test_each_node_is_a_machine_with_an_address_that_stays(fixed: World) -> None:
    assert list(fixed.of_type(MACHINE)) == [f"test-web-nodes-{n}" for n in (1, 2, 3, 4)]
    addresses = [
        interface["ipConfigurations"][0]["privateIPAddress"]
        for interface in fixed.of_type(INTERFACE).values()
    ]
    assert addresses == ["10.20.0.4", "10.20.0.5", "10.20.0.6", "10.20.0.7"]


def test_outputs_name_every_node(fixed: World) -> None:
    web = fixed.result.outputs["groups"]["web"]
    assert web["kind"] == "fixed"
    assert web["addresses"] == ["10.20.0.4", "10.20.0.5", "10.20.0.6", "10.20.0.7"]
    assert [fixed.value(name) for name in web["names"]] == list(fixed.of_type(MACHINE))


def test_zones_are_taken_in_turn(fixed: World) -> None:
    assert [m["zones"] for m in fixed.of_type(MACHINE).values()] == [["1"], ["2"], ["3"], ["1"]]


def test_web_machines_join_the_load_balancer(fixed: World) -> None:
    for interface in fixed.of_type(INTERFACE).values():
        (address,) = interface["ipConfigurations"]
        (pool,) = address["loadBalancerBackendAddressPools"]
        assert pool["id"].endswith("/test-balancer-public/backendAddressPools/web")


def test_a_machine_is_as_safe_as_one_of_a_scale_set(fixed: World) -> None:
    for machine in fixed.of_type(MACHINE).values():
        assert machine["securityProfile"]["encryptionAtHost"] is True
        assert machine["securityProfile"]["securityType"] == "TrustedLaunch"
        assert machine["osProfile"]["linuxConfiguration"]["disablePasswordAuthentication"] is True
        assert machine["storageProfile"]["osDisk"]["deleteOption"] == "Delete"


def test_nodes_follow_each_other_once_each_serves(fixed: World) -> None:
    options = fixed.options_of(MACHINE)
    for before, after in pairwise(fixed.of_type(MACHINE)):
        waits_for = {urn.partition("::")[2] for urn in options[after].depends_on}
        assert f"{before}-ready" in waits_for


def test_content_replaces_one_machine_before_the_next(fixed: World) -> None:
    for options in fixed.options_of(MACHINE).values():
        assert options.delete_before_replace
        assert "osProfile" in options.replace_on_changes
    for name, options in fixed.options_of(EXTENSION).items():
        machine = name.rpartition("-")[0]
        assert options.deleted_with.endswith(f"::{machine}")


def test_a_machine_is_made_when_its_script_says_that_it_serves(fixed: World) -> None:
    extensions = fixed.of_type(EXTENSION)
    assert extensions["test-web-nodes-1-ready"]["settings"] == {
        "commandToExecute": "/opt/operationalization/bin/wait-until-ready.sh"
    }
    assert extensions["test-web-nodes-1-health"]["settings"]["requestPath"] == "/live"


def test_one_alert_watches_all_machines_of_a_group(fixed: World) -> None:
    alert = fixed.of_type("azure-native:monitor:MetricAlert")["test-monitoring-web-cpu"]
    assert len(alert["scopes"]) == 4
    assert alert["targetResourceType"] == "Microsoft.Compute/virtualMachines"
    assert alert["targetResourceRegion"] == "westeurope"
    assert alert["criteria"]["odataType"].endswith(".MultipleResourceMultipleMetricCriteria")
