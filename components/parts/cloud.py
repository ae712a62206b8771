"""One cloud: how it makes each part."""

from collections.abc import Callable
from dataclasses import dataclass

import pulumi

from components.parts.addresses import NodeAddresses
from components.parts.arguments import (
    ArtifactsArgs,
    AutoscalingArgs,
    DatabaseArgs,
    FoundationArgs,
    IdentityArgs,
    InstallersArgs,
    LoadBalancerArgs,
    MonitoringArgs,
    NetworkArgs,
    NodeGroupArgs,
    SecretStoreArgs,
)
from components.parts.outputs import (
    ArtifactsPart,
    DatabasePart,
    FoundationPart,
    IdentityPart,
    InstallersPart,
    LoadBalancerPart,
    NetworkPart,
    NodeGroupPart,
    SecretStorePart,
)

Options = pulumi.ResourceOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """The classes that make each part on one cloud; mypy holds every cloud to the same shape."""

    foundation: Callable[[str, FoundationArgs, Options], FoundationPart]
    network: Callable[[str, NetworkArgs, Options], NetworkPart]
    load_balancer: Callable[[str, LoadBalancerArgs, Options], LoadBalancerPart]
    identity: Callable[[str, IdentityArgs, Options], IdentityPart]
    secret_store: Callable[[str, SecretStoreArgs, Options], SecretStorePart]
    database: Callable[[str, DatabaseArgs, Options], DatabasePart]
    node_group: Callable[[str, NodeGroupArgs, Options], NodeGroupPart]
    autoscaling: Callable[[str, AutoscalingArgs, Options], pulumi.ComponentResource]
    monitoring: Callable[[str, MonitoringArgs, Options], pulumi.ComponentResource]
    installers: Callable[[str, InstallersArgs, Options], InstallersPart]
    addresses: NodeAddresses
    """Which addresses nodes get, known before they exist."""

    artifacts: Callable[[str, ArtifactsArgs, Options], ArtifactsPart] | None = None
    """None where user data has room for all files of a node."""

    keeps_database_password: bool = False
    """Whether the cloud itself makes and keeps the password of the database's first login."""

    transformations: tuple[pulumi.ResourceTransformation, ...] = ()
    """What every resource of this cloud passes through before it is registered."""
