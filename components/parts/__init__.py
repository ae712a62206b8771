"""What a part of an environment takes and gives, the same for every cloud.

`components.azure` and `components.aws` implement these classes with their own resources;
`components.topologies` composes them without knowing which cloud it is.
"""

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
    Origin,
    SecretStoreArgs,
    StoredSecret,
)
from components.parts.cloud import Cloud
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
    Site,
)

__all__ = [
    "ArtifactsArgs",
    "ArtifactsPart",
    "AutoscalingArgs",
    "Cloud",
    "DatabaseArgs",
    "DatabasePart",
    "FoundationArgs",
    "FoundationPart",
    "IdentityArgs",
    "IdentityPart",
    "InstallersArgs",
    "InstallersPart",
    "LoadBalancerArgs",
    "LoadBalancerPart",
    "MonitoringArgs",
    "NetworkArgs",
    "NetworkPart",
    "NodeGroupArgs",
    "NodeGroupPart",
    "Origin",
    "SecretStoreArgs",
    "SecretStorePart",
    "Site",
    "StoredSecret",
]
