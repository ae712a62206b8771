"""What each part gives to the others: component resources with annotated outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi

from components.runtimes.node import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where and under which name every resource of one environment is made."""

    stack: str
    """Name of the stack, as the user wrote it."""

    location: str
    tags: Mapping[str, str]
    protection: bool
    """Whether what cannot be made again is protected."""

    resource_group: pulumi.Output[str]
    """Name of the group that holds the environment's resources."""

    resource_group_id: pulumi.Output[str]


class FoundationPart(pulumi.ComponentResource):
    """What comes first: the provider of the environment's location and its resource group."""

    site: Site
    provider: pulumi.ProviderResource
    encryption_at_host: pulumi.Output[bool]
    """True; fails with the fix when the account cannot encrypt nodes' disks."""


class NetworkPart(pulumi.ComponentResource):
    """The private network, made or joined, its subnets and their firewalls."""

    network_id: pulumi.Output[str]
    subnet_ids: Mapping[str, pulumi.Output[str]]
    """By `web`, `compute`, `endpoints`."""

    firewall_ids: Mapping[str, pulumi.Output[str]]
    """By the same names."""


class LoadBalancerPart(pulumi.ComponentResource):
    """The one address that clients call."""

    id: pulumi.Output[str]
    address: pulumi.Output[str]
    """IP address."""

    pool_id: pulumi.Output[str]
    """Where web nodes join."""


class IdentityPart(pulumi.ComponentResource):
    """Who the nodes of one role are to the cloud's services."""

    id: pulumi.Output[str]
    name: pulumi.Output[str]
    client_id: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    tenant_id: pulumi.Output[str]


class SecretStorePart(pulumi.ComponentResource):
    """The vault and the environment's secrets in it."""

    id: pulumi.Output[str]
    name: pulumi.Output[str]
    uri: pulumi.Output[str]
    secret_names: tuple[str, ...]
    grants: Mapping[Role, tuple[pulumi.Resource, ...]]
    """What a role's nodes wait for before they can read their secrets."""


class DatabasePart(pulumi.ComponentResource):
    """The managed database."""

    id: pulumi.Output[str]
    host: pulumi.Output[str]
    server_name: pulumi.Output[str]
    name: str
    port: int


class NodeGroupPart(pulumi.ComponentResource):
    """The nodes of one role."""

    role: Role
    kind: Literal["scaleSet", "fixed"]
    ids: tuple[pulumi.Output[str], ...]
    """Of the scale set, or of each machine."""

    names: tuple[pulumi.Output[str], ...]
    addresses: tuple[str, ...]
    """Of fixed nodes; a scale set's come and go."""
