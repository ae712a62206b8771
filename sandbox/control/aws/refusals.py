"""How AWS refuses what is right in itself: not allowed, and too many requests.

Sources: Amazon EC2 API Reference, "Error codes for the Amazon EC2 API" (UnauthorizedOperation,
RequestLimitExceeded) and "Common errors" of the other services (AccessDenied, ThrottlingException);
AWS IAM User Guide, "Troubleshoot access denied error messages"; terraform-provider-aws,
`max_retries` (25 attempts, which pulumi-aws keeps), "Handling eventual consistency".
"""

from sandbox.control.aws.account import ACCOUNT, USER_NAME
from sandbox.control.faults import Attempt, Call, Refusals
from sandbox.control.kinds import ApiError

_VERBS = {
    Call.CREATE: "Create",
    Call.READ: "Describe",
    Call.UPDATE: "Modify",
    Call.DELETE: "Delete",
}
"""What most actions are called; some services say Put, Get or Update."""


def _service(attempt: Attempt) -> str:
    return attempt.type.split(":")[1].partition("/")[0]


def _denied(attempt: Attempt) -> ApiError:
    """The deploying user's policies don't allow it: no retry helps."""
    service = _service(attempt)
    action = f"{service}:{_VERBS[attempt.call]}{attempt.type.rpartition(':')[2]}"
    on = f" on resource: {target}" if (target := attempt.target()) else ""
    user = f"User: arn:aws:iam::{ACCOUNT}:user/{USER_NAME} is not authorized to perform: {action}"
    why = f"because no identity-based policy allows the {action} action"
    if service == "ec2":
        words = f"You are not authorized to perform this operation. {user}{on} {why}"
        return ApiError("UnauthorizedOperation", words)
    return ApiError("AccessDenied", f"{user}{on} {why}")


def _throttled(attempt: Attempt) -> ApiError:
    if _service(attempt) == "ec2":
        return ApiError("RequestLimitExceeded", "Request limit exceeded.")
    return ApiError("ThrottlingException", "Rate exceeded")


REFUSALS = Refusals(denied=_denied, throttled=_throttled, retries=25)
