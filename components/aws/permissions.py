"""Every permission that anything of an environment has on AWS, as statements of policies.

Each function returns what one purpose needs and nothing wider: exact resources where AWS knows them
("Service Authorization Reference", one page a service). Who owns a resource grants access to it
with `grant`; the roles themselves begin with nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import pulumi
from pulumi_aws import iam

from components.aws.site import AwsSite

Statement = Mapping[str, object]

VERSION: Final = "2012-10-17"
"""Of the policy language ("IAM JSON policy elements: Version"); not a date of ours."""


class Place(NamedTuple):
    """Where resources are whose ARNs are known before they exist."""

    partition: str
    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a *resource* of this place."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def document(*statements: Statement) -> str:
    """Return a policy as JSON, the same text for the same statements."""
    return json.dumps({"Version": VERSION, "Statement": list(statements)}, separators=(",", ":"))


def assumed_by(service: str) -> Statement:
    """Return the trust of a role that *service* takes, and nobody else."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }


def assumed_for(service: str, account: str) -> Statement:
    """Return the trust of a role that *service* takes on behalf of *account* alone.

    Without the condition another account could have the service use our role ("The confused deputy
    problem"). EC2 hands a role to instances of its own account only and knows no such condition.
    """
    return {
        **assumed_by(service),
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def decrypts(key: str, service: str, region: str) -> Statement:
    """Return that what *service* keeps under our key can be read through it, and only through it.

    AWS KMS Developer Guide, "kms:ViaService".
    """
    return {
        "Effect": "Allow",
        "Action": ["kms:Decrypt"],
        "Resource": [key],
        "Condition": {"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}},
    }


def reads_secrets(secrets: Sequence[str], key: str, region: str) -> tuple[Statement, ...]:
    """Return that exactly these secrets can be read, and no others listed."""
    return (
        {
            "Effect": "Allow",
            "Action": ["secretsmanager:GetSecretValue"],
            "Resource": list(secrets),
        },
        decrypts(key, "secretsmanager", region),
    )


def reads_objects(bucket: str, folder: str, key: str, region: str) -> tuple[Statement, ...]:
    """Return that what lies in one folder of the bucket with this ARN can be read.

    Not one object: nodes that run are replaced one by one with the files that they began with,
    while new files are there already, and go on with them if the new ones are no good.
    """
    return (
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"{bucket}/{folder}*"]},
        decrypts(key, "s3", region),
    )


def reads_files(objects: Sequence[str]) -> tuple[Statement, ...]:
    """Return that exactly the objects with these ARNs can be read, and no bucket listed."""
    return ({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": list(objects)},)


def logs_in(place: Place, server: str, user: str) -> tuple[Statement, ...]:
    """Return that tokens of one database user of one server can be made.

    Amazon RDS User Guide, "Creating and using an IAM policy for IAM database access"; *server* is
    its resource id (`db-...`), not its name.
    """
    login = place.arn("rds-db", f"dbuser:{server}/{user}")
    return ({"Effect": "Allow", "Action": ["rds-db:connect"], "Resource": [login]},)


def speaks_for_group(place: Place, group: str, environment: str) -> tuple[Statement, ...]:
    """Return that a node can say that it serves, has drained, or is broken: in its own group only.

    The middle of a group's ARN is an id that AWS invents, and a group that replaces another has the
    same name up to its suffix; the tag keeps out an environment whose name merely begins alike.
    """
    groups = place.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{group}-*")
    return (
        {
            "Effect": "Allow",
            "Action": ["autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceHealth"],
            "Resource": [groups],
            "Condition": {"StringEquals": {"aws:ResourceTag/environment": environment}},
        },
    )


def opens_sessions(place: Place) -> tuple[Statement, ...]:
    """Return what Session Manager's agent needs, without the S3 and logs of AWS's own policy.

    AWS Systems Manager User Guide, "Add Session Manager permissions to an existing IAM role". The
    four actions on channels know no resources.
    """
    return (
        {
            "Effect": "Allow",
            "Action": ["ssm:UpdateInstanceInformation"],
            "Resource": [place.arn("ec2", "instance/*")],
        },
        {
            "Effect": "Allow",
            "Action": [
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "Resource": ["*"],
        },
    )


def reports_on_host(place: Place) -> tuple[Statement, ...]:
    """Return what enhanced monitoring of RDS does: it writes into a log group of a fixed name.

    AWS managed policy `AmazonRDSEnhancedMonitoringRole`, for one account and region.
    """
    groups = place.arn("logs", "log-group:RDS*")
    return (
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
            "Resource": [groups],
        },
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:GetLogEvents",
                "logs:PutLogEvents",
            ],
            "Resource": [f"{groups}:log-stream:*"],
        },
    )


def refuses_plain_text(bucket: str) -> Statement:
    """Return that nobody reaches the bucket with this ARN without TLS."""
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, f"{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def takes_alarms(topic: str, account: str) -> Statement:
    """Return that alarms of *account*, and nothing else, are told to the topic with this ARN."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def in_place(
    site: AwsSite, statements: Callable[[Place], tuple[Statement, ...]]
) -> pulumi.Output[tuple[Statement, ...]]:
    """Return what *statements* says of the environment's place."""
    return site.account.apply(
        lambda account: statements(Place(site.partition, site.region, account))
    )


def grant(
    name: str,
    purpose: str,
    role: pulumi.Input[str],
    statements: pulumi.Output[tuple[Statement, ...]],
    parent: pulumi.Resource,
) -> iam.RolePolicy:
    """Give *role* what *statements* say, as a policy of its own inside the role."""
    return iam.RolePolicy(
        name,
        # A role has one policy of a name, which says what it is for.
        name=purpose,
        role=role,
        policy=statements.apply(lambda found: document(*found)),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def writes_log(group: str) -> tuple[Statement, ...]:
    """Return that flow logs are put into the log group with this ARN.

    Amazon VPC User Guide, "IAM role for publishing flow logs to CloudWatch Logs"; the group exists.
    """
    return (
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream",
                "logs:DescribeLogGroups",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            "Resource": [group, f"{group}:*"],
        },
    )
