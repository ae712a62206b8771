import pytest

from tests.sandbox.control.azure.conftest import Site
from tests.support.world import GROUP, TENANT, RefusedError, problems

VAULT_ZONE = "privatelink.vaultcore.azure.net"


@pytest.fixture
def vault(site):
    return site.world.create(
        "keyvault:Vault",
        vaultName="models-abc123",
        properties={
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        },
    )


def endpoint(site, target, group="vault", **inputs):
    return site.world.create(
        "network:PrivateEndpoint",
        privateEndpointName="pe",
        subnet={"id": site.subnet.id},
        privateLinkServiceConnections=[
            {"name": "vault", "privateLinkServiceId": target, "groupIds": [group]}
        ],
        **inputs,
    )


def zone_group(site, zone):
    return site.world.create(
        "network:PrivateDnsZoneGroup",
        privateEndpointName="pe",
        privateDnsZoneGroupName="default",
        privateDnsZoneConfigs=[{"name": "vault", "privateDnsZoneId": zone.id}],
    )


def zone(site, name=VAULT_ZONE):
    return site.world.create("privatedns:PrivateZone", privateZoneName=name, location="global")


def test_an_endpoint_takes_an_address_through_an_interface_of_its_own(site, vault):
    made = endpoint(site, vault.id, customNetworkInterfaceName="vault-nic")

    interface = site.world.find(made.outputs["networkInterfaces"][0]["id"])
    assert interface.id == f"{GROUP}/providers/Microsoft.Network/networkInterfaces/vault-nic"
    assert interface.outputs["ipConfigurations"][0]["privateIPAddress"] == "10.20.0.4"
    assert made.outputs["customDnsConfigs"] == [
        {"fqdn": "models-abc123.vault.azure.net", "ipAddresses": ["10.20.0.4"]}
    ]

    site.world.delete(made)
    assert site.world.find(interface.id) is None


def test_a_zone_group_writes_the_record(site, vault):
    endpoint(site, vault.id)
    made = zone_group(site, zone(site))

    (record,) = made.outputs["privateDnsZoneConfigs"][0]["recordSets"]
    assert record["fqdn"] == f"models-abc123.{VAULT_ZONE}"
    assert record["ipAddresses"] == ["10.20.0.4"]
    kept = site.world.find(
        f"{GROUP}/providers/Microsoft.Network/privateDnsZones/{VAULT_ZONE}/A/models-abc123"
    )
    assert kept.outputs["aRecords"] == [{"ipv4Address": "10.20.0.4"}]

    site.world.delete(made)
    assert site.world.find(kept.id) is None


def test_the_group_fits_the_service():
    connection = {
        "name": "vault",
        "privateLinkServiceId": f"{GROUP}/providers/Microsoft.KeyVault/vaults/v",
        "groupIds": ["secrets"],
    }

    assert problems("network:PrivateEndpoint", privateLinkServiceConnections=[connection]) == [
        (
            "privateLinkServiceConnections[0].groupIds: Call to Microsoft.KeyVault failed. Error "
            f"message: The group ids ['secrets'] are not valid for {GROUP}/providers/"
            "Microsoft.KeyVault/vaults/v: use [vault]. (InvalidPrivateLinkServiceGroupId)"
        )
    ]


def test_the_zone_fits_the_service(site, vault):
    endpoint(site, vault.id)

    with pytest.raises(RefusedError) as refused:
        zone_group(site, zone(site, "privatelink.postgres.database.azure.com"))

    assert str(refused.value) == (
        "privateDnsZoneConfigs[0].privateDnsZoneId: zone privatelink.postgres.database.azure.com "
        "never answers for models-abc123.vault.azure.net: private endpoints of group vault need "
        "privatelink.vaultcore.azure.net"
    )


def test_a_service_that_the_sandbox_has_no_endpoint_for():
    target = f"{GROUP}/providers/Microsoft.Web/sites/s"
    found = problems(
        "network:PrivateEndpoint",
        privateLinkServiceConnections=[
            {"name": "s", "privateLinkServiceId": target, "groupIds": ["sites"]}
        ],
    )

    assert found == [
        (
            "privateLinkServiceConnections[0].privateLinkServiceId: the sandbox has no private "
            "endpoints for Microsoft.Web/sites: it knows Microsoft.KeyVault/vaults, "
            "Microsoft.DBforPostgreSQL/flexibleServers, Microsoft.Sql/servers, "
            "Microsoft.Storage/storageAccounts, Microsoft.ContainerRegistry/registries, "
            "Microsoft.MachineLearningServices/workspaces"
        )
    ]


