"""The virtual network on Azure, made or joined, with a subnet a purpose.

Subnets are resources of their own and the network has none inline: a network that lists some
would delete all others, those of a joined network's owner too. They are made one after another,
because Azure takes one write at a time for each network.
"""

import pulumi
from pulumi_azure_native import network

from components.azure.firewall import Firewall, FirewallArgs
from components.azure.naming import NetworkId, network_id
from components.parts import NetworkArgs, NetworkPart
from components.runtimes.flows import Zone


class Network(NetworkPart):
    """Owns the subnets, their firewalls and the way out; a joined network stays its owner's."""

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:azure:Network", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        firewall = Firewall(
            f"{name}-firewall",
            FirewallArgs(site=args.site, flows=args.flows, plan=args.plan, clients=args.clients),
            opts=self._child,
        )
        self.firewall_ids = firewall.ids
        group, vnet = self._network()
        self.subnet_ids = self._subnets(group, vnet)
        self.register_outputs({"network_id": self.network_id})

    def _network(self) -> tuple[pulumi.Input[str], pulumi.Input[str]]:
        """Make or join the network; return its resource group and name."""
        if self._args.existing:
            joined: NetworkId = network_id(self._args.existing)
            self.network_id = pulumi.Output.from_input(self._args.existing)
            return joined.resource_group, joined.name
        site = self._args.site
        vnet = network.VirtualNetwork(
            f"{self._name}-vnet",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            address_space=network.AddressSpaceArgs(address_prefixes=[str(self._args.plan.network)]),
            opts=self._child,
        )
        self.network_id = vnet.id
        return site.resource_group, vnet.name

    def _subnets(
        self, group: pulumi.Input[str], vnet: pulumi.Input[str]
    ) -> dict[str, tuple[pulumi.Output[str], ...]]:
        egress = self._egress()
        made: dict[str, network.Subnet] = {}
        for purpose in self._args.plan.purposes:
            made[purpose] = network.Subnet(
                f"{self._name}-{purpose}",
                resource_group_name=group,
                virtual_network_name=vnet,
                address_prefix=str(self._args.plan.of(purpose)),
                network_security_group=network.NetworkSecurityGroupArgs(
                    id=self.firewall_ids[purpose]
                ),
                nat_gateway=egress if purpose != "endpoints" else None,
                # Without this, security groups do not apply to private endpoints.
                private_endpoint_network_policies="Enabled",
                # Azure's own way out of a subnet has no address that anybody could name.
                default_outbound_access=False,
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(made.values())[-1:]),
            )
        return {purpose: (subnet.id,) for purpose, subnet in made.items()}

    def _egress(self) -> network.SubResourceArgs | None:
        """Make the NAT gateway, if any flow leads to the internet."""
        if not any(flow.destination is Zone.INTERNET for flow in self._args.flows):
            return None
        site = self._args.site
        address = network.PublicIPAddress(
            f"{self._name}-nat-address",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            sku=network.PublicIPAddressSkuArgs(name="Standard", tier="Regional"),
            public_ip_allocation_method="Static",
            public_ip_address_version="IPv4",
            zones=list(self._args.zones) or None,
            opts=self._child,
        )
        gateway = network.NatGateway(
            f"{self._name}-nat",
            resource_group_name=site.resource_group,
            location=site.location,
            tags=site.tags,
            # No zone: pinned to one, the way out of all nodes would go down with it.
            sku=network.NatGatewaySkuArgs(name="Standard"),
            public_ip_addresses=[network.SubResourceArgs(id=address.id)],
            idle_timeout_in_minutes=4,
            opts=self._child,
        )
        return network.SubResourceArgs(id=gateway.id)
