"""The network of a private endpoint: the only way in, and the machines that build images.

Clients reach the endpoint through the workspace's private address; the network is to be peered with
theirs. Instances are in a network of the workspace's own, which Azure keeps ("Network isolation
with managed online endpoints").
"""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import network

from components.azure.firewall import Direction, deny
from components.azure.managed_endpoint.workspace import Workspace
from components.azure.private_endpoint import PrivateEndpoint, PrivateEndpointArgs
from components.parts import NetworkPart, Site

RANGE: Final = "10.20.0.0/24"
ENDPOINTS: Final = "10.20.0.0/26"
AGENTS: Final = "10.20.0.64/26"

Rule = tuple[str, str, Direction, str, str]
"""Name, why, direction, the other end, and ports; all TCP."""

RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "endpoints": (
        (
            "allow-clients",
            "Peered networks and agents call the services",
            "Inbound",
            "VirtualNetwork",
            "443",
        ),
    ),
    "agents": (
        (
            "allow-private-endpoints",
            "Images go to the registry, models to storage",
            "Outbound",
            ENDPOINTS,
            "443",
        ),
        (
            "allow-https",
            "Azure itself, and the base image",
            "Outbound",
            "Internet",
            "443",
        ),
        (
            "allow-monitor",
            "Logs of agent pools",
            "Outbound",
            "AzureMonitor",
            "12000",
        ),
        (
            "allow-http",
            "Debian's packages, which are signed",
            "Outbound",
            "Internet",
            "80",
        ),
    ),
}
"""What is allowed in each subnet; everything else is denied. What agents call of Azure is in "Run
tasks on a dedicated agent pool", firewall rules."""


class PrivateNetwork(NetworkPart):
    """Owns the network: one subnet for private endpoints, one for agents, with a way out."""

    agents_id: pulumi.Output[str]

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("operationalization:azure:EndpointNetwork", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        vnet = network.VirtualNetwork(
            f"{name}-vnet",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            address_space=network.AddressSpaceArgs(address_prefixes=[RANGE]),
            opts=child,
        )
        self.network_id = vnet.id
        self.firewall_ids = {
            subnet: network.NetworkSecurityGroup(
                f"{name}-{subnet}-firewall",
                resource_group_name=site.resource_group,
                location=site.location,
                tags=site.tags,
                security_rules=_rules(rules),
                opts=child,
            ).id
            for subnet, rules in RULES.items()
        }
        endpoints = self._subnet(name, site, vnet, "endpoints", ENDPOINTS, None, None)
        # Azure takes one write at a time for each network.
        agents = self._subnet(
            name, site, vnet, "agents", AGENTS, _way_out(name, site, self), endpoints
        )
        self.subnet_ids = {"endpoints": (endpoints.id,), "agents": (agents.id,)}
        self.agents_id = agents.id
        self.register_outputs({"network_id": self.network_id})

    def _subnet(
        self,
        name: str,
        site: Site,
        vnet: network.VirtualNetwork,
        purpose: str,
        prefix: str,
        gateway: pulumi.Output[str] | None,
        after: pulumi.Resource | None,
    ) -> network.Subnet:
        return network.Subnet(
            f"{name}-{purpose}",
            resource_group_name=site.resource_group,
            virtual_network_name=vnet.name,
            address_prefix=prefix,
            network_security_group=network.NetworkSecurityGroupArgs(id=self.firewall_ids[purpose]),
            nat_gateway=network.SubResourceArgs(id=gateway) if gateway is not None else None,
            # Without this, security groups do not apply to private endpoints.
            private_endpoint_network_policies="Enabled",
            default_outbound_access=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[after] if after else None),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One service with a private address."""

    name: str
    id: pulumi.Output[str]
    group: str
    zones: tuple[str, ...]


def connect(
    name: str,
    site: Site,
    workspace: Workspace,
    private_network: PrivateNetwork,
    options: pulumi.ResourceOptions,
) -> list[PrivateEndpoint]:
    """Give the workspace and all that it stands on private addresses in the network."""
    return [
        PrivateEndpoint(
            f"{name}-{service.name}",
            PrivateEndpointArgs(
                site=site,
                service_id=service.id,
                group=service.group,
                dns_zone=service.zones[0],
                more_zones=service.zones[1:],
                network=private_network,
            ),
            options,
        )
        for service in _services(workspace)
    ]


def _services(workspace: Workspace) -> list[Service]:
    """Return the services ("Azure Private Endpoint private DNS zone values")."""
    found = [
        Service(
            name="workspace",
            id=workspace.id,
            group="amlworkspace",
            zones=("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"),
        )
    ]
    if workspace.vault_id is None:
        # What an existing workspace stands on is its owner's to connect.
        return found
    return [
        *found,
        Service(
            name="storage",
            id=workspace.storage_id,
            group="blob",
            zones=("privatelink.blob.core.windows.net",),
        ),
        Service(
            name="registry",
            id=workspace.registry_id,
            group="registry",
            zones=("privatelink.azurecr.io",),
        ),
        Service(
            name="vault",
            id=workspace.vault_id,
            group="vault",
            zones=("privatelink.vaultcore.azure.net",),
        ),
    ]


def _way_out(name: str, site: Site, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Declare the NAT gateway of the agents."""
    child = pulumi.ResourceOptions(parent=parent)
    address = network.PublicIPAddress(
        f"{name}-nat-address",
        resource_group_name=site.resource_group,
        location=site.location,
        tags=site.tags,
        sku=network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
        public_ip_allocation_method="Static",
        public_ip_address_version="IPv4",
        opts=child,
    )
    return network.NatGateway(
        f"{name}-nat",
        resource_group_name=site.resource_group,
        location=site.location,
        tags=site.tags,
        sku=network.NatGatewaySkuArgs(name="Standard"),
        public_ip_addresses=[network.SubResourceArgs(id=address.id)],
        idle_timeout_in_minutes=4,
        opts=child,
    ).id


def _rules(rules: tuple[Rule, ...]) -> list[network.SecurityRuleArgs]:
    allowed = [
        network.SecurityRuleArgs(
            name=name,
            description=why,
            priority=100 + 10 * index,
            direction=direction,
            access="Allow",
            protocol="Tcp",
            source_address_prefix=other if direction == "Inbound" else "*",
            source_port_range="*",
            destination_address_prefix="*" if direction == "Inbound" else other,
            destination_port_range=ports,
        )
        for index, (name, why, direction, other, ports) in enumerate(rules)
    ]
    return [*allowed, deny("Inbound"), deny("Outbound")]
