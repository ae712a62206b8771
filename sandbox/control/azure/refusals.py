"""How Azure Resource Manager refuses what is right in itself: not allowed, and too many requests.

Sources: Azure documentation, "Troubleshoot Azure RBAC" and "Understand how Azure Resource Manager
throttles requests", "Troubleshoot API throttling errors - compute"; pulumi-azure-native,
provider/pkg/azure/client_azcore.go (what it tries again) and azcore's policy.RetryOptions (three
times, after 20, 60 and 120 seconds unless the answer says Retry-After).
"""

from sandbox.control import ids
from sandbox.control.faults import Attempt, Call, Refusals
from sandbox.control.kinds import CloudError
from sandbox.control.world import PRINCIPAL

_VERBS = {Call.CREATE: "write", Call.UPDATE: "write", Call.READ: "read", Call.DELETE: "delete"}


def _denied(attempt: Attempt) -> CloudError:
    """The deploying principal lacks the role: no retry helps."""
    scope = attempt.target()
    action = f"{ids.type_of(scope)}/{_VERBS[attempt.call]}"
    return CloudError(
        "AuthorizationFailed",
        f"The client '{PRINCIPAL}' with object id '{PRINCIPAL}' does not have authorization to "
        f"perform action '{action}' over scope '{scope}' or the scope is "
        "invalid. If access was recently granted, please refresh your credentials.",
    )


def _throttled(_: Attempt) -> CloudError:
    return CloudError(
        "TooManyRequests",
        "The server rejected the request because too many requests have been received for this "
        "subscription.",
    )


REFUSALS = Refusals(denied=_denied, throttled=_throttled, retries=3)