def machine_endpoint(machine, target, group, *zones):
    world = machine.world
    world.create(
        "network:VirtualNetwork",
        virtualNetworkName="vnet",
        addressSpace={"addressPrefixes": ["10.20.0.0/16"]},
    )
    subnet = world.create(
        "network:Subnet",
        virtualNetworkName="vnet",
        subnetName="endpoints",
        addressPrefix="10.20.0.0/26",
    )
    site = Site(world, subnet, subnet)
    made = endpoint(site, target.id, group)
    kept = [zone(site, name) for name in zones]
    world.create(
        "network:PrivateDnsZoneGroup",
        privateEndpointName="pe",
        privateDnsZoneGroupName="default",
        privateDnsZoneConfigs=[
            {"name": f"zone-{index}", "privateDnsZoneId": each.id}
            for index, each in enumerate(kept)
        ],
    )
    return made, [
        sorted(
            record.id.rpartition("/")[2]
            for record in world.records.values()
            if record.id.startswith(f"{each.id}/A/")
        )
        for each in kept
    ]


def test_a_registry_answers_under_two_names(machine):
    made, records = machine_endpoint(
        machine, machine.registry, "registry", "privatelink.azurecr.io"
    )

    assert [each["fqdn"] for each in made.outputs["customDnsConfigs"]] == [
        "modelsabc123.azurecr.io",
        "modelsabc123.westeurope.data.azurecr.io",
    ]
    assert records == [["modelsabc123", "modelsabc123.westeurope.data"]]


def test_the_blobs_of_an_account_have_a_private_name(machine):
    _, records = machine_endpoint(
        machine, machine.storage, "blob", "privatelink.blob.core.windows.net"
    )

    assert records == [["modelsabc123"]]


def test_a_workspace_is_in_two_zones(machine):
    own = machine.workspace.outputs["workspaceId"]
    _, records = machine_endpoint(
        machine,
        machine.workspace,
        "amlworkspace",
        "privatelink.api.azureml.ms",
        "privatelink.notebooks.azure.net",
    )

    assert records == [
        sorted(
            [
                f"{own}.workspace.westeurope",
                f"{own}.workspace.westeurope.cert",
                f"*.{own}.inference.westeurope",
            ]
        ),
        [f"ml-models-westeurope-{own}.westeurope"],
    ]


def link(site, name, group="rg"):
    return site.world.create(
        "privatedns:VirtualNetworkLink",
        resourceGroupName=group,
        privateZoneName=VAULT_ZONE,
        virtualNetworkLinkName=name,
        virtualNetwork={"id": site.network.id},
        registrationEnabled=False,
        location="global",
    )


def test_a_network_is_linked_to_a_zone_name_once(site):
    zone(site)
    assert link(site, "a").outputs["virtualNetworkLinkState"] == "Completed"
    site.world.create("resources:ResourceGroup", resourceGroupName="other", location="westeurope")

    with pytest.raises(RefusedError) as refused:
        link(site, "b", group="other")

    assert str(refused.value) == (
        "virtualNetwork.id: A virtual network cannot be linked to multiple zones with overlapping "
        f"namespaces. You tried to link virtual network with '{VAULT_ZONE}' and '{VAULT_ZONE}' "
        "zones. (BadRequest)"
    )


def test_zones_are_global():
    assert problems("privatedns:PrivateZone", location="westeurope") == [
        (
            "location: The provided location 'westeurope' is not available for resource type "
            "'Microsoft.Network/privateDnsZones'. List of available regions for the resource type "
            "is "
            "'global'. (LocationNotAvailableForResourceType)"
        )
    ]


def test_records_have_addresses(site):
    zone(site)
    made = site.world.create(
        "privatedns:PrivateRecordSet",
        privateZoneName=VAULT_ZONE,
        recordType="A",
        relativeRecordSetName="api",
        aRecords=[{"ipv4Address": "10.20.0.4"}],
    )

    assert made.outputs["fqdn"] == f"api.{VAULT_ZONE}."
    assert problems(
        "privatedns:PrivateRecordSet", recordType="A", aRecords=[{"ipv4Address": "here"}]
    ) == ["aRecords[0].ipv4Address: The value 'here' is not a valid IPv4 address. (BadRequest)"]
