"""What AWS itself provides in every account, by ARN or id.

Source: AWS Managed Policy Reference. A name that is not listed is refused, as a misspelt one is on
AWS: add it here after looking it up there.
"""

import re

from sandbox.control.aws import images, prefix_lists

MANAGED_POLICIES = frozenset(
    [
        "AmazonEC2ReadOnlyAccess",
        "AmazonS3ReadOnlyAccess",
        "AmazonSSMManagedInstanceCore",
        "AmazonSSMPatchAssociation",
        "CloudWatchAgentServerPolicy",
        "service-role/AmazonRDSEnhancedMonitoringRole",
        "service-role/AutoScalingNotificationAccessRole",
    ]
)

_POLICY = re.compile(r"arn:aws(?:-[a-z-]+)?:iam::aws:policy/(.+)")
_ALIAS = re.compile(r"(?:arn:aws(?:-[a-z-]+)?:kms:[a-z0-9-]+:\d{12}:)?alias/aws/[a-z0-9]+")


def is_builtin(target: str) -> bool:
    """Whether AWS itself provides this."""
    if match := _POLICY.fullmatch(target):
        return match[1] in MANAGED_POLICIES
    if target.startswith("ami-"):
        return images.find(target) is not None
    if target.startswith("pl-"):
        return prefix_lists.find(target) is not None
    return _ALIAS.fullmatch(target) is not None
