"""The neutral view of machines: everything that a fabric boots them from."""

import base64
import gzip
import subprocess
from ipaddress import IPv4Address, IPv4Network

import pytest

from sandbox.control.azure import fleet, instances
from sandbox.control.store import Store
from tests.sandbox.control.azure.test_load_balancers import make as balancer
from tests.sandbox.control.azure.test_scale_sets import KEY, PROFILE, make, profile
from tests.sandbox.control.azure.test_virtual_machines import machine
from tests.support.world import GROUP

SCRIPT = {
    "name": "ready",
    "publisher": "Microsoft.Azure.Extensions",
    "type": "CustomScript",
    "typeHandlerVersion": "2.1",
    "provisionAfterExtensions": ["health"],
    "settings": {"commandToExecute": "/opt/wait.sh"},
}
HEALTH = {
    "name": "health",
    "publisher": "Microsoft.ManagedServices",
    "type": "ApplicationHealthLinux",
    "typeHandlerVersion": "1.0",
    "settings": {"protocol": "https", "port": 12800, "requestPath": "/live"},
}


def with_extensions(subnet, *found, **changes):
    return profile(subnet, extensionProfile={"extensions": list(found)}, **changes)


@pytest.fixture
def nic(site):
    return site.world.create(
        "network:NetworkInterface",
        networkInterfaceName="nic",
        ipConfigurations=[{"name": "main", "subnet": {"id": site.subnet.id}}],
    )


def test_a_machine_of_a_scale_set_is_known_completely(site):
    identity = site.world.create("managedidentity:UserAssignedIdentity", resourceName="web")
    notice = {"terminateNotificationProfile": {"enable": True, "notBeforeTimeout": "PT6M"}}
    made = make(
        site,
        sku={"name": "Standard_D4s_v5", "capacity": 1},
        identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]},
        tags={"owner": "us"},
        automaticRepairsPolicy={"enabled": True, "gracePeriod": "PT20M"},
        virtualMachineProfile=with_extensions(
            site.subnet.id, HEALTH, SCRIPT, scheduledEventsProfile=notice
        ),
    )
    (found,) = fleet.machines_of(site.world)
    (instance,) = instances.of(site.world, made.id)

    assert (found.id, found.group, found.number) == (f"{made.id}/virtualMachines/0", made.id, 0)
    assert (found.name, found.computer_name) == ("web_0", "web000000")
    assert found.vm_id == found.incarnation == instance.vm_id
    assert found.interface == f"{found.id}/networkInterfaces/main"
    assert (found.address, found.subnet) == (IPv4Address("10.20.0.4"), site.subnet.id)
    assert found.network == site.network.id
    assert (found.security_group, found.public_address) == (None, None)
    assert (found.location, found.zone) == ("westeurope", "1")
    assert (found.size, found.vcpus, found.memory) == ("Standard_D4s_v5", 4, 16384)
    assert (found.image, found.custom_data) == ("debian-12", b"#cloud-config\n")
    assert (found.administrator, found.keys) == ("operations", (KEY,))
    assert (found.identities, found.system_principal) == ((identity.id,), "")
    assert found.tags == (("owner", "us"),)
    assert found.health == fleet.Health(
        protocol="https", port=12800, path="/live", interval=5.0, failures=1
    )
    assert (found.script, found.script_seconds) == ("/opt/wait.sh", 5400.0)
    assert (found.repair_seconds, found.repair_action) == (1200.0, "Replace")
    assert (found.notice_seconds, found.leaving) == (360.0, False)


def test_what_is_not_asked_for_is_off(site):
    make(
        site,
        automaticRepairsPolicy={"enabled": False, "gracePeriod": "PT20M"},
        virtualMachineProfile=with_extensions(
            site.subnet.id,
            scheduledEventsProfile={
                "terminateNotificationProfile": {"enable": False, "notBeforeTimeout": "PT6M"}
            },
        ),
    )
    found = fleet.machines_of(site.world)[0]

    assert (found.health, found.script) == (None, None)
    assert (found.repair_seconds, found.notice_seconds) == (None, 0.0)


def test_durations_that_are_left_out_are_azures(site):
    make(
        site,
        automaticRepairsPolicy={"enabled": True},
        virtualMachineProfile=with_extensions(
            site.subnet.id,
            HEALTH,
            scheduledEventsProfile={"terminateNotificationProfile": {"enable": True}},
        ),
    )
    found = fleet.machines_of(site.world)[0]

    assert (found.repair_seconds, found.notice_seconds) == (600.0, 300.0)


def test_an_http_health_path_without_port_has_the_protocols_port(site):
    health = {**HEALTH, "settings": {"protocol": "http", "requestPath": "live"}}
    make(site, virtualMachineProfile=with_extensions(site.subnet.id, health))
    found = fleet.machines_of(site.world)[0].health

    assert found is not None
    assert (found.protocol, found.port, found.path) == ("http", 80, "/live")


def test_a_load_balancers_probe_says_health_where_no_extension_does(site):
    made = balancer(site)
    changed = with_extensions(site.subnet.id)
    changed["networkProfile"]["healthProbe"] = {"id": f"{made.id}/probes/ready"}
    make(site, virtualMachineProfile=changed)

    assert fleet.machines_of(site.world)[0].health == fleet.Health(
        protocol="https", port=12800, path="/ping", interval=15.0, failures=1
    )


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_script_in_the_settings_becomes_a_command_that_runs_it(site, pack):
    body = base64.b64encode(pack(b"#!/bin/sh\necho ready; exit 3\n")).decode()
    script = {**SCRIPT, "settings": {}, "protectedSettings": {"script": body}}
    make(site, virtualMachineProfile=with_extensions(site.subnet.id, HEALTH, script))
    command = fleet.machines_of(site.world)[0].script

    assert command is not None
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "ready\n")


