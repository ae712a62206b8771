"""The enterprise topology: web nodes, compute nodes and a database, each on machines of its own.

Order of making and changing (design.md section 3): database, nodes, diagnostics. A part waits for
whole parts before it, through `depends_on`. Whether the two groups of nodes wait for each other is
for the product to say (`NodeRecipe.starts_after`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi

from components.bootstrap.bundle import bundle
from components.bootstrap.user_data import NodeFacts, render
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
    LoadBalancerArgs,
    LoadBalancerPart,
    MonitoringArgs,
    NetworkArgs,
    NetworkPart,
    NodeGroupArgs,
    NodeGroupPart,
    SecretStoreArgs,
    SecretStorePart,
)
from components.runtimes import flows, recipe
from components.runtimes.node import NodeRecipe, Role
from components.settings import EnterpriseEnvironment, Settings, addresses
from components.topologies import clouds
from components.topologies.credentials import Credentials, CredentialsArgs

ROLES: tuple[Role, ...] = ("web", "compute")


@dataclass(frozen=True, kw_only=True, slots=True)
class EnterpriseArgs:
    """What an enterprise environment takes."""

    stack: str
    environment: EnterpriseEnvironment
    settings: Settings
    cloud: Cloud


def declare(name: str, stack: str, settings: Settings) -> "Enterprise":
    """Declare the environment *name* of *stack*, on the cloud that its settings choose."""
    environment = settings.environment
    if not isinstance(environment, EnterpriseEnvironment):
        raise TypeError(f"{environment.topology} is not the topology enterprise")
    cloud = clouds.choose(environment, stack)
    return Enterprise(
        name,
        EnterpriseArgs(stack=stack, environment=environment, settings=settings, cloud=cloud),
    )


class Enterprise(pulumi.ComponentResource):
    """A whole environment; `outputs` is what operations need to know of it."""

    outputs: Mapping[str, pulumi.Input[object]]

    def __init__(
        self, name: str, args: EnterpriseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:topologies:Enterprise", name, None, opts)
        self._name = name
        self._args = args
        self._cloud = args.cloud
        self._environment = args.environment
        self._plan = addresses.plan(self._environment)
        self._recipes: Mapping[Role, NodeRecipe] = {
            role: recipe.for_role(self._environment, role) for role in ROLES
        }
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
            for role in ROLES
        }
        self._credentials = Credentials(
            f"{name}-credentials",
            CredentialsArgs(
                stack=args.stack,
                settings=args.settings,
                addresses=self._balancer.addresses,
                host_names=self._balancer.host_names,
                database_master=not self._cloud.keeps_database_password,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._secrets: SecretStorePart = self._make_secret_store()
        self._artifacts: ArtifactsPart | None = self._make_artifacts()
        self._database: DatabasePart = self._make_database()
        self._groups: Mapping[Role, NodeGroupPart] = self._make_groups()
        self._make_autoscaling()
        self._make_monitoring()
        self.outputs = self._outputs()
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
            ),
            self._options(),
        )

    def _make_load_balancer(self) -> LoadBalancerPart:
        web = self._recipes["web"]
        return self._cloud.load_balancer(
            f"{self._name}-balancer",
            LoadBalancerArgs(
                site=self._site,
                settings=self._environment.load_balancer,
                health=web.health,
                port=web.port,
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
                readers={
                    role: tuple(use.name for use in self._recipes[role].secrets) for role in ROLES
                },
                identities=self._identities,
                network=self._network,
            ),
            self._options(),
        )

    def _make_artifacts(self) -> ArtifactsPart | None:
        if self._cloud.artifacts is None:
            return None
        found = {role: bundle(self._recipes[role], self._environment.cloud) for role in ROLES}
        return self._cloud.artifacts(
            f"{self._name}-artifacts",
            ArtifactsArgs(
                site=self._site,
                bundles={role: made.content for role, made in found.items() if made},
                identities=self._identities,
                network=self._network,
            ),
            self._options(),
        )

    def _make_database(self) -> DatabasePart:
        return self._cloud.database(
            f"{self._name}-database",
            DatabaseArgs(
                site=self._site,
                settings=self._environment.database,
                owner=self._identities["web"],
                master_password=self._credentials.database_master,
                network=self._network,
            ),
            self._options(),
        )

    def _make_groups(self) -> dict[Role, NodeGroupPart]:
        made: dict[Role, NodeGroupPart] = {}
        for role in sorted(ROLES, key=lambda role: len(self._recipes[role].starts_after)):
            others = [made[other] for other in self._recipes[role].starts_after]
            made[role] = self._make_nodes(role, [self._database, *others])
        return made

    def _make_nodes(self, role: Role, after: Sequence[pulumi.Resource]) -> NodeGroupPart:
        return self._cloud.node_group(
            f"{self._name}-{role}-nodes",
            NodeGroupArgs(
                site=self._site,
                recipe=self._recipes[role],
                runtime=self._environment.runtime,
                settings=self._environment.groups[role],
                zones=self._environment.zone_names(role),
                plan=self._plan,
                network=self._network,
                identity=self._identities[role],
                user_data=self._user_data(role),
                encryption_at_host=self._foundation.encryption_at_host,
                load_balancer=self._balancer if role == "web" else None,
            ),
            # A node that boots must be able to read its secrets and files at once.
            self._options(
                [
                    *after,
                    *self._secrets.grants[role],
                    *(self._artifacts.grants[role] if self._artifacts else ()),
                ]
            ),
        )

    def _user_data(self, role: Role) -> pulumi.Output[str]:
        environment = self._environment
        identity = self._identities[role]
        facts = partial(
            NodeFacts,
            cloud=environment.cloud,
            environment=self._args.stack,
            location=environment.location,
            database_name=self._database.name,
            database_port=self._database.port,
            clients=self._clients,
            probe_sources=self._balancer.probe_sources,
            web_subnet=str(self._plan.of("web")),
            compute_subnet=str(self._plan.of("compute")),
            endpoints_subnet=str(self._plan.endpoints),
            egress=environment.access.egress,
            flows=self._flows,
        )
        return pulumi.Output.all(
            vault_uri=self._secrets.uri,
            identity_client_id=identity.client_id,
            database_host=self._database.host,
            database_principal=self._database.migrator if role == "web" else "",
            bundle_uri=self._artifacts.uris[role] if self._artifacts else "",
            database_bootstrap_secret=self._database.bootstrap_secret if role == "web" else "",
        ).apply(lambda found: render(self._recipes[role], facts(**found)).base64)

    def _make_autoscaling(self) -> None:
        for role, group in self._groups.items():
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
                database=self._database,
                groups=self._groups,
                sizes={role: self._environment.groups[role].size for role in ROLES},
            ),
            self._options(list(self._groups.values())),
        )

    def _outputs(self) -> dict[str, pulumi.Input[object]]:
        port = self._recipes["web"].port
        brought = self._args.settings.certificate
        return {
            **({"certificate": brought} if brought else {}),
            "endpoint": pulumi.Output.concat("https://", self._balancer.host, f":{port}"),
            "loadBalancerAddress": self._balancer.addresses[0],
            "loadBalancerAddresses": list(self._balancer.addresses),
            "certificateAuthority": self._credentials.authority,
            "adminPassword": self._credentials.secrets["admin-password"].value,
            "location": self._environment.location,
            "resourceGroup": self._site.resource_group,
            "vault": {
                "name": self._secrets.name,
                "uri": self._secrets.uri,
                "secrets": list(self._secrets.secret_names),
            },
            "database": {
                "engine": self._environment.database.engine,
                "server": self._database.server_name,
                "host": self._database.host,
                "port": self._database.port,
                "name": self._database.name,
            },
            "groups": {role: self._group_output(role) for role in ROLES},
            "subnets": {
                name: {
                    "ids": list(self._network.subnet_ids[name]),
                    "range": str(self._plan.of(name)),
                }
                for name in self._plan.purposes
            },
        }

    def _group_output(self, role: Role) -> dict[str, pulumi.Input[object]]:
        group, settings = self._groups[role], self._environment.groups[role]
        return {
            "kind": group.kind,
            "ids": list(group.ids),
            "names": list(group.names),
            "addresses": list(group.addresses),
            "port": self._recipes[role].port,
            "size": settings.size,
            "minimum": settings.minimum,
            "maximum": settings.maximum,
            "identity": {
                "clientId": self._identities[role].client_id,
                "principalId": self._identities[role].principal_id,
            },
        }
