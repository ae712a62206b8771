"""Who may talk to whom: a plain table that every cloud's firewall translates.

Whatever is not in it is denied, also inside a subnet and from the rest of a joined network
(facts.md sections 7 and 18.4, W3; design.md section 3, "Network rules").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from components.runtimes.node import NodeRecipe, Role
from components.settings import NodesEnvironment


class Zone(StrEnum):
    """A place that traffic comes from or goes to."""

    CLIENTS = "clients"
    PROBE = "load-balancer"
    WEB = "web"
    COMPUTE = "compute"
    ONE_BOX = "one-box"
    DATABASE = "database"
    VAULT = "vault"
    ARTIFACTS = "artifacts"
    DIRECTORY = "directory"
    INTERNET = "internet"


DATABASE_PORTS: Mapping[str, int] = {"postgresql": 5432, "sqlserver": 1433}
"""By engine; sqlite is a file on the machine of a one-box and has none."""

VAULT_PORT = 443
ARTIFACTS_PORT = 443
PACKAGE_PORTS = (80, 443)
"""Debian's mirrors answer on 80 with signed indexes, everything else on 443."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """One kind of connection that is allowed; its answers come back by themselves."""

    source: Zone
    destination: Zone
    port: int
    why: str
    protocol: Literal["tcp"] = "tcp"
    addresses: tuple[str, ...] = ()
    """CIDRs of a destination that is no part of the environment: the directory's."""

    @property
    def name(self) -> str:
        """Name of the rule, unique in the table."""
        return f"{self.source}-to-{self.destination}-{self.port}"


def allowed(
    environment: NodesEnvironment, recipes: Mapping[Role, NodeRecipe], *, artifacts: bool = False
) -> tuple[Flow, ...]:
    """Return every connection that *environment* needs to serve with nodes of *recipes*.

    With *artifacts*, nodes fetch the files of their recipe from a store of the cloud.
    """
    return (
        *_calls(recipes),
        *_stores(environment, recipes),
        *(_artifacts(recipes) if artifacts else ()),
        *_directory(environment, recipes),
        *_packages(environment, recipes),
    )


def _calls(recipes: Mapping[Role, NodeRecipe]) -> tuple[Flow, ...]:
    """Return who calls whom; on a one-box, web and compute role meet without a network."""
    if "one-box" in recipes:
        return _entrance(recipes["one-box"], "the machine")
    web, compute = recipes["web"], recipes["compute"]
    return (
        *_entrance(web, "each web node"),
        Flow(
            source=Zone.WEB,
            destination=Zone.COMPUTE,
            port=compute.port,
            why="Web nodes, and nobody else, send calls to compute nodes",
        ),
    )


def _entrance(recipe: NodeRecipe, node: str) -> tuple[Flow, ...]:
    return (
        Flow(
            source=Zone.CLIENTS,
            destination=Zone(recipe.role),
            port=recipe.port,
            why="Allowed clients call the services through the load balancer",
        ),
        Flow(
            source=Zone.PROBE,
            destination=Zone(recipe.role),
            port=recipe.health.port,
            why=f"The load balancer asks {node} whether it is ready",
        ),
    )


def _stores(environment: NodesEnvironment, recipes: Mapping[Role, NodeRecipe]) -> tuple[Flow, ...]:
    port = DATABASE_PORTS.get(environment.database.engine)
    databases = (
        Flow(
            source=Zone(role),
            destination=Zone.DATABASE,
            port=port,
            why=f"{_nodes(role)} use the database",
        )
        for role, recipe in recipes.items()
        if port and recipe.uses_database
    )
    vaults = (
        Flow(
            source=Zone(role),
            destination=Zone.VAULT,
            port=VAULT_PORT,
            why=f"{_nodes(role)} fetch their secrets at boot",
        )
        for role in recipes
    )
    return (*databases, *vaults)


def _artifacts(recipes: Mapping[Role, NodeRecipe]) -> tuple[Flow, ...]:
    return tuple(
        Flow(
            source=Zone(role),
            destination=Zone.ARTIFACTS,
            port=ARTIFACTS_PORT,
            why=f"{_nodes(role)} fetch their files at boot",
        )
        for role in recipes
    )


def _directory(
    environment: NodesEnvironment, recipes: Mapping[Role, NodeRecipe]
) -> tuple[Flow, ...]:
    """Return the way to the LDAP directory of users that log in to the web nodes."""
    server = environment.runtime.server
    if server is None or (ldap := server.authentication.ldap) is None:
        return ()
    return tuple(
        Flow(
            source=Zone(role),
            destination=Zone.DIRECTORY,
            port=ldap.port,
            why=f"{_nodes(role)} ask the directory who logs in",
            addresses=tuple(map(str, ldap.addresses)),
        )
        for role in recipes
        if role != "compute"
    )


def _packages(
    environment: NodesEnvironment, recipes: Mapping[Role, NodeRecipe]
) -> tuple[Flow, ...]:
    if environment.access.egress == "none":
        return ()
    return tuple(
        Flow(
            source=Zone(role),
            destination=Zone.INTERNET,
            port=port,
            why=f"{_nodes(role)} install packages through NAT",
        )
        for role in recipes
        for port in PACKAGE_PORTS
    )


def _nodes(role: Role) -> str:
    """Return how a sentence about the nodes of *role* begins."""
    return f"{role.capitalize()} nodes"
