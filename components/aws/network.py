"""The VPC on AWS, with a subnet a purpose and zone, and the ways out of each.

Only the public tier has a route to the internet gateway: NAT gateways and a public load balancer
live there, and no node. Nodes leave through NAT, endpoints and databases not at all. No subnet
gives out public addresses.
"""

from collections.abc import Mapping
from typing import Final

import pulumi
from pulumi_aws import ec2

from components.aws import flow_logs, site
from components.aws.endpoints import InterfaceEndpoints, InterfaceEndpointsArgs, ObjectsEndpoint
from components.aws.firewall import Firewall, FirewallArgs
from components.aws.naming import named
from components.parts import NetworkArgs, NetworkPart
from components.runtimes.flows import Zone
from components.settings.addresses import divide

ANYWHERE: Final = "0.0.0.0/0"


class Network(NetworkPart):
    """Owns the VPC and all in it that is neither node, database nor load balancer."""

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("operationalization:aws:Network", name, None, opts)
        self._name = name
        self._args = args
        self._site = site.of(args.site)
        self._child = pulumi.ResourceOptions(parent=self)
        self._letters = {zone: zone.removeprefix(args.site.location) for zone in args.zones}
        self._has_egress = any(flow.destination is Zone.INTERNET for flow in args.flows)
        self.network_id = self._vpc()
        flow_logs.make(name, self._site, self.network_id, self)
        tiers = [*args.plan.purposes]
        if self._has_egress or args.public:
            tiers.append("public")
        self._subnets = {tier: self._tier(tier) for tier in tiers}
        self.subnet_ids = {tier: tuple(made.values()) for tier, made in self._subnets.items()}
        tables = self._routes()
        objects = ObjectsEndpoint(
            f"{name}-objects", self._site, self.network_id, tables, args.installers, self
        )
        firewall = Firewall(
            f"{name}-firewall",
            FirewallArgs(
                site=self._site,
                flows=args.flows,
                clients=args.clients,
                vpc_id=self.network_id,
                objects=objects.prefix_list_id,
            ),
            opts=self._child,
        )
        self.firewall_ids = firewall.ids
        InterfaceEndpoints(
            f"{name}-endpoints",
            InterfaceEndpointsArgs(
                site=self._site,
                vpc_id=self.network_id,
                subnet_ids=self.subnet_ids["endpoints"],
                security_group_id=firewall.ids["endpoints"],
                sessions=args.sessions,
            ),
            opts=self._child,
        )
        self.register_outputs({"network_id": self.network_id})

    def _vpc(self) -> pulumi.Output[str]:
        vpc = ec2.Vpc(
            f"{self._name}-vpc",
            cidr_block=str(self._args.plan.network),
            # Both, or no interface endpoint answers under its service's name.
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=named(f"{self._name}-vpc"),
            opts=self._child,
        )
        # AWS makes it with the VPC and lets its members talk; it cannot be deleted, only emptied.
        ec2.DefaultSecurityGroup(
            f"{self._name}-default",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=named(f"{self._name}-unused"),
            opts=self._child,
        )
        return vpc.id

    def _tier(self, tier: str) -> dict[str, pulumi.Output[str]]:
        """Make a subnet a zone; return their ids by zone."""
        whole = self._args.plan.of(tier)
        zones = self._args.zones
        return {
            zone: ec2.Subnet(
                f"{self._name}-{tier}-{self._letters[zone]}",
                vpc_id=self.network_id,
                availability_zone=zone,
                cidr_block=str(part),
                map_public_ip_on_launch=False,
                tags=named(f"{self._name}-{tier}-{self._letters[zone]}"),
                opts=self._child,
            ).id
            for zone, part in zip(zones, divide(whole, len(zones)), strict=True)
        }

    def _routes(self) -> list[pulumi.Output[str]]:
        """Make the route tables; return those of the nodes."""
        gateways = self._gateways()
        self._table("endpoints", {"endpoints": self._args.zones})
        found = []
        for zone in self._args.zones:
            table = self._table(
                f"nodes-{self._letters[zone]}", dict.fromkeys(self._args.plan.nodes, (zone,))
            )
            if gateways:
                # One NAT gateway serves all zones when there is no other.
                gateway = gateways.get(zone, next(iter(gateways.values())))
                self._route(f"nodes-{self._letters[zone]}", table, nat_gateway_id=gateway)
            found.append(table)
        return found

    def _gateways(self) -> dict[str, pulumi.Output[str]]:
        """Make the public tier's way out and the NAT gateways; return these by zone."""
        if "public" not in self._subnets:
            return {}
        internet = ec2.InternetGateway(
            f"{self._name}-internet",
            vpc_id=self.network_id,
            tags=named(f"{self._name}-internet"),
            opts=self._child,
        )
        table = self._table("public", {"public": self._args.zones})
        way_out = self._route("public", table, gateway_id=internet.id)
        if not self._has_egress:
            return {}
        zones = self._args.zones if self._site.protection else self._args.zones[:1]
        return {zone: self._nat(zone, way_out) for zone in zones}

    def _nat(self, zone: str, way_out: pulumi.Resource) -> pulumi.Output[str]:
        name = f"{self._name}-nat-{self._letters[zone]}"
        address = ec2.Eip(
            f"{name}-address",
            domain="vpc",
            tags=named(name),
            opts=self._child,
        )
        return ec2.NatGateway(
            name,
            subnet_id=self._subnets["public"][zone],
            allocation_id=address.allocation_id,
            connectivity_type="public",
            tags=named(name),
            # AWS refuses one in a network without a gateway to the internet.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[way_out]),
        ).id

    def _table(self, name: str, members: Mapping[str, tuple[str, ...]]) -> pulumi.Output[str]:
        """Make a route table without inline routes for *members*: zones by tier."""
        table = ec2.RouteTable(
            f"{self._name}-{name}",
            vpc_id=self.network_id,
            tags=named(f"{self._name}-{name}"),
            opts=self._child,
        )
        for tier, zones in members.items():
            for zone in zones:
                ec2.RouteTableAssociation(
                    f"{self._name}-{tier}-{self._letters[zone]}",
                    subnet_id=self._subnets[tier][zone],
                    route_table_id=table.id,
                    opts=self._child,
                )
        return table.id

    def _route(
        self,
        name: str,
        table: pulumi.Output[str],
        *,
        gateway_id: pulumi.Output[str] | None = None,
        nat_gateway_id: pulumi.Output[str] | None = None,
    ) -> ec2.Route:
        return ec2.Route(
            f"{self._name}-{name}",
            route_table_id=table,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self._child,
        )
