"""Nodes of one version, and the database that they use: an environment has one such set, or two.

While an upgrade stands beside what it replaces there are two (docs/r-server.md, Upgrade). Each set
has a database of its own, as nodes of two versions never share one (facts.md R7); what is not told
apart here they share: network, balancer, identities, vault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.bootstrap.bundle import bundle
from components.bootstrap.user_data import UserData
from components.parts import DatabasePart, NodeGroupPart
from components.parts.addresses import NodeAddresses
from components.runtimes import recipe
from components.runtimes.node import NodeRecipe, Role
from components.settings import EnterpriseEnvironment, NodesEnvironment
from components.settings.addresses import AddressPlan
from components.topologies import family


@dataclass(kw_only=True, slots=True)
class NodeSet:
    """One set; its parts come while the topology is made."""

    environment: NodesEnvironment
    """With the runtime of this set."""

    serving: bool
    """Whether its web nodes are behind the balancer."""

    recipes: Mapping[Role, NodeRecipe]
    database: DatabasePart | None = None
    user_data: Mapping[Role, pulumi.Output[UserData]] = field(default_factory=dict)
    groups: Mapping[Role, NodeGroupPart] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """What the names of its parts have behind the environment's; "" for the first set.

        A set keeps it for as long as it lives, so that nothing of it is replaced when it is the
        only one left.
        """
        return _suffix(self.environment.runtime.generation)

    @property
    def earlier(self) -> str:
        """The suffix of the set that it took over from."""
        return _suffix(self.environment.runtime.generation - 1)

    def bundles(self) -> dict[Role, bytes]:
        """Return the files that nodes fetch, by role, where user data has no room for them."""
        found = {role: bundle(each, self.environment.cloud) for role, each in self.recipes.items()}
        return {role: made.content for role, made in found.items() if made}

    def database_facts(self, *, administers: bool) -> dict[str, pulumi.Input[object]]:
        """Return what nodes are told of the server, if there is one.

        *administers*: whether they make the logins of others on it.
        """
        database = self.database
        if database is None:
            return {}
        return {
            "database_host": database.host,
            "database_name": database.name,
            "database_port": database.port,
            "database_principal": database.migrator if administers else "",
            "database_bootstrap_secret": database.bootstrap_secret if administers else "",
        }


def _suffix(generation: int) -> str:
    return f"-g{generation}" if generation > 0 else ""


def sets_of(environment: NodesEnvironment) -> tuple[NodeSet, ...]:
    """Return the sets of *environment*: the one that clients meet first, and the other one."""
    old = environment.before if isinstance(environment, EnterpriseEnvironment) else None
    if old is None:
        return (_set(environment, serving=True),)
    assert isinstance(environment, EnterpriseEnvironment)  # noqa: S101 - it has a predecessor
    serving = environment.predecessor.serving if environment.predecessor else "new"
    first = _set(old, serving=serving in ("old", "both"))
    if serving == "old":
        # Until it serves, its database holds nothing that the old one does not: it may be deleted.
        given_up = environment.database.model_copy(update={"discard": environment.database.name})
        environment = environment.model_copy(update={"database": given_up})
    second = _set(environment, serving=serving != "old")
    return (first, second) if first.serving else (second, first)


def secrets_of(sets: Sequence[NodeSet], role: Role) -> tuple[str, ...]:
    """Return the names of the secrets that nodes of *role* read, whatever their set."""
    uses = (use.name for each in sets for use in each.recipes[role].secrets)
    return tuple(dict.fromkeys(uses))


def private_files(sets: Sequence[NodeSet]) -> tuple[str, ...]:
    """Return the addresses of the private files that nodes of any set fetch."""
    found = (file for each in sets for file in family.private_files(each.environment))
    return tuple(dict.fromkeys(found))


def verified_addresses(
    sets: Sequence[NodeSet], addresses: NodeAddresses, plan: AddressPlan
) -> tuple[str, ...]:
    """Return the addresses that the compute nodes' certificate names, of all sets."""
    return tuple(
        address
        for each in sets
        for address in family.verified_addresses(each.environment, addresses, plan)
    )


def _set(environment: NodesEnvironment, *, serving: bool) -> NodeSet:
    recipes = {role: recipe.for_role(environment, role) for role in environment.groups}
    return NodeSet(environment=environment, serving=serving, recipes=recipes)
