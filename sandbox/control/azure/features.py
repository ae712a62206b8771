"""Preview features of the subscription (Microsoft.Features).

Source: Azure documentation, "Set up preview features in Azure subscription".
"""

from sandbox.control.azure.machines import feature_note
from sandbox.control.kinds import Call, CloudError, Function, Outputs
from sandbox.control.reading import text

FEATURES = frozenset({("microsoft.compute", "encryptionathost")})
"""Provider namespace and feature, in lower case."""


def _registration(call: Call) -> Outputs:
    namespace = text(call.arguments, "providerNamespace") or ""
    feature = text(call.arguments, "featureName") or ""
    if (namespace.casefold(), feature.casefold()) not in FEATURES:
        raise CloudError(
            "FeatureNotFound",
            f"The feature '{feature}' could not be found in namespace '{namespace}'.",
        )
    state = call.world.note(feature_note(namespace, feature)) or "Registered"
    return {
        "id": f"/subscriptions/{call.world.subscription}/providers/Microsoft.Features"
        f"/featureProviders/{namespace}/subscriptionFeatureRegistrations/{feature}",
        "name": feature,
        "type": "Microsoft.Features/featureProviders/subscriptionFeatureRegistrations",
        "properties": {
            "subscriptionId": call.world.subscription,
            "tenantId": call.world.tenant,
            "providerNamespace": namespace,
            "featureName": feature,
            "state": state,
            "approvalType": "ApprovalRequired",
        },
    }


FUNCTIONS = (
    Function(name="azure-native:features:getSubscriptionFeatureRegistration", run=_registration),
)
