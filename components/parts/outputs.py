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

    log_retention_days: int
    """As the settings say; a cloud may keep logs longer."""

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
    subnet_ids: Mapping[str, tuple[pulumi.Output[str], ...]]
    """By `web`, `compute`, `endpoints`: one, or one a zone, in the order of the zones."""

    firewall_ids: Mapping[str, pulumi.Output[str]]
    """By the same names; a cloud may have more."""


class LoadBalancerPart(pulumi.ComponentResource):
    """The one place that clients call."""

    id: pulumi.Output[str]
    host_names: tuple[pulumi.Output[str], ...]
    """DNS names that the cloud gave it; none where clients call an address."""

    addresses: tuple[pulumi.Output[str], ...]
    """Its fixed IP addresses: one, or one a zone."""

    pool_id: pulumi.Output[str]
    """Where web nodes join."""

    probe_sources: tuple[str, ...]
    """CIDRs that its probes come from, for the nodes' own firewall."""

    @property
    def host(self) -> pulumi.Output[str]:
        """What clients call: its name, or its only address."""
        return (self.host_names or self.addresses)[0]


class IdentityPart(pulumi.ComponentResource):
    """Who the nodes of one role are to the cloud's services."""

    id: pulumi.Output[str]
    name: pulumi.Output[str]
    client_id: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    tenant_id: pulumi.Output[str]


class ArtifactsPart(pulumi.ComponentResource):
    """Where nodes fetch what their user data has no room for."""

    uris: Mapping[str, Mapping[Role, pulumi.Output[str]]]
    """Where a role's bundle is, by the suffix of its set of nodes; a change of the bundle is
    another place."""

    grants: Mapping[Role, tuple[pulumi.Resource, ...]]
    """What a role's nodes wait for before they can fetch their bundle."""


class InstallersPart(pulumi.ComponentResource):
    """The nodes' right to read the user's private installers; the files stay the user's."""

    grants: Mapping[Role, tuple[pulumi.Resource, ...]]
    """What a role's nodes wait for before they can fetch what they install."""


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
    migrator: pulumi.Output[str]
    """Database user that the web nodes' identity is: it runs the migrations."""

    bootstrap_secret: pulumi.Output[str]
    """Where a web node finds the server's first login, to make `migrator` with; empty where the
    cloud makes that user itself."""

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

    made_from: tuple[pulumi.Output[str], ...] = ()
    """Digest of the user data that each machine was made from, of machines that keep it."""
