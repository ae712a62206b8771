import grpc
import pulumi
import pytest

from tests.support.azure import FEATURE, AzureCloud, deployed, feature, stack, world

FIX = (
    "  fix: register it once per subscription: az feature register --namespace Microsoft.Compute "
    "--name EncryptionAtHost, wait until az feature show says Registered, then "
    "az provider register --namespace Microsoft.Compute"
)


def test_every_azure_resource_uses_the_one_provider_of_the_location() -> None:
    deployment = world("dev")
    provider = deployment.only("pulumi:providers:azure-native")
    assert provider["location"] == "westeurope"
    used = {
        options.provider.partition("::")[2]
        for urn, options in deployment.options.items()
        if "azure-native:" in urn.partition("::")[0].rpartition("$")[2]
        and "pulumi:providers" not in urn
    }
    assert used == {"test-foundation-provider"}


def test_resources_lie_in_the_location_and_carry_the_tags() -> None:
    for urn, inputs in world("dev").items():
        assert inputs.get("location", "westeurope") in ("westeurope", "global"), urn
        if "tags" in inputs:
            # The portal's own tag of a dashboard is its title.
            own = {name: tag for name, tag in inputs["tags"].items() if name != "hidden-title"}
            assert own == {
                "owner": "data-science",
                "environment": "test",
                "project": "operationalization",
                "managed-by": "pulumi",
            }


def test_a_subscription_without_encryption_at_host_is_told_how_to_get_it() -> None:
    cloud = AzureCloud(answers={FEATURE: feature("NotRegistered")})
    with pytest.raises(pulumi.RunError) as refused:
        deployed(stack("dev"), cloud=cloud)
    assert str(refused.value) == (
        "azure: feature Microsoft.Compute/EncryptionAtHost, which encrypts the nodes' disks, "
        f"is NotRegistered for this subscription\n{FIX}"
    )


class NotFound(grpc.RpcError):
    def code(self):
        return grpc.StatusCode.UNKNOWN

    def details(self):
        return "404 not found"


class Unasked(AzureCloud):
    """Azure's answer about a feature that nobody ever registered."""

    def call(self, args):
        raise NotFound


def test_a_feature_that_azure_does_not_know_is_told_the_same_way() -> None:
    with pytest.raises(pulumi.RunError) as refused:
        deployed(stack("dev"), cloud=Unasked())
    assert str(refused.value) == (
        "azure: cannot see that feature Microsoft.Compute/EncryptionAtHost, which encrypts the "
        f"nodes' disks, is registered for this subscription (invoke of {FEATURE} failed: "
        f"404 not found)\n{FIX}"
    )
