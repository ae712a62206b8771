"""What each part takes. Frozen values: settings as they are, outputs of the parts before it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.parts.outputs import (
    DatabasePart,
    IdentityPart,
    LoadBalancerPart,
    NetworkPart,
    NodeGroupPart,
    SecretStorePart,
    Site,
)
from components.runtimes.flows import Flow
from components.runtimes.node import HealthProbe, NodeRecipe, Role
from components.settings import (
    AutoscaleSettings,
    DatabaseSettings,
    LoadBalancerSettings,
    MonitoringSettings,
    NodeGroupSettings,
    RuntimeSettings,
)
from components.settings.addresses import AddressPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundationArgs:
    """What the first part takes."""

    stack: str
    location: str
    tags: Mapping[str, str]
    protection: bool
    log_retention_days: int
    nodes: bool = True
    """Whether there will be nodes, whose disks are to be encrypted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkArgs:
    """What the network takes."""

    site: Site
    plan: AddressPlan
    existing: str | None
    """Id of a network to join."""

    flows: tuple[Flow, ...]
    clients: tuple[str, ...]
    """CIDRs behind the zone `clients`."""

    zones: tuple[str, ...]
    """Zones that public addresses live in, and subnets where a subnet has one zone."""

    public: bool
    """Whether the load balancer has public addresses."""

    sessions: bool
    """Whether nodes reach the cloud's service for shells."""

    installers: tuple[str, ...] = ()
    """Addresses of private files that nodes fetch from a store of the cloud."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadBalancerArgs:
    """What the load balancer takes."""

    site: Site
    settings: LoadBalancerSettings
    health: HealthProbe
    port: int
    plan: AddressPlan
    network: NetworkPart
    zones: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentityArgs:
    """What an identity takes."""

    site: Site
    role: str
    """What whoever has it does, for people."""

    sessions: bool
    """Whether people may open a shell on the nodes through the cloud's own service."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactsArgs:
    """What the store of the nodes' bundles takes."""

    site: Site
    bundles: Mapping[str, Mapping[Role, bytes]]
    """The files of each role's nodes as one archive, by the suffix of their set of nodes; no secret
    is inside."""

    identities: Mapping[Role, IdentityPart]
    network: NetworkPart


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallersArgs:
    """What the right to read the user's private installers takes."""

    site: Site
    files: tuple[str, ...]
    """Addresses of private files, in the cloud's own form; none where a store says it all."""

    store: str | None
    """Id of the store that holds them, on clouds whose files are known by it."""

    identities: Mapping[Role, IdentityPart]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSecret:
    """One secret of the vault."""

    value: pulumi.Output[str]
    content_type: str
    expires: pulumi.Output[int] | None = None
    """Unix seconds at which a certificate ends; a password or key ends when it is rotated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretStoreArgs:
    """What the vault takes."""

    site: Site
    secrets: Mapping[str, StoredSecret]
    readers: Mapping[Role, tuple[str, ...]]
    """Names of the secrets that each role may read, and no others."""

    identities: Mapping[Role, IdentityPart]
    network: NetworkPart


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Another server, whose backup a database begins with."""

    part: DatabasePart
    moment: str
    """Of which its contents are; RFC 3339, UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseArgs:
    """What the database takes."""

    site: Site
    settings: DatabaseSettings
    owner: IdentityPart
    """Identity that administers the server: web nodes run the migrations."""

    master_password: pulumi.Output[str] | None
    """Password of the server's first login; none where the cloud makes and keeps it itself."""

    network: NetworkPart
    suffix: str = ""
    """Of what must differ between the databases of two sets of nodes; "": it began empty."""

    predecessor: str = ""
    """Name of the part whose backup it began with, when there is a suffix."""

    origin: Origin | None = None
    """What it begins with. A database with a suffix and without an origin began so earlier."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeGroupArgs:
    """What a group of nodes takes."""

    site: Site
    recipe: NodeRecipe
    runtime: RuntimeSettings
    settings: NodeGroupSettings
    zones: tuple[str, ...]
    plan: AddressPlan
    network: NetworkPart
    identity: IdentityPart
    user_data: pulumi.Output[str]
    """base64."""

    encryption_at_host: pulumi.Output[bool]
    load_balancer: LoadBalancerPart | None
    """Which one the nodes join; none for compute nodes."""

    keeps_data: bool = False
    """Whether the machines hold what is nowhere else, and are protected like a database."""

    version: str | None = None
    """Product and version, where a group must not come to another one by being replaced."""

    digest: pulumi.Output[str] | None = None
    """Of the user data, for machines that keep what they were made from: a change of it is
    remembered and leaves them alone. None for machines that follow every change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoscalingArgs:
    """What the autoscaling of one group takes."""

    site: Site
    settings: AutoscaleSettings
    group: NodeGroupPart
    emails: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MonitoringArgs:
    """What monitoring takes: the parts that it watches."""

    site: Site
    settings: MonitoringSettings
    database_settings: DatabaseSettings
    network: NetworkPart
    load_balancer: LoadBalancerPart
    secrets: SecretStorePart
    database: DatabasePart | None
    groups: Mapping[Role, NodeGroupPart]
    sizes: Mapping[Role, str]
    """Machine size of each group."""

    certificates: Mapping[str, pulumi.Output[int]]
    """When each certificate of the environment ends, in Unix seconds."""
