"""Environments with Windows nodes: what their machines have of their own."""

import json
from functools import cache
from typing import Any

import pytest

from components.azure import guest
from tests.support import stacks, windows
from tests.support.cloud import World
from tests.support.environments import AWS, AZURE, ONE_BOX, ONE_BOX_AWS, changed, of_family
from tests.support.programs import deployed

STARTS = {"azure": AZURE, "aws": AWS}
BOXES = {"azure": ONE_BOX, "aws": ONE_BOX_AWS}
CLOUDS = tuple(STARTS)
MACHINE = {"azure": "azure-native:compute:VirtualMachine", "aws": "aws:ec2/instance:Instance"}
SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"
EXTENSION = "azure-native:compute:VirtualMachineExtension"
PASSWORD = "random:index/randomPassword:RandomPassword"
KEY = "tls:index/privateKey:PrivateKey"
SCALED = {"autoscale": {"minimum": 2, "maximum": 4}}

every_cloud = pytest.mark.parametrize("cloud", CLOUDS)


@cache
def environment_of(cloud: str, version: str, system: str, changes: str) -> World:
    value = changed(of_family(STARTS[cloud], version, system), json.loads(changes))
    return deployed({stacks.ENVIRONMENT: value})


def environment(
    cloud: str, version: str = "9.1.0", system: str = "windows-server-2016", **changes: Any
) -> World:
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    return environment_of(cloud, version, system, json.dumps(dotted, sort_keys=True))


def machines(world: World, cloud: str, role: str) -> list[dict[str, Any]]:
    return [
        inputs
        for name, inputs in world.of_type(MACHINE[cloud]).items()
        if name.startswith(f"test-{role}-nodes")
    ]


def user_data(world: World, cloud: str, role: str) -> str:
    first = machines(world, cloud, role)[0]
    return first["userDataBase64"] if cloud == "aws" else first["osProfile"]["customData"]


def test_a_machine_has_windows_own_profile_and_no_key() -> None:
    world = environment("azure")
    for machine in machines(world, "azure", "web"):
        profile = machine["osProfile"]
        assert profile["windowsConfiguration"] == {
            "provisionVMAgent": True,
            "enableAutomaticUpdates": False,
            "patchSettings": {"patchMode": "Manual"},
        }
        assert "linuxConfiguration" not in profile
        assert len(profile["computerName"]) <= guest.LONGEST_NAME
    assert not [name for name in world.of_type(KEY) if name.endswith("-login")]


def test_its_password_is_nowhere_else() -> None:
    world = environment("azure")
    made = world.of_type(PASSWORD)
    assert {name for name in made if name.endswith("-login")} == {
        "test-web-nodes-login",
        "test-compute-nodes-login",
    }
    secret = "s3cr3t-value-of-test-web-nodes-login"
    holders = {urn for urn, inputs in world.items() if secret in json.dumps(inputs, default=str)}
    assert {urn.partition("::")[2] for urn in holders} == {"test-web-nodes-1", "test-web-nodes-2"}


@pytest.mark.parametrize("role", ["web", "compute"])
def test_extensions_are_those_of_windows(role: str) -> None:
    port = {"web": 12801, "compute": 12806}[role]
    found = environment("azure").of_type(EXTENSION)
    health = found[f"test-{role}-nodes-1-health"]
    assert (health["publisher"], health["type"]) == (
        "Microsoft.ManagedServices",
        "ApplicationHealthWindows",
    )
    assert health["settings"] == {"protocol": "http", "port": port, "requestPath": "/live"}
    ready = found[f"test-{role}-nodes-1-ready"]
    assert (ready["publisher"], ready["type"], ready["typeHandlerVersion"]) == (
        "Microsoft.Compute",
        "CustomScriptExtension",
        "1.10",
    )


def test_the_extension_runs_what_azure_stored_and_waits_for_it() -> None:
    ready = environment("azure").of_type(EXTENSION)["test-web-nodes-1-ready"]
    assert ready["settings"]["commandToExecute"] == (
        'cmd.exe /d /s /c "'
        r"copy /y C:\AzureData\CustomData.bin C:\AzureData\start.ps1 && "
        "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass "
        r"-File C:\AzureData\start.ps1 && "
        "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass "
        r'-File "C:\Program Files\Operationalization\wait-until-ready.ps1""'
    )


def test_a_scale_set_has_the_same_and_time_to_install() -> None:
    world = environment("azure", web=SCALED, compute=SCALED)
    for name, group in world.of_type(SCALE_SET).items():
        profile = group["virtualMachineProfile"]
        assert len(profile["osProfile"]["computerNamePrefix"]) <= guest.LONGEST_PREFIX, name
        assert "windowsConfiguration" in profile["osProfile"]
        assert "linuxConfiguration" not in profile["osProfile"]
        assert group["automaticRepairsPolicy"]["gracePeriod"] == "PT90M"
        health, ready = profile["extensionProfile"]["extensions"]
        assert health["type"] == "ApplicationHealthWindows"
        assert ready["type"] == "CustomScriptExtension"
        assert ready["provisionAfterExtensions"] == ["health"]


