"""A pretend AWS for programs under mocks: ids, ARNs and computed outputs in AWS's shapes."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pulumi

from components.aws.foundation import Foundation
from components.aws.site import AwsSite
from components.parts import FoundationArgs
from tests.support import stacks
from tests.support.azure import generated, program
from tests.support.cloud import STACK, EchoCloud, World, deploy

ACCOUNT = "111122223333"
REGION = "eu-central-1"
ZONES = ("eu-central-1a", "eu-central-1b")
PREFIX = "test-abc123"
IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"
CLOSED = {
    "access__egress": "none",
    "runtime__image": "complete",
    "runtime__imageId": "ami-0a1b2c3d4e5f60718",
}
"""Changes that make nodes live without the internet."""

IMAGE = "aws:ec2/getAmi:getAmi"
BALANCING = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
ANSWERS: Mapping[str, dict[str, Any]] = {
    IDENTITY: {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/x", "userId": "x"},
    "aws:autoscaling/getAmiIds:getAmiIds": {"names": [], "arns": [], "id": REGION},
    IMAGE: {"id": "ami-0123456789abcdef0", "rootDeviceName": "/dev/xvda"},
}
"""What the program looks up; more by the tests that need it."""


class AwsCloud(EchoCloud):
    """AWS, random and tls, as far as the program reads their outputs."""

    def __init__(self, answers: Mapping[str, dict[str, Any]] | None = None) -> None:
        super().__init__(answers={**ANSWERS, **(answers or {})})

    def new_resource(self, args: Any) -> tuple[str | None, dict[str, Any]]:
        _, outputs = super().new_resource(args)
        package, _, kind = args.typ.partition(":")
        if package == "aws":
            return _aws(kind.partition("/")[0], kind.rpartition(":")[2], args.name, outputs)
        if package in ("random", "tls"):
            outputs.update(generated(args.name))
        return f"{args.name}-id", outputs


def _aws(service: str, kind: str, name: str, outputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    outputs.setdefault("name", outputs.get("namePrefix", name))
    outputs["arn"] = arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{outputs['name']}"
    match service, kind:
        case "lb", "LoadBalancer":
            outputs["arn"] = arn = (
                f"{BALANCING}:loadbalancer/net/{outputs['name']}/0123456789abcdef"
            )
            outputs["dnsName"] = f"{outputs['name']}-0123456789abcdef.elb.{REGION}.amazonaws.com"
        case "lb", "TargetGroup":
            outputs["arn"] = arn = f"{BALANCING}:targetgroup/{outputs['name']}/fedcba9876543210"
        case "ec2", "Eip":
            number = sum(name.encode()) % 250 + 1
            outputs |= {"publicIp": f"198.51.100.{number}", "allocationId": f"eipalloc-{name}"}
        case "ec2", "VpcEndpoint":
            outputs["prefixListId"] = f"pl-{name}"
        case "rds", "Instance":
            host = f"{name}.abcdefghijkl.{REGION}.rds.amazonaws.com"
            secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!db-{name}"
            outputs |= {
                "address": host,
                "resourceId": f"db-{name}",
                "masterUserSecrets": [{"secretArn": secret}],
            }
        case "ec2", "LaunchTemplate":
            outputs["latestVersion"] = 1
        case "s3", "Bucket":
            outputs["arn"] = f"arn:aws:s3:::{outputs['bucket']}"
        case "kms", "Key":
            outputs["keyId"] = f"key-of-{name}"
    # What AWS itself knows by its ARN; the rest by an id.
    return (arn if service in ("lb", "secretsmanager", "sns") else f"{name}-id"), outputs


def foundation(protection: bool = True) -> Foundation:
    """The first part of an environment, for programs that make the parts after it."""
    return Foundation(
        "test-foundation",
        FoundationArgs(
            stack=STACK,
            location=REGION,
            tags={"owner": "data-science"},
            protection=protection,
            log_retention_days=30,
        ),
    )


def part(build: Callable[[AwsSite], object], *, protection: bool = True, **options: Any) -> World:
    """The resources of what *build* makes on the site of a foundation, and the foundation's."""

    def program() -> object:
        site = foundation(protection).site
        assert isinstance(site, AwsSite)
        return build(site)

    return deploy(program, cloud=options.pop("cloud", AwsCloud()), **options)


def text(value: str) -> pulumi.Output[str]:
    """An output that is known."""
    return pulumi.Output.from_input(value)


def deployed(config: Mapping[str, Any], **options: Any) -> World:
    """The whole program's resources, for a stack's configuration."""
    return deploy(program, cloud=options.pop("cloud", AwsCloud()), config=config, **options)


@cache
def world(name: str) -> World:
    """The resources of a stack as it is; nobody changes it, so every test may read it."""
    return deployed(stacks.config(name))


def policies(deployment: World, role: str) -> dict[str, list[dict[str, Any]]]:
    """The statements of each policy in the role of *role* nodes, by the policy's name."""
    return {
        policy["name"]: json.loads(policy["policy"])["Statement"]
        for policy in deployment.of_type("aws:iam/rolePolicy:RolePolicy").values()
        if policy["role"] == f"test-{role}-identity"
    }
