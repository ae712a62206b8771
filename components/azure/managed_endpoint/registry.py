"""The registry that builds and keeps the images.

Open to the network where the endpoint is public: the machines that run tasks and the instances
that pull are Azure's own, outside of any network of ours. Nothing is anonymous, and there is no
administrator's password. Closed, tasks need machines inside the network: an agent pool.
"""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import containerregistry

from components.parts import Site
from components.settings.catalogue.locations import LOCATIONS

KEPT_DAYS = 7
"""Days that an image without a tag is kept, where a registry may clean up."""

AGENT_TIER = "S1"
"""Machines of an agent pool: two cores, three GiB ("Run tasks on a dedicated pool")."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryArgs:
    """What the registry takes."""

    site: Site
    name: pulumi.Output[str]
    private: bool


class Registry(pulumi.ComponentResource):
    """Owns the registry."""

    id: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(
        self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:EndpointRegistry", name, None, opts)
        site = args.site
        # Private endpoints, zones and cleaning up are of the largest service tier only.
        premium = args.private or site.protection
        zones = LOCATIONS["azure"][site.location].zones
        registry = containerregistry.Registry(
            f"{name}-registry",
            registry_name=args.name,
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            sku=containerregistry.SkuArgs(name="Premium" if premium else "Standard"),
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            data_endpoint_enabled=premium,
            public_network_access="Disabled" if args.private else "Enabled",
            network_rule_bypass_options="AzureServices",
            network_rule_set=(
                containerregistry.NetworkRuleSetArgs(default_action="Deny", ip_rules=[])
                if args.private
                else None
            ),
            zone_redundancy="Enabled" if premium and zones else "Disabled",
            policies=(
                containerregistry.PoliciesArgs(
                    retention_policy=containerregistry.RetentionPolicyArgs(
                        status="enabled", days=KEPT_DAYS
                    )
                )
                if premium
                else None
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=site.protection),
        )
        self.id, self.name = registry.id, registry.name
        self.register_outputs({"id": self.id, "name": self.name})


def agents(
    name: str,
    site: Site,
    *,
    registry: pulumi.Input[str],
    subnet_id: pulumi.Input[str],
    parent: pulumi.Resource,
) -> containerregistry.AgentPool:
    """Declare machines that run the registry's tasks in *subnet_id*."""
    return containerregistry.AgentPool(
        f"{name}-agents",
        agent_pool_name="builders",
        registry_name=registry,
        resource_group_name=site.resource_group,
        location=site.location,
        tags=site.tags,
        tier=AGENT_TIER,
        count=1,
        os=containerregistry.OS.LINUX,
        virtual_network_subnet_resource_id=subnet_id,
        opts=pulumi.ResourceOptions(parent=parent),
    )
