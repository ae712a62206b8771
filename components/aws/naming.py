"""Names on AWS that other parts must know before the resource exists, and the tag `Name`."""

from typing import Final

import pulumi

from components.aws.site import AwsSite
from components.parts import naming

LONGEST_PREFIX: Final = 23
"""With a word of eight letters behind it, a load balancer's name still has 32 characters at most
("CreateLoadBalancer")."""

SUFFIX: Final = 6

RESERVED: Final = ("aws", "internal-", "sg-", "sthree-", "xn--")
"""What no name of ours may begin with: AWS keeps it for resource groups, load balancers, security
groups and buckets ("CreateGroup", "CreateLoadBalancer", "CreateSecurityGroup", "Bucket naming
rules")."""


def stem(stack: str) -> str:
    """Return the part of the prefix that says which environment it is."""
    name = naming.environment_name(stack)
    if name.startswith(RESERVED):
        name = f"env-{name}"
    return naming.shorten(name, LONGEST_PREFIX - SUFFIX - 1)


def artifacts_bucket(site: AwsSite) -> pulumi.Output[str]:
    """Return the name of the bucket that nodes fetch their files from.

    The network's endpoint lets nodes into this bucket and no other, and is made before it.
    """
    return pulumi.Output.concat(site.prefix, "-artifacts")


def named(name: str) -> dict[str, str]:
    """Return the tag under which the console shows a resource that has no name."""
    return {"Name": name}


def object_arn(partition: str, address: str) -> str:
    """Return the ARN of the object at *address*, `s3://BUCKET/KEY`."""
    return f"arn:{partition}:s3:::{address.removeprefix('s3://')}"