def test_a_custom_image_is_known_by_its_name(site):
    image = site.world.create(
        "compute:Image",
        imageName="plumber",
        hyperVGeneration="V2",
        storageProfile={
            "osDisk": {"osType": "Linux", "osState": "Generalized", "blobUri": "https://a/b.vhd"}
        },
    )
    storage = {
        **profile(site.subnet.id)["storageProfile"],
        "imageReference": {"id": image.id},
    }
    make(site, virtualMachineProfile=profile(site.subnet.id, storageProfile=storage))

    assert fleet.machines_of(site.world)[0].image == "plumber"


def test_a_single_machine_looks_alike(site, nic):
    made = machine(
        site,
        nic,
        scheduledEventsProfile={"terminateNotificationProfile": {"enable": True}},
    )
    site.world.create(
        "compute:VirtualMachineExtension",
        vmName="web-1",
        vmExtensionName="ready",
        publisher="Microsoft.Azure.Extensions",
        type="CustomScript",
        typeHandlerVersion="2.1",
        settings={"commandToExecute": "/opt/wait.sh"},
    )
    site.world.create(
        "compute:VirtualMachineExtension",
        vmName="web-1",
        vmExtensionName="health",
        publisher="Microsoft.ManagedServices",
        type="ApplicationHealthLinux",
        typeHandlerVersion="1.0",
        settings={"protocol": "tcp", "port": 12800},
    )
    (found,) = fleet.machines_of(site.world)

    assert (found.id, found.group, found.number) == (made.id, made.id, None)
    assert (found.name, found.computer_name, found.zone) == ("web-1", "web-1", "1")
    assert (found.vm_id, found.incarnation) == (made.outputs["vmId"], made.incarnation)
    assert (found.interface, found.address) == (nic.id, IPv4Address("10.20.0.4"))
    assert (found.network, found.custom_data) == (site.network.id, b"one")
    assert (found.vcpus, found.memory) == (2, 8192)
    assert found.script == "/opt/wait.sh"
    assert found.health == fleet.Health(
        protocol="tcp", port=12800, path="/", interval=5.0, failures=1
    )
    assert (found.repair_seconds, found.notice_seconds) == (None, 300.0)


def test_a_machine_whose_interface_was_deleted_by_hand_can_not_boot(site, nic):
    machine(site, nic)
    site.world.remove(nic.id)

    assert fleet.machines_of(site.world) == ()


def test_the_members_of_a_pool_are_instances_and_interfaces(site):
    made = balancer(site)
    pool = f"{made.id}/backendAddressPools/web"
    changed = profile(site.subnet.id)
    configuration = changed["networkProfile"]["networkInterfaceConfigurations"][0]
    configuration["ipConfigurations"][0]["loadBalancerBackendAddressPools"] = [{"id": pool}]
    group = make(site, **{PROFILE: changed})
    make(site, vmScaleSetName="outside")
    nic = site.world.create(
        "network:NetworkInterface",
        networkInterfaceName="nic",
        ipConfigurations=[
            {
                "name": "main",
                "subnet": {"id": site.subnet.id},
                "loadBalancerBackendAddressPools": [{"id": pool}],
            }
        ],
    )

    first, second = (each.interface for each in instances.of(site.world, group.id))
    assert fleet.members(site.world, pool) == (
        (first, IPv4Address("10.20.0.5"), site.network.id),
        (second, IPv4Address("10.20.0.6"), site.network.id),
        (nic.id, IPv4Address("10.20.0.9"), site.network.id),
    )
    assert fleet.members(site.world, f"{GROUP}/none") == ()


def test_who_leaves_stays_a_member_until_it_is_gone(site):
    site.world.remember("public-pool", "198.18.16.0/20")
    made = balancer(site)
    pool = f"{made.id}/backendAddressPools/web"
    changed = profile(site.subnet.id)
    configuration = changed["networkProfile"]["networkInterfaceConfigurations"][0]
    configuration["ipConfigurations"][0]["loadBalancerBackendAddressPools"] = [{"id": pool}]
    group = make(site, **{PROFILE: changed})
    site.world.update(group, sku={"name": "Standard_D2s_v5", "capacity": 1})

    assert [each.leaving for each in fleet.machines_of(site.world)] == [False, True]
    assert len(fleet.members(site.world, pool)) == 2
    instances.forget(site.world, f"{group.id}/virtualMachines/1")
    assert len(fleet.members(site.world, pool)) == 1


def test_a_state_of_an_older_program_gets_its_machines_at_the_start(tmp_path, site):
    store = Store(tmp_path / "cloud.sqlite")
    group = make(site)
    with store.change() as rows:
        for record in site.world.records.values():
            rows.put(record, {})
    fleet.prepare(store, IPv4Network("198.18.16.0/20"))
    rows = store.read()

    assert rows.note("public-pool") == "198.18.16.0/20"
    index = rows.note(f"instances/{group.id.casefold()}")
    assert isinstance(index, dict)
    assert index["numbers"] == [0, 1]
    fleet.prepare(store, None)
    assert rows.note("public-pool") is None
    store.close()