def test_a_machine_on_aws_has_no_login_at_all() -> None:
    world = environment("aws")
    assert not [name for name in world.of_type(PASSWORD) if name.endswith("-login")]
    for machine in machines(world, "aws", "web"):
        assert "keyName" not in machine
        assert "getPasswordData" not in machine


def test_a_group_on_aws_has_time_to_install() -> None:
    world = environment("aws", web=SCALED, compute=SCALED)
    for group in world.of_type("aws:autoscaling/group:Group").values():
        launching, _ = group["initialLifecycleHooks"]
        assert launching["heartbeatTimeout"] == 3600
        assert group["waitForCapacityTimeout"] == "130m"


def test_the_balancer_asks_on_the_health_port() -> None:
    (probe,) = environment("azure").only("azure-native:network:LoadBalancer")["probes"]
    assert (probe["protocol"], probe["port"], probe["requestPath"]) == ("Http", 12801, "/ping")
    check = environment("aws").only("aws:lb/targetGroup:TargetGroup")["healthCheck"]
    assert (check["protocol"], check["port"], check["path"]) == ("HTTP", "12801", "/ping")


@every_cloud
def test_nodes_may_be_asked_there_by_the_balancer_alone(cloud: str) -> None:
    inbound = windows.node_json(user_data(environment(cloud), cloud, "web"))["firewall"]["inbound"]
    ports = {rule["port"] for rule in inbound}
    assert ports == {12800, 12801}
    assert "203.0.113.0/24" not in {r["address"] for r in inbound if r["port"] == 12801}


@every_cloud
def test_certificates_have_keys_that_windows_reads(cloud: str) -> None:
    keys = environment(cloud).of_type(KEY)
    leaves = [key for name, key in keys.items() if not name.endswith("-ca-key")]
    assert leaves
    assert {(key["algorithm"], key["rsaBits"]) for key in leaves} == {("RSA", 2048)}


@every_cloud
@pytest.mark.parametrize("role", ["web", "compute"])
def test_user_data_is_a_script_and_the_nodes_json(cloud: str, role: str) -> None:
    text = windows.script(user_data(environment(cloud), cloud, role))
    found = windows.files(text)
    assert text.startswith("<powershell>\n" if cloud == "aws" else "# The beginning of a node.")
    assert (text.count("powershell>") == 2) is (cloud == "aws")
    document = json.loads(found["node.json"])
    assert document["role"] == role
    assert document["health"]["port"] == {"web": 12801, "compute": 12806}[role]
    scripts = {"begin.ps1", "cloud.ps1", "library.ps1", "node.json"}
    assert set(found) == scripts if cloud == "aws" else set(found) > scripts


def test_the_rest_of_a_node_on_aws_is_a_zip_that_it_can_name() -> None:
    world = environment("aws")
    bundle = world.of_type("aws:s3/bucketObjectv2:BucketObjectv2")["test-artifacts-web-bundle"]
    assert bundle["key"].startswith("web/")
    assert bundle["key"].endswith(".zip")
    assert bundle["contentType"] == "application/zip"
    document = windows.node_json(user_data(world, "aws", "web"))
    assert bundle["key"] == f"web/{document['bundle']['sha256']}.zip"


@every_cloud
def test_a_one_box_has_both_roles(cloud: str) -> None:
    value = of_family(BOXES[cloud], "9.4.7", "windows-server-2012-r2")
    world = deployed({stacks.ENVIRONMENT: value})
    (machine,) = world.of_type(MACHINE[cloud]).values()
    encoded = machine["userDataBase64"] if cloud == "aws" else machine["osProfile"]["customData"]
    document = windows.node_json(encoded)
    assert document["one-box"]["parts"] == ["compute", "web"]
    assert document["one-box"]["windows"]["program"] == "ServerSetup.exe"
    assert {rule["port"] for rule in document["firewall"]["inbound"]} == {12800, 12801}


def test_names_that_windows_refuses_are_refused() -> None:
    with pytest.raises(ValueError, match="compute-12345678: a Windows machine's name"):
        guest.windows_name("compute-12345678", guest.LONGEST_NAME)


def test_a_disk_holds_an_image_of_windows() -> None:
    (disk,) = {
        machine["storageProfile"]["osDisk"]["diskSizeGB"]
        for machine in environment("azure").of_type(MACHINE["azure"]).values()
    }
    assert disk == 128
    larger = environment("azure", web__disk={"size": 256})
    assert machines(larger, "azure", "web")[0]["storageProfile"]["osDisk"]["diskSizeGB"] == 256
