"""Private ways to AWS's own services, so that nodes reach them without any internet.

Amazon S3 has a gateway in the nodes' route tables and lets them into one bucket, and to the private
installers that the settings name. The other services have an interface in each zone, under the
service's usual name, for callers of this account only. The list is exactly what nodes call:
`components.bootstrap`'s cloud scripts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import ec2

from components.aws.naming import artifacts_bucket, named, object_arn
from components.aws.site import AwsSite

SERVICES: Final[Mapping[str, tuple[str, ...]]] = {
    "secretsmanager": ("secretsmanager:GetSecretValue",),
    "autoscaling": ("autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceHealth"),
}
"""What nodes call, and what may be asked for there ("AWS services that integrate with AWS
PrivateLink")."""

SESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "ssm": ("ssm:UpdateInstanceInformation",),
    "ssmmessages": ("ssmmessages:*",),
    "ec2messages": ("ec2messages:*",),
}
"""The same for Session Manager's agent ("Improve the security of EC2 instances by using VPC
endpoints for Systems Manager")."""


class ObjectsEndpoint:
    """Makes the gateway to Amazon S3 as a child of the network."""

    def __init__(
        self,
        name: str,
        site: AwsSite,
        vpc_id: pulumi.Output[str],
        tables: Sequence[pulumi.Output[str]],
        installers: Sequence[str],
        parent: pulumi.Resource,
    ) -> None:
        files = [object_arn(site.partition, file) for file in installers]

        def policy_of(bucket: str, account: str) -> str:
            ours = f"arn:{site.partition}:s3:::{bucket}/*"
            return _policy(account, ("s3:GetObject",), [ours, *files] if files else ours)

        policy = pulumi.Output.all(artifacts_bucket(site), site.account).apply(
            lambda found: policy_of(found[0], found[1])
        )
        made = ec2.VpcEndpoint(
            name,
            vpc_id=vpc_id,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{site.region}.s3",
            route_table_ids=list(tables),
            policy=policy,
            tags=named(name),
            opts=pulumi.ResourceOptions(parent=parent),
        )
        self.prefix_list_id: pulumi.Output[str] = made.prefix_list_id


@dataclass(frozen=True, kw_only=True, slots=True)
class InterfaceEndpointsArgs:
    """What the interface endpoints take."""

    site: AwsSite
    vpc_id: pulumi.Output[str]
    subnet_ids: Sequence[pulumi.Output[str]]
    security_group_id: pulumi.Output[str]
    sessions: bool


class InterfaceEndpoints(pulumi.ComponentResource):
    """Owns one endpoint a service."""

    def __init__(
        self, name: str, args: InterfaceEndpointsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:InterfaceEndpoints", name, None, opts)
        self._name = name
        self._args = args
        for service, actions in {**SERVICES, **(SESSIONS if args.sessions else {})}.items():
            self._endpoint(service, actions)
        self.register_outputs({})

    def _endpoint(self, service: str, actions: tuple[str, ...]) -> None:
        args = self._args
        ec2.VpcEndpoint(
            f"{self._name}-{service}",
            vpc_id=args.vpc_id,
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{args.site.region}.{service}",
            subnet_ids=list(args.subnet_ids),
            security_group_ids=[args.security_group_id],
            private_dns_enabled=True,
            policy=args.site.account.apply(lambda account: _policy(account, actions, "*")),
            tags=named(f"{self._name}-{service}"),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _policy(account: str, actions: Sequence[str], resource: str | list[str]) -> str:
    """Return that callers of *account* may do this through the endpoint, and nobody anything else.

    "Control access to VPC endpoints using endpoint policies"; the caller's own policies decide too.
    """
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": list(actions),
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:PrincipalAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
