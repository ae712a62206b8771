import pytest

from sandbox.control import azure
from sandbox.control.kinds import Call, CloudError
from tests.support.world import GROUP, PRINCIPAL, SUBSCRIPTION, TENANT

FUNCTIONS = {function.name: function for function in azure.FUNCTIONS}


def call(world, name, **arguments):
    token = f"azure-native:{name}"
    return FUNCTIONS[token].run(Call(name=token, arguments=arguments, world=world))


def test_the_deploying_principal_is_known(world):
    assert call(world, "authorization:getClientConfig") == {
        "clientId": PRINCIPAL,
        "objectId": PRINCIPAL,
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
    }


def test_a_resource_is_found_by_its_name(site):
    found = call(
        site.world,
        "network:getSubnet",
        resourceGroupName="rg",
        virtualNetworkName="VNET",
        subnetName="web",
    )

    assert found["id"] == site.subnet.id
    assert found["addressPrefix"] == "10.20.0.0/28"


def test_a_resource_that_is_not_there(world):
    with pytest.raises(CloudError) as refused:
        call(world, "keyvault:getVault", resourceGroupName="rg", vaultName="gone")

    assert refused.value.message == (
        "The Resource 'Microsoft.KeyVault/vaults/gone' under resource group 'rg' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )


def feature(world, name="EncryptionAtHost"):
    return call(
        world,
        "features:getSubscriptionFeatureRegistration",
        providerNamespace="Microsoft.Compute",
        featureName=name,
    )


def test_features_are_registered_until_told_otherwise(world):
    assert feature(world)["properties"]["state"] == "Registered"

    world.remember("feature/microsoft.compute/encryptionathost", "NotRegistered")
    assert feature(world)["properties"]["state"] == "NotRegistered"


def test_a_feature_that_azure_does_not_have(world):
    with pytest.raises(CloudError, match="The feature 'Warp' could not be found in namespace"):
        feature(world, "Warp")


def test_only_built_in_roles_are_azures_own():
    roles = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions"

    assert azure.builtin(f"{roles}/4633458b-17de-408a-b874-0445c86b69e6")
    assert not azure.builtin(f"{roles}/4633458b-17de-408a-b874-0445c86b69e7")
    assert not azure.builtin(f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet")
