"""Asks the subscription, before anything is made, whether it can do what nodes need."""

import pulumi
from pulumi_azure_native import features

FEATURE = "EncryptionAtHost"
PROVIDER = "Microsoft.Compute"
FIX = (
    f"register it once per subscription: az feature register --namespace {PROVIDER} "
    f"--name {FEATURE}, wait until az feature show says Registered, then "
    f"az provider register --namespace {PROVIDER}"
)


def encryption_at_host(provider: pulumi.ProviderResource) -> pulumi.Output[bool]:
    """Return an output that is true, or that fails because the subscription lacks the feature.

    Azure itself refuses such machines only when it makes them, after the database and everything
    else ("Enable end-to-end encryption using encryption at host", prerequisites).
    """
    return pulumi.Output.from_input(_registered(provider))


async def _registered(provider: pulumi.ProviderResource) -> bool:
    answer = features.get_subscription_feature_registration_output(
        feature_name=FEATURE,
        provider_namespace=PROVIDER,
        opts=pulumi.InvokeOutputOptions(provider=provider),
    )
    try:
        if not await answer.is_known():
            # A preview whose provider is not configured yet; the update asks again.
            return True
        found = await answer.future()
    except Exception as error:
        # Azure answers 404 for a feature that was never registered.
        raise pulumi.RunError(
            f"azure: cannot see that feature {PROVIDER}/{FEATURE}, which encrypts the nodes' "
            f"disks, is registered for this subscription ({error})\n  fix: {FIX}"
        ) from error
    state = (found.properties.state if found else None) or "unknown"
    if state != "Registered":
        raise pulumi.RunError(
            f"azure: feature {PROVIDER}/{FEATURE}, which encrypts the nodes' disks, is {state} "
            f"for this subscription\n  fix: {FIX}"
        )
    return True
