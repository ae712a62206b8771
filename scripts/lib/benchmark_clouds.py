"""What scripts/benchmark knows of each cloud: the stacks that it measures and what it changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.live import Live

Name = Literal["azure", "aws"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One property of a resource, with the value that it has and another."""

    id: str
    path: str
    before: object
    after: object


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One cloud."""

    stack: str
    """Whose nodes boot."""
    production: str
    """Whose preview is compared with an empty program's."""
    environment: Mapping[str, Any]
    """Settings of an environment of any size, but for its nodes."""
    node_size: str
    group: str
    """Type of a group of nodes."""
    capacity: tuple[str, ...]
    """Properties that say how many nodes a group has."""


CLOUDS: Mapping[Name, Cloud] = {
    "azure": Cloud(
        stack="dev",
        production="azure-production",
        environment={
            "cloud": "azure",
            "location": "westeurope",
            "database": {"engine": "postgresql", "size": "Standard_D16ds_v5"},
        },
        node_size="Standard_D2s_v5",
        group="azure-native:compute:VirtualMachineScaleSet",
        capacity=("sku.capacity",),
    ),
    "aws": Cloud(
        stack="dev-aws",
        production="aws-production",
        environment={
            "cloud": "aws",
            "location": "eu-central-1",
            "database": {"engine": "postgresql", "size": "db.m6i.4xlarge"},
        },
        node_size="m6i.large",
        group="aws:autoscaling/group:Group",
        capacity=("maxSize", "desiredCapacity"),
    ),
}


def denial(name: Name, dev: Live) -> Change:
    """What keeps clients away from the load balancer."""
    if name == "azure":
        (group,) = _named(dev, "azure-native:network:NetworkSecurityGroup", "web")
        rules = [rule["name"] for rule in group["properties"]["securityRules"]]
        index = rules.index("allow-clients-to-web-12800")
        return Change(
            id=group["id"], path=f"securityRules[{index}].access", before="Allow", after="Deny"
        )
    (rule,) = [
        found
        for found in dev.resources("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        if found["properties"].get("cidrIpv4") == CLIENTS
    ]
    return Change(id=rule["id"], path="cidrIpv4", before=CLIENTS, after=NOBODY)


CLIENTS = "203.0.113.0/24"
"""Range of `dev` and `dev-aws` whose clients may call."""
NOBODY = "198.51.100.0/24"
"""A range for documentation (RFC 5737), in which nobody of the sandbox is."""


def compute_group(name: Name, dev: Live) -> str:
    """Id of the group of compute nodes."""
    (group,) = _named(dev, CLOUDS[name].group, "-compute-")
    return str(group["id"])


def _named(dev: Live, kind: str, part: str) -> list[dict[str, Any]]:
    return [found for found in dev.resources(kind) if part in found["id"]]
