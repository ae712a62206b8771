import base64
import gzip
import json
from typing import Any

import yaml

from tests.support.azure import GROUP, IMAGE, changed, deployed, world
from tests.support.cloud import World

SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"


def group(deployment: World, role: str) -> dict[str, Any]:
    return deployment.of_type(SCALE_SET)[f"test-{role}-nodes"]


def profile(deployment: World, role: str) -> dict[str, Any]:
    return group(deployment, role)["virtualMachineProfile"]


def node_json(deployment: World, role: str) -> dict[str, Any]:
    """What a node of the group reads at boot, out of its custom data."""
    data = base64.b64decode(profile(deployment, role)["osProfile"]["customData"])
    files = yaml.safe_load(gzip.decompress(data))["write_files"]
    (content,) = [file["content"] for file in files if file["path"].endswith("/node.json")]
    return json.loads(content)


def test_a_group_is_one_scale_set_that_balances_its_zones() -> None:
    web = group(world("azure-production"), "web")
    assert web["orchestrationMode"] == "Uniform"
    assert web["overprovision"] is False
    assert web["singlePlacementGroup"] is False
    assert web["zones"] == ["1", "2", "3"]
    assert web["zoneBalance"] is True
    assert web["sku"] == {"name": "Standard_D2s_v5", "tier": "Standard", "capacity": 3}
    assert web["upgradePolicy"] == {"mode": "Manual"}


def test_a_group_in_one_zone_has_nothing_to_balance() -> None:
    web = group(deployed(changed("dev", web__zones=[2])), "web")
    assert web["zones"] == ["2"]
    assert "zoneBalance" not in web


def test_a_location_without_zones_spreads_over_fault_domains() -> None:
    web = group(deployed(changed("dev", location="ukwest")), "web")
    assert "zones" not in web
    assert web["platformFaultDomainCount"] == 5


def test_a_machine_starts_trusted_and_encrypted() -> None:
    assert profile(world("dev"), "compute")["securityProfile"] == {
        "securityType": "TrustedLaunch",
        "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        "encryptionAtHost": True,
    }


def test_nobody_logs_in_with_a_password() -> None:
    system = profile(world("dev"), "web")["osProfile"]
    assert "adminPassword" not in system
    assert system["linuxConfiguration"]["disablePasswordAuthentication"] is True
    (key,) = system["linuxConfiguration"]["ssh"]["publicKeys"]
    assert key == {
        "path": "/home/operations/.ssh/authorized_keys",
        "keyData": "ssh-ed25519 test-web-nodes-login",
    }


def test_no_node_has_a_public_address() -> None:
    for role in ("web", "compute"):
        (interface,) = profile(world("dev"), role)["networkProfile"][
            "networkInterfaceConfigurations"
        ]
        assert interface["enableIPForwarding"] is False
        (address,) = interface["ipConfigurations"]
        assert "publicIPAddressConfiguration" not in address
        assert address["subnet"]["id"] == f"{GROUP}/providers/network/Subnet/test-network-{role}"


def test_web_nodes_alone_join_the_load_balancer() -> None:
    pools = {
        role: profile(world("dev"), role)["networkProfile"]["networkInterfaceConfigurations"][0][
            "ipConfigurations"
        ][0].get("loadBalancerBackendAddressPools")
        for role in ("web", "compute")
    }
    balancer = f"{GROUP}/providers/network/LoadBalancer/test-balancer-public"
    assert pools == {"web": [{"id": f"{balancer}/backendAddressPools/web"}], "compute": None}


def test_accelerated_networking_where_the_size_has_it() -> None:
    def accelerated(size: str) -> bool:
        deployment = deployed(changed("dev", web__size=size))
        network = profile(deployment, "web")["networkProfile"]
        return network["networkInterfaceConfigurations"][0]["enableAcceleratedNetworking"]

    assert accelerated("Standard_B2s_v2")
    assert not accelerated("Standard_B2ms")


