"""VPC flow logs: who talked to whom, refused connections too.

CloudWatch Logs keeps them, encrypted with the environment's key ("Publish flow logs to CloudWatch
Logs").
"""

import pulumi
from pulumi_aws import cloudwatch, ec2, iam

from components.aws import logs, permissions
from components.aws.naming import named
from components.aws.site import AwsSite


def make(
    name: str, site: AwsSite, vpc_id: pulumi.Output[str], parent: pulumi.Resource
) -> ec2.FlowLog:
    """Make the log of the whole VPC, the group it is kept in and the role that writes it."""
    child = pulumi.ResourceOptions(parent=parent)
    group = cloudwatch.LogGroup(
        f"{name}-flows",
        kms_key_id=site.key_arn,
        retention_in_days=logs.retention(site.log_retention_days, protection=site.protection),
        opts=child,
    )
    role = iam.Role(
        f"{name}-flows",
        description="Writes the VPC's flow logs",
        assume_role_policy=site.account.apply(
            lambda account: permissions.document(
                permissions.assumed_for("vpc-flow-logs.amazonaws.com", account)
            )
        ),
        opts=child,
    )
    granted = permissions.grant(
        f"{name}-flows",
        "write-flow-logs",
        role.name,
        group.arn.apply(permissions.writes_log),
        parent,
    )
    return ec2.FlowLog(
        f"{name}-flows",
        vpc_id=vpc_id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        max_aggregation_interval=600,
        tags=named(f"{name}-flows"),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[granted]),
    )
