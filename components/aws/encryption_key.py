"""The environment's own key: who holds the data still needs it to read them."""

import json
from typing import Final

import pulumi
from pulumi_aws import kms

from components.aws.naming import named
from components.aws.site import partition

WAITING_DAYS: Final = {True: 30, False: 7}
"""How long a deleted key can be brought back, by protection; AWS allows 7 to 30."""


def make(
    name: str,
    *,
    policy: pulumi.Output[str],
    alias: pulumi.Output[str],
    protection: bool,
    options: pulumi.ResourceOptions,
) -> kms.Key:
    """Make the key and the name that a person finds it by."""
    key = kms.Key(
        f"{name}-key",
        description="Data of one operationalization environment",
        policy=policy,
        enable_key_rotation=True,
        deletion_window_in_days=WAITING_DAYS[protection],
        tags=named(f"{name}-key"),
        # Without it nothing of the environment can be read again, backups included.
        opts=pulumi.ResourceOptions(
            parent=options.parent, provider=options.provider, protect=protection
        ),
    )
    kms.Alias(
        f"{name}-key-alias",
        name=pulumi.Output.concat("alias/", alias),
        target_key_id=key.key_id,
        opts=options,
    )
    return key


def policy(region: str, account: str) -> str:
    """Return who may use the key, as the key's own policy.

    The account itself, so that IAM policies decide about its users and roles: without it a key that
    nobody can change would be possible ("Default key policy"). CloudWatch Logs, for log groups of
    this account ("Encrypt log data in CloudWatch Logs using AWS KMS"), and CloudWatch, which puts
    alarms into an encrypted topic ("Securing Amazon SNS data with server-side encryption").
    Secrets Manager, RDS and S3 use it in the name of whoever calls them.
    """
    arn = f"arn:{partition(region)}"
    logs = f"{arn}:logs:{region}:{account}:*"
    statements = [
        {
            "Sid": "IamPoliciesOfTheAccountDecide",
            "Effect": "Allow",
            "Principal": {"AWS": f"{arn}:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "LogGroupsOfTheAccount",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*",
                       "kms:ReEncrypt*"],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
        },
        {
            "Sid": "AlarmsOfTheAccount",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        },
    ]  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
