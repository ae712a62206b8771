"""What every topology with nodes of ours is made of: the parts, in their order.

Which roles there are is all that its topologies differ in: nodes with one role or with several.

Order of making and changing (design.md section 3): database, nodes, diagnostics. A part waits for
whole parts before it, through `depends_on`. Whether the two groups of nodes wait for each other is
for the product to say (`NodeRecipe.starts_after`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi

from components.bootstrap.user_data import NodeFacts, UserData, render
from components.parts import (
    ArtifactsArgs,
    ArtifactsPart,
    AutoscalingArgs,
    Cloud,
    DatabaseArgs,
    DatabasePart,
    FoundationArgs,
    FoundationPart,
    IdentityArgs,
    IdentityPart,
    InstallersArgs,
    InstallersPart,
    LoadBalancerArgs,
    LoadBalancerPart,
    MonitoringArgs,
    NetworkArgs,
    NetworkPart,
    NodeGroupArgs,
    NodeGroupPart,
    Origin,
    SecretStoreArgs,
    SecretStorePart,
)
from components.runtimes import flows
from components.runtimes.node import Role
from components.settings import EnterpriseEnvironment, NodesEnvironment, Settings, addresses
from components.topologies import family, node_set
from components.topologies.compute_uris import ComputeUris
from components.topologies.credentials import Credentials, CredentialsArgs
from components.topologies.node_set import NodeSet, sets_of
from components.topologies.outputs import Made, stack_outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class NodesArgs:
    """What an environment with nodes takes."""

    stack: str
    environment: NodesEnvironment
    settings: Settings
    cloud: Cloud


class NodesTopology(pulumi.ComponentResource):
    """A whole environment; `outputs` is what operations need to know of it."""

    outputs: Mapping[str, pulumi.Input[object]]

    def __init__(
        self, token: str, name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(f"operationalization:topologies:{token}", name, None, opts)
        self._name = name
        self._args = args
        self._cloud = args.cloud
        self._environment = args.environment
        self._plan = addresses.plan(self._environment)
        self._roles: tuple[Role, ...] = tuple(self._environment.groups)
        self._front: Role = self._plan.front
        self._sets = sets_of(self._environment)
        self._met = self._sets[0]
        self._recipes = self._met.recipes
        self._flows = flows.allowed(
            self._environment, self._recipes, artifacts=self._cloud.artifacts is not None
        )
        self._clients = tuple(str(client) for client in self._environment.access.clients)
        self._zones = self._environment.network_zones
        self._foundation: FoundationPart = self._cloud.foundation(
            f"{name}-foundation",
            FoundationArgs(
                stack=args.stack,
                location=self._environment.location,
                tags=self._environment.tags,
                protection=self._environment.protection,
                log_retention_days=self._environment.monitoring.retention_days,
            ),
            pulumi.ResourceOptions(parent=self, transformations=list(self._cloud.transformations)),
        )
        self._site = self._foundation.site
        self._network: NetworkPart = self._make_network()
        self._balancer: LoadBalancerPart = self._make_load_balancer()
        self._identities: Mapping[Role, IdentityPart] = {
            role: self._cloud.identity(
                f"{name}-{role}-identity",
                IdentityArgs(
                    site=self._site,
                    role=role,
                    sessions=self._environment.access.session_manager,
                ),
                self._options(),
            )
            for role in self._roles
        }
        self._credentials = Credentials(
            f"{name}-credentials",
            CredentialsArgs(
                stack=args.stack,
                settings=args.settings,
                addresses=self._balancer.addresses,
                host_names=self._balancer.host_names,
                names=frozenset(
                    name for role in self._roles for name in node_set.secrets_of(self._sets, role)
                ),
                compute_addresses=node_set.verified_addresses(
                    self._sets, self._cloud.addresses, self._plan
                ),
                rsa=any(each.family == "windows" for each in self._recipes.values()),
                database_master=self._environment.has_server
                and not self._cloud.keeps_database_password,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._secrets: SecretStorePart = self._make_secret_store()
        self._artifacts: ArtifactsPart | None = self._make_artifacts()
        self._installers: InstallersPart | None = self._make_installers()
        self._make_databases()
        for each in self._sets:
            each.user_data = {role: self._render(each, role) for role in self._roles}
        # Those that clients meet come first: who joins the balancer does so before others leave it.
        before: list[pulumi.Resource] = []
        for each in self._sets:
            each.groups = self._make_groups(each, before)
            before += each.groups.values()
        for role, group in self._met.groups.items():
            if group.made_from:
                digest = self._met.user_data[role].apply(lambda found: found.digest)
                family.warn_of_old_content(group.names, group.made_from, digest)
        self._make_autoscaling()
        self._make_monitoring()
        self.outputs = stack_outputs(self._made())
        self.register_outputs(dict(self.outputs))

    def _options(self, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self,
            providers=[self._foundation.provider],
            depends_on=list(after),
            transformations=list(self._cloud.transformations),
        )

    def _make_network(self) -> NetworkPart:
        return self._cloud.network(
            f"{self._name}-network",
            NetworkArgs(
                site=self._site,
                plan=self._plan,
                existing=self._environment.network.existing,
                flows=self._flows,
                clients=self._clients,
                zones=self._zones,
                public=self._environment.load_balancer.exposure == "public",
                sessions=self._environment.access.session_manager,
                installers=node_set.private_files(self._sets),
            ),
            self._options(),
        )

    def _make_load_balancer(self) -> LoadBalancerPart:
        front = self._recipes[self._front]
        return self._cloud.load_balancer(
            f"{self._name}-balancer",
            LoadBalancerArgs(
                site=self._site,
                settings=self._environment.load_balancer,
                health=front.health,
                port=front.port,
                plan=self._plan,
                network=self._network,
                zones=self._zones,
            ),
            self._options(),
        )

    def _make_secret_store(self) -> SecretStorePart:
        return self._cloud.secret_store(
            f"{self._name}-secrets",
            SecretStoreArgs(
                site=self._site,
                secrets=self._credentials.secrets,
                readers={role: node_set.secrets_of(self._sets, role) for role in self._roles},
                identities=self._identities,
                network=self._network,
            ),
            self._options(),
        )

    def _make_artifacts(self) -> ArtifactsPart | None:
        if self._cloud.artifacts is None:
            return None
        return self._cloud.artifacts(
            f"{self._name}-artifacts",
            ArtifactsArgs(
                site=self._site,
                bundles={each.suffix: each.bundles() for each in self._sets},
                identities=self._identities,
                network=self._network,
            ),
            self._options(),
        )

    def _make_installers(self) -> InstallersPart | None:
        server = self._environment.runtime.server
        store = server.installers.store if server else None
        files = node_set.private_files(self._sets)
        if not store and not files:
            return None
        return self._cloud.installers(
            f"{self._name}-installers",
            InstallersArgs(site=self._site, files=files, store=store, identities=self._identities),
            self._options(),
        )

    def _make_databases(self) -> None:
        """Make the older set's first: the other one begins with its backup."""
        if not self._environment.has_server:
            return
        origin: Origin | None = None
        for each in sorted(self._sets, key=lambda each: each.environment.runtime.generation):
            each.database = made = self._make_database(each, origin)
            environment = self._environment
            if isinstance(environment, EnterpriseEnvironment) and environment.predecessor:
                moment = environment.predecessor.restored
                origin = Origin(part=made, moment=moment)

    def _make_database(self, each: NodeSet, origin: Origin | None) -> DatabasePart:
        return self._cloud.database(
            f"{self._name}{each.suffix}-database",
            DatabaseArgs(
                site=self._site,
                settings=each.environment.database,
                owner=self._identities[self._front],
                master_password=self._credentials.database_master,
                network=self._network,
                suffix=each.suffix,
                predecessor=f"{self._name}{each.earlier}-database" if each.suffix else "",
                origin=origin,
            ),
            self._options(),
        )

    def _make_groups(
        self, each: NodeSet, before: Sequence[pulumi.Resource]
    ) -> dict[Role, NodeGroupPart]:
        made: dict[Role, NodeGroupPart] = {}
        for role in sorted(self._roles, key=lambda role: len(each.recipes[role].starts_after)):
            others = [made[other] for other in each.recipes[role].starts_after]
            database = [each.database] if each.database else []
            made[role] = self._make_nodes(each, role, [*database, *others, *before])
        return made

    def _make_nodes(
        self, each: NodeSet, role: Role, after: Sequence[pulumi.Resource]
    ) -> NodeGroupPart:
        joins = each.serving and role == self._front
        return self._cloud.node_group(
            f"{self._name}{each.suffix}-{role}-nodes",
            NodeGroupArgs(
                site=self._site,
                recipe=each.recipes[role],
                runtime=each.environment.runtime,
                settings=self._environment.groups[role],
                zones=self._environment.zone_names(role),
                plan=self._plan,
                network=self._network,
                identity=self._identities[role],
                user_data=each.user_data[role].apply(lambda found: found.base64),
                encryption_at_host=self._foundation.encryption_at_host,
                load_balancer=self._balancer if joins else None,
                keeps_data=self._keeps_data(),
                version=family.held_version(each.environment, role),
                digest=self._kept_digest(each, role),
            ),
            # A node that boots must be able to read its secrets and files at once.
            self._options(
                [
                    *after,
                    *self._secrets.grants[role],
                    *(self._artifacts.grants[role] if self._artifacts else ()),
                    *(self._installers.grants[role] if self._installers else ()),
                ]
            ),
        )

    def _kept_digest(self, each: NodeSet, role: Role) -> pulumi.Output[str] | None:
        """Return what machines remember that keep their content: it is changed where they run."""
        if not family.keeps_content(each.environment, role):
            return None
        return each.user_data[role].apply(lambda found: found.digest)

    def _keeps_data(self) -> bool:
        """Whether the machine is to be kept as a database is: it holds one, and is not given up."""
        database = self._environment.database
        embedded = not self._environment.has_server
        return self._site.protection and embedded and database.discard != database.name

    def _render(self, each: NodeSet, role: Role) -> pulumi.Output[UserData]:
        environment = each.environment
        identity = self._identities[role]
        found = self._compute_uris(each, role)
        facts = partial(
            NodeFacts,
            cloud=environment.cloud,
            environment=self._args.stack,
            location=environment.location,
            clients=self._clients,
            probe_sources=self._balancer.probe_sources,
            endpoints_subnet=str(self._plan.endpoints),
            egress=environment.access.egress,
            flows=self._flows,
            compute_values=found.values,
            compute_ranges=found.ranges,
        )
        return pulumi.Output.all(
            vault_uri=self._secrets.uri,
            identity_client_id=identity.client_id,
            bundle_uri=self._artifacts.uris[each.suffix][role] if self._artifacts else "",
            **self._subnets(),
            **each.database_facts(administers=role == self._front),
        ).apply(lambda known: render(each.recipes[role], facts(**known)))

    def _compute_uris(self, each: NodeSet, role: Role) -> ComputeUris:
        """Return what web nodes are told of compute nodes, of products that are told."""
        if role != "web":
            return ComputeUris()
        port = each.recipes["compute"].port
        return family.uris(each.environment, self._cloud.addresses, self._plan, port)

    def _subnets(self) -> dict[str, str]:
        """Return where nodes are, by the names that `NodeFacts` has for it."""
        return {
            f"{role.replace('-', '_')}_subnet": str(self._plan.of(role)) for role in self._roles
        }

    def _make_autoscaling(self) -> None:
        for role, group in self._met.groups.items():
            settings = self._environment.groups[role].autoscale
            if settings:
                self._cloud.autoscaling(
                    f"{self._name}-{role}-autoscaling",
                    AutoscalingArgs(
                        site=self._site,
                        settings=settings,
                        group=group,
                        emails=self._environment.monitoring.emails,
                    ),
                    self._options(),
                )

    def _make_monitoring(self) -> None:
        self._cloud.monitoring(
            f"{self._name}-monitoring",
            MonitoringArgs(
                site=self._site,
                settings=self._environment.monitoring,
                database_settings=self._environment.database,
                network=self._network,
                load_balancer=self._balancer,
                secrets=self._secrets,
                database=self._met.database,
                groups=self._met.groups,
                sizes={role: self._environment.groups[role].size for role in self._roles},
                certificates={
                    name: secret.expires
                    for name, secret in self._credentials.secrets.items()
                    if secret.expires is not None
                },
            ),
            self._options(list(self._met.groups.values())),
        )

    def _made(self) -> Made:
        return Made(
            sets=self._sets,
            settings=self._args.settings,
            plan=self._plan,
            site=self._site,
            network=self._network,
            balancer=self._balancer,
            identities=self._identities,
            credentials=self._credentials,
            secrets=self._secrets,
        )
