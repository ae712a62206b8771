"""The parts of a node recipe: plain values that no cloud and no product owns.

A recipe says what a node of one role runs; `components.bootstrap` turns it into user data, and
the clouds' parts read its port, its health probe and its secrets. Nothing here knows addresses:
they come with `components.bootstrap.user_data.NodeFacts` when an environment is deployed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["web", "compute", "one-box"]
"""What a node is for; a one-box does what both others do, on one machine."""

Family = Literal["linux", "windows"]
"""The kind of operating system that a node has."""

JsonValue = str | int | float | bool | None | tuple["JsonValue", ...] | Mapping[str, "JsonValue"]
"""What a recipe may put into a node's JSON file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthProbe:
    """Where a node says how it is (design.md section 3, "Health")."""

    port: int
    live_path: str = "/live"
    """This node's own processes: automatic repair and replacement look here and nowhere else."""

    ready_path: str = "/ping"
    """Configured and not draining: the load balancer looks here."""

    interval_seconds: int = 5
    failures: int = 2
    """Probes in a row that must fail before traffic stops."""

    protocol: Literal["Http", "Https"] = "Https"
    """As Azure's and AWS's probes call it; a probe does not verify the certificate."""

    @property
    def window_seconds(self) -> int:
        """How long a draining node keeps serving until every probe has noticed."""
        return self.interval_seconds * (self.failures + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretUse:
    """A secret of the environment's vault that a node fetches at boot, and where it puts it."""

    name: str
    """Name in the vault."""

    path: str
    """File on the node, always on tmpfs."""

    owner: str
    """User that may read it; services that start as root and drop privileges use root."""

    mode: str = "0400"
    """Octal permissions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeFile:
    """A file that is the same on every node of a role."""

    path: str
    content: str
    owner: str = "root:root"
    mode: str = "0644"
    """Octal permissions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeRecipe:
    """All that a node of one role is made of, apart from where it stands."""

    role: Role
    product: str
    version: str
    port: int
    health: HealthProbe
    packages: tuple[str, ...]
    """Debian packages; a complete image already has them."""

    files: tuple[NodeFile, ...]
    services: tuple[str, ...]
    """systemd units that a ready node runs, in the order in which they start."""

    secrets: tuple[SecretUse, ...]
    uses_database: bool
    starts_after: tuple[Role, ...] = ()
    """Roles whose nodes must serve before nodes of this one are made or changed. Plumber has none:
    compute nodes wait by themselves for the schema that web nodes bring, and web nodes find compute
    nodes whenever they come."""
    brings_cloud_scripts: bool = False
    """Whether the recipe's own files take the place of those that speak to the cloud, so that
    nodes don't install what the shared ones need."""
    family: Family = "linux"
    """On windows `packages` and `services` are empty, and secrets have no path: scripts keep them
    in the memory of one process."""

    data: Mapping[str, JsonValue] = field(default_factory=dict)
    """What the node's scripts and services read of the settings."""
