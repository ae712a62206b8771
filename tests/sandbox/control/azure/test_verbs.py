"""The kinds behind the real provider: what the engine sees of Azure's rules."""

import grpc
import pytest

from sandbox.control.wire import UNKNOWN, Secret
from tests.support.provider import SUBSCRIPTION, serving

TENANT = "5a9d0b0e-0000-4000-8000-000000000001"
RG = f"{SUBSCRIPTION}/resourceGroups/rg/providers"


@pytest.fixture
def cloud(tmp_path):
    with serving("azure-native", tmp_path) as client:
        client.configure(location="westeurope")
        create(client, "resources:ResourceGroup", "rg", resourceGroupName="rg")
        yield client


def create(cloud, short, name, **inputs):
    given = {"resourceGroupName": "rg", **inputs}
    return cloud.create(f"azure-native:{short}", name, given)


def words(refusal):
    return refusal.value.details()


@pytest.fixture
def subnet(cloud):
    create(
        cloud,
        "network:VirtualNetwork",
        "vnet",
        virtualNetworkName="vnet",
        addressSpace={"addressPrefixes": ["10.20.0.0/16"]},
    )
    target, _ = create(
        cloud, "network:Subnet", "web", virtualNetworkName="vnet", addressPrefix="10.20.0.0/24"
    )
    return target


@pytest.fixture
def vault(cloud):
    properties = {
        "tenantId": TENANT,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "publicNetworkAccess": "Disabled",
    }
    return create(
        cloud, "keyvault:Vault", "vault", vaultName="models-abc123", properties=properties
    )[0]


def endpoint(cloud, subnet, vault):
    connection = {"name": "vault", "privateLinkServiceId": vault, "groupIds": ["vault"]}
    return create(
        cloud,
        "network:PrivateEndpoint",
        "vault",
        privateEndpointName="pe",
        customNetworkInterfaceName="pe-nic",
        subnet={"id": subnet},
        privateLinkServiceConnections=[connection],
    )


def test_a_subnet_is_held_by_an_endpoints_interface_and_free_after_it(cloud, subnet, vault):
    target, outputs = endpoint(cloud, subnet, vault)
    nic = f"{RG}/Microsoft.Network/networkInterfaces/pe-nic"
    assert outputs["networkInterfaces"] == [{"id": nic}]

    with pytest.raises(grpc.RpcError) as refused:
        cloud.delete("azure-native:network:Subnet", subnet)
    assert words(refused) == (
        f'Code="InUseSubnetCannotBeDeleted" Message="Subnet web is in use by {nic}, {target} and '
        "cannot be deleted. In order to delete the subnet, delete all the resources within the "
        'subnet. See aka.ms/deletesubnet."'
    )

    cloud.delete("azure-native:network:PrivateEndpoint", target)
    cloud.delete("azure-native:network:Subnet", subnet)


def test_a_vault_can_go_before_its_endpoint(cloud, subnet, vault):
    endpoint(cloud, subnet, vault)

    cloud.delete("azure-native:keyvault:Vault", vault)


def test_a_zone_with_a_record_stays(cloud, subnet, vault):
    endpoint(cloud, subnet, vault)
    zone, _ = create(
        cloud,
        "privatedns:PrivateZone",
        "zone",
        privateZoneName="privatelink.vaultcore.azure.net",
        location="global",
    )
    group, outputs = create(
        cloud,
        "network:PrivateDnsZoneGroup",
        "default",
        privateEndpointName="pe",
        privateDnsZoneConfigs=[{"name": "vault", "privateDnsZoneId": zone}],
    )
    assert outputs["privateDnsZoneConfigs"][0]["recordSets"][0]["ipAddresses"] == ["10.20.0.4"]

    with pytest.raises(grpc.RpcError, match=r"before nested resources are deleted"):
        cloud.delete("azure-native:privatedns:PrivateZone", zone)
    cloud.delete("azure-native:network:PrivateDnsZoneGroup", group)
    cloud.delete("azure-native:privatedns:PrivateZone", zone)


def test_secrets_of_a_closed_vault_go_with_it_only(cloud, vault):
    secret, outputs = create(
        cloud,
        "keyvault:Secret",
        "admin",
        vaultName="models-abc123",
        properties={"value": Secret("hidden")},
    )
    assert "hidden" not in repr(outputs)

    with pytest.raises(grpc.RpcError, match='Code="Forbidden" Message="Public network access'):
        cloud.delete("azure-native:keyvault:Secret", secret)
    cloud.delete("azure-native:keyvault:Vault", vault)
    assert cloud.read("azure-native:keyvault:Secret", secret).id == ""

    with pytest.raises(grpc.RpcError, match='Code="ConflictError"'):
        create(
            cloud,
            "keyvault:Vault",
            "again",
            vaultName="models-abc123",
            properties={
                "tenantId": TENANT,
                "sku": {"family": "A", "name": "standard"},
                "enableRbacAuthorization": True,
            },
        )


def test_a_preview_with_unknown_references_is_not_refused(cloud):
    inputs = {
        "resourceGroupName": UNKNOWN,
        "sku": {"name": "Standard"},
        "frontendIPConfigurations": [{"name": "clients", "subnet": {"id": UNKNOWN}}],
    }

    assert cloud.checked("azure-native:network:LoadBalancer", "lb", inputs)["location"] == (
        "westeurope"
    )


def test_a_role_that_azure_has_may_be_referred_to(cloud, vault):
    _, identity = create(cloud, "managedidentity:UserAssignedIdentity", "web", resourceName="web")
    role = "Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"
    assignment = {
        "scope": vault,
        "principalId": identity["principalId"],
        "roleDefinitionId": f"{SUBSCRIPTION}/providers/{role}",
    }
    target, outputs = cloud.create("azure-native:authorization:RoleAssignment", "reads", assignment)

    assert target.startswith(f"{vault}/providers/Microsoft.Authorization/roleAssignments/")
    assert outputs["principalType"] == "ServicePrincipal"