def test_a_new_machine_counts_when_it_serves_and_is_repaired_by_its_own_health() -> None:
    web = group(world("dev"), "web")
    assert web["automaticRepairsPolicy"] == {
        "enabled": True,
        "gracePeriod": "PT10M",
        "repairAction": "Replace",
    }
    health, ready = web["virtualMachineProfile"]["extensionProfile"]["extensions"]
    assert health["type"] == "ApplicationHealthLinux"
    assert health["settings"] == {"protocol": "https", "port": 12800, "requestPath": "/live"}
    assert ready["type"] == "CustomScript"
    assert ready["provisionAfterExtensions"] == ["health"]
    assert ready["settings"] == {
        "commandToExecute": "/opt/operationalization/bin/wait-until-ready.sh"
    }


def test_a_machine_is_told_before_it_goes() -> None:
    notice = profile(world("dev"), "web")["scheduledEventsProfile"]["terminateNotificationProfile"]
    assert notice == {"enable": True, "notBeforeTimeout": "PT5M"}


def test_disks_are_managed_and_as_the_settings_say() -> None:
    def disk(name: str) -> tuple[float, str]:
        found = profile(world(name), "compute")["storageProfile"]["osDisk"]
        return found["diskSizeGB"], found["managedDisk"]["storageAccountType"]

    assert disk("dev") == (32, "StandardSSD_LRS")
    assert disk("azure-production") == (64, "Premium_LRS")


def test_the_stock_image_is_pinned() -> None:
    image = profile(world("dev"), "web")["storageProfile"]["imageReference"]
    assert (image["publisher"], image["offer"], image["sku"]) == ("Debian", "debian-12", "12-gen2")
    assert image["version"].startswith("0.")


def test_the_settings_image_takes_its_place() -> None:
    own = deployed(changed("dev", runtime__image="complete", runtime__imageId=IMAGE))
    assert profile(own, "web")["storageProfile"]["imageReference"] == {"id": IMAGE}


def test_content_replaces_a_group_and_its_count_does_not() -> None:
    options = world("dev").options_of(SCALE_SET)["test-compute-nodes"]
    assert options.replace_on_changes == (
        "virtualMachineProfile",
        "sku.name",
        "sku.tier",
        "identity",
    )
    # The new one comes first, so nothing may give it the old one's name.
    assert not options.delete_before_replace
    assert "vmScaleSetName" not in group(world("dev"), "compute")


def test_the_autoscaler_owns_the_count_and_nobody_else() -> None:
    options = world("dev").options_of(SCALE_SET)
    assert options["test-compute-nodes"].ignore_changes == ("sku.capacity",)
    assert options["test-web-nodes"].ignore_changes == ()


def test_compute_nodes_begin_with_their_own_minimum() -> None:
    deployment = deployed(changed("dev", web__count=5, compute__autoscale__minimum=3))
    assert group(deployment, "compute")["sku"]["capacity"] == 3
    assert group(deployment, "web")["sku"]["capacity"] == 5


def test_nodes_know_where_vault_and_database_are() -> None:
    web, compute = node_json(world("dev"), "web"), node_json(world("dev"), "compute")
    assert web["vault"] == {
        "uri": "https://test-abc123.vault.azure.net/",
        "identity": "test-web-identity-client",
    }
    assert web["database"] == {
        "host": "test-database-server.postgres.database.azure.com",
        "port": 5432,
        "name": "operationalization",
        "principal": "test-web-identity",
    }
    assert compute["vault"]["identity"] == "test-compute-identity-client"
    assert compute["database"]["principal"] == ""


def test_bounds_do_not_reach_the_nodes() -> None:
    more = deployed(changed("dev", compute__autoscale__maximum=90))
    assert profile(more, "compute")["osProfile"] == profile(world("dev"), "compute")["osProfile"]
    assert profile(more, "web")["osProfile"] == profile(world("dev"), "web")["osProfile"]


def test_a_group_waits_for_what_its_nodes_need() -> None:
    options = world("dev").options_of("operationalization:azure:NodeGroup")

    def waits_for(role: str) -> set[str]:
        return {urn.partition("::")[2] for urn in options[f"test-{role}-nodes"].depends_on}

    assert {"test-database-server", "test-secrets-compute-reads-environment-ca"} <= waits_for(
        "compute"
    )
    assert {"test-database-server", "test-secrets-web-reads-web-server"} <= waits_for("web")
    # Each of the two waits on the node for what the other one makes in the database.
    assert "test-compute-nodes" not in waits_for("web")
    assert "test-web-nodes" not in waits_for("compute")
