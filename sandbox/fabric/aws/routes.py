"""Where the route tables of a VPC lead: which subnets have a way out, and with which address.

Sources: Amazon VPC User Guide, "Configure route tables" (a subnet without a table of its own uses
the main one; the most specific route counts), "NAT gateways" (a public one's Elastic IP address is
the source on the internet), "Enable internet access using internet gateways" (only for what has a
public address of its own); AWS PrivateLink Guide, "Gateway endpoints" (a route to the service's
prefix list in each table that the endpoint names).
"""

from dataclasses import dataclass
from ipaddress import IPv4Address

from sandbox.control.aws.addresses import address
from sandbox.control.kinds import Record, World
from sandbox.control.reading import text, texts

ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MAIN = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
ROUTE = "aws:ec2/route:Route"
NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
EVERYTHING = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How a subnet's interfaces get out of the VPC."""

    nat: IPv4Address | None = None
    """A NAT gateway's public address."""
    gateway: bool = False
    """Through the internet gateway, for interfaces that have public addresses."""
    endpoints: tuple[str, ...] = ()
    """ARNs of the gateway endpoints that its table leads to."""


def way_of(world: World, subnet: Record) -> Way:
    """Where the table of a subnet leads."""
    vpc = text(subnet.outputs, "vpcId") or ""
    table = _table(world, subnet, vpc)
    nat, gateway = None, False
    for route in world.of(ROUTE):
        given = text(route.inputs, "routeTableId"), text(route.inputs, "destinationCidrBlock")
        if given != (table, EVERYTHING):
            continue
        if target := text(route.inputs, "natGatewayId"):
            found = world.find(target)
            nat = address(text(found.outputs, "publicIp")) if found else None
        elif target := text(route.inputs, "gatewayId"):
            gateway = world.find(target) is not None
    endpoints = tuple(
        endpoint.id
        for endpoint in world.of(ENDPOINT)
        if (text(endpoint.inputs, "vpcEndpointType") or "Gateway") == "Gateway"
        and table in [named for _, named in texts(endpoint.inputs, "routeTableIds[*]")]
    )
    return Way(nat=nat, gateway=gateway, endpoints=endpoints)


def _table(world: World, subnet: Record, vpc: str) -> str:
    for found in world.of(ASSOCIATION):
        if text(found.inputs, "subnetId") == subnet.short:
            return text(found.inputs, "routeTableId") or ""
    for found in world.of(MAIN):
        if text(found.inputs, "vpcId") == vpc:
            return text(found.inputs, "routeTableId") or ""
    network = world.find(vpc)
    return text(network.outputs, "mainRouteTableId") or "" if network else ""
