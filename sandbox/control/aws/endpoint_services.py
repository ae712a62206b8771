"""The AWS services that a VPC endpoint can lead to, and their private names.

Source: AWS PrivateLink Guide, "AWS services that integrate with AWS PrivateLink", "Gateway
endpoints". The services that the nodes of a program may call; add more after looking them up there.
"""

from typing import NamedTuple


class Service(NamedTuple):
    """One service of a region."""

    types: tuple[str, ...]
    host: str
    """The private name, the region filled in for `{region}`."""


_INTERFACE = ("Interface",)

SERVICES: dict[str, Service] = {
    "autoscaling": Service(_INTERFACE, "autoscaling.{region}.amazonaws.com"),
    "cloudformation": Service(_INTERFACE, "cloudformation.{region}.amazonaws.com"),
    "dynamodb": Service(("Gateway", "Interface"), "dynamodb.{region}.amazonaws.com"),
    "ec2": Service(_INTERFACE, "ec2.{region}.amazonaws.com"),
    "ec2messages": Service(_INTERFACE, "ec2messages.{region}.amazonaws.com"),
    "elasticloadbalancing": Service(_INTERFACE, "elasticloadbalancing.{region}.amazonaws.com"),
    "kms": Service(_INTERFACE, "kms.{region}.amazonaws.com"),
    "logs": Service(_INTERFACE, "logs.{region}.amazonaws.com"),
    "monitoring": Service(_INTERFACE, "monitoring.{region}.amazonaws.com"),
    "rds": Service(_INTERFACE, "rds.{region}.amazonaws.com"),
    "s3": Service(("Gateway", "Interface"), "s3.{region}.amazonaws.com"),
    "secretsmanager": Service(_INTERFACE, "secretsmanager.{region}.amazonaws.com"),
    "sns": Service(_INTERFACE, "sns.{region}.amazonaws.com"),
    "ssm": Service(_INTERFACE, "ssm.{region}.amazonaws.com"),
    "ssmmessages": Service(_INTERFACE, "ssmmessages.{region}.amazonaws.com"),
    "sts": Service(_INTERFACE, "sts.{region}.amazonaws.com"),
}


def service_of(name: str, region: str) -> Service | None:
    """The service that `com.amazonaws.REGION.NAME` says, or None."""
    before, found, short = name.partition(f"com.amazonaws.{region}.")
    return SERVICES.get(short) if found and not before else None


def host_of(name: str, region: str) -> str:
    """The private name of a service, or ""."""
    found = service_of(name, region)
    return found.host.format(region=region) if found else ""
