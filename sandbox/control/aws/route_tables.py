"""Route tables of a VPC, their routes, and which subnets use them (EC2).

Sources: Amazon VPC User Guide, "Configure route tables" (the local route can't be given again, a
target belongs to the table's VPC), "Amazon VPC quotas"; Amazon EC2 API Reference, "CreateRoute",
"AssociateRouteTable", "Error codes for the Amazon EC2 API"; Terraform provider aws, `aws_route`
(id: `r-`, the table's id, a checksum of the destination).

A subnet that no table is associated with uses the VPC's main table, which has the local route only.
A route whose target is gone stays, and leads nowhere: it does not hold its target.
"""

import zlib
from collections.abc import Iterator

from sandbox.control.aws import quotas
from sandbox.control.aws.addresses import SUBNET, block, network
from sandbox.control.aws.internet_gateways import INTERNET_GATEWAY
from sandbox.control.aws.rules import ec2, not_emulated, required, standard
from sandbox.control.aws.vpcs import VPC
from sandbox.control.identities import fill
from sandbox.control.kinds import Context, Identity, Kind, Outputs, Problem, Record, Values, World
from sandbox.control.reading import present, text

ROUTE_TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"

_DESTINATIONS = ("destinationCidrBlock", "destinationPrefixListId", "destinationIpv6CidrBlock")
_TARGETS = ("gatewayId", "natGatewayId", "networkInterfaceId")
_NOT_EMULATED = {
    "carrierGatewayId": "use gatewayId or natGatewayId",
    "coreNetworkArn": "use gatewayId or natGatewayId",
    "destinationIpv6CidrBlock": "the sandbox knows IPv4 only",
    "destinationPrefixListId": "a gateway endpoint makes its routes itself",
    "egressOnlyGatewayId": "the sandbox knows IPv4 only",
    "localGatewayId": "use gatewayId or natGatewayId",
    "networkInterfaceId": "use natGatewayId",
    "odbNetworkArn": "use gatewayId or natGatewayId",
    "transitGatewayId": "use gatewayId or natGatewayId",
    "vpcEndpointId": "a gateway endpoint makes its routes itself",
    "vpcPeeringConnectionId": "use gatewayId or natGatewayId",
}


def _table_rules(values: Values) -> Iterator[Problem]:
    yield from not_emulated(
        values,
        {
            "routes": "declare each route as an aws:ec2/route:Route, so that no route is both "
            "inline and standalone",
            "propagatingVgws": "leave it out",
        },
    )


def _table_outputs(_: Context) -> Outputs:
    return {"routes": [], "propagatingVgws": []}


def _verify_table(context: Context) -> Iterator[Problem]:
    # The main route table is one of them.
    yield from quotas.verify(context, quotas.ROUTE_TABLES)


def _destination(values: Values) -> str:
    return next((found for name in _DESTINATIONS if (found := text(values, name))), "")


def _route_id(context: Context) -> str:
    checksum = zlib.crc32(_destination(context.inputs).encode())
    return f"r-{text(context.inputs, 'routeTableId')}{checksum}"


def _route_arn(context: Context) -> str:
    table = "arn:{partition}:ec2:{region}:{account}:route-table/{routeTableId}"
    return f"{fill(table, context)}/route/{_destination(context.inputs)}"


def _route_rules(values: Values) -> Iterator[Problem]:
    written = text(values, "destinationCidrBlock")
    if written is not None and network(written) is None:
        yield Problem(
            "destinationCidrBlock",
            f'"{written}" is not a valid IPv4 CIDR block',
            "InvalidParameterValue",
        )
    given = [name for name in _TARGETS if name in values]
    if len(given) > 1:
        yield Problem(given[1], f"conflicts with {given[0]}: a route has one target",
                      "InvalidParameterCombination")  # fmt: skip
    yield from not_emulated(values, _NOT_EMULATED)


def network_of(world: World, target: Record) -> str:
    """The VPC (its short id) that a gateway, a subnet or a table is in, or ""."""
    if target.type == NAT_GATEWAY:
        subnet = world.find(text(target.inputs, "subnetId") or "")
        return text(subnet.outputs, "vpcId") or "" if subnet else ""
    return text(target.outputs, "vpcId") or ""


def _verify_route(context: Context) -> Iterator[Problem]:
    values, world = context.inputs, context.world
    yield from required(values, "destinationCidrBlock")
    given = next((name for name in _TARGETS if present(values, name)), None)
    if given is None:
        words = "one of gatewayId and natGatewayId must be given"
        yield Problem("gatewayId", words, "MissingParameter")
    table = world.find(text(values, "routeTableId") or "")
    target = world.find(text(values, given) or "") if given else None
    if table is None:
        return
    own = network_of(world, table)
    if target is not None and network_of(world, target) != own:
        yield Problem(
            given or "",
            f"route table {table.short} and network gateway {target.short} belong to different "
            "networks",
            "InvalidParameterValue",
        )
    vpc = world.find(own)
    if vpc is not None and network(text(values, "destinationCidrBlock")) == block(vpc):
        yield Problem("destinationCidrBlock", _there_already(values), "RouteAlreadyExists")
    yield from quotas.verify(context, quotas.ROUTES)


def _there_already(values: Values) -> str:
    return f"The route identified by {_destination(values)} already exists."


def _route_outputs(_: Context) -> Outputs:
    return {"origin": "CreateRoute", "state": "active", "instanceId": "", "instanceOwnerId": ""}


def _association_arn(context: Context) -> str:
    place = "arn:{partition}:ec2:{region}:{account}:route-table/{routeTableId}"
    return f"{fill(place, context)}/association/{context.short}"


def _verify_association(context: Context) -> Iterator[Problem]:
    values, world = context.inputs, context.world
    yield from required(values, "subnetId")
    subnet = world.find(text(values, "subnetId") or "")
    table = world.find(text(values, "routeTableId") or "")
    if subnet is None or table is None:
        return
    if network_of(world, subnet) != network_of(world, table):
        yield Problem(
            "routeTableId",
            f"route table {table.short} and subnet {subnet.short} belong to different networks",
            "InvalidParameterValue",
        )
    for other in world.of(ASSOCIATION):
        if other.id != context.id and text(other.inputs, "subnetId") == subnet.short:
            yield Problem(
                "subnetId",
                f"the specified association for route table {table.short} conflicts with an "
                f"existing association: {other.short}",
                "Resource.AlreadyAssociated",
            )
            return


def _association_rules(values: Values) -> Iterator[Problem]:
    yield from not_emulated(values, {"gatewayId": "associate subnets"})


KINDS = (
    Kind(
        type=ROUTE_TABLE,
        identity=ec2("route-table", "rtb"),
        replace_on=("vpcId",),
        references={"vpcId": (VPC,)},
        rules=standard(_table_rules),
        verify=_verify_table,
        outputs=_table_outputs,
        not_found=("InvalidRouteTableID.NotFound", "The routeTable ID '{id}' does not exist"),
        in_use=(
            "DependencyViolation",
            "The routeTable '{id}' has dependencies and cannot be deleted: {by}.",
        ),
    ),
    Kind(
        type=ROUTE,
        identity=Identity(
            arn=_route_arn, id=_route_id, imported="{routeTableId}_{destinationCidrBlock}"
        ),
        replace_on=("routeTableId", *_DESTINATIONS),
        references={
            "routeTableId": (ROUTE_TABLE,),
            "gatewayId": (INTERNET_GATEWAY,),
            "natGatewayId": (NAT_GATEWAY,),
        },
        parent="routeTableId",
        weak=_TARGETS,
        rules=_route_rules,
        verify=_verify_route,
        outputs=_route_outputs,
        exists=("RouteAlreadyExists", "The route {id} already exists."),
    ),
    Kind(
        type=ASSOCIATION,
        identity=Identity(
            arn=_association_arn, id="rtbassoc-{hex17}", imported="{subnetId}/{routeTableId}"
        ),
        replace_on=("subnetId", "gatewayId"),
        references={"routeTableId": (ROUTE_TABLE,), "subnetId": (SUBNET,)},
        # A subnet that is deleted takes its association along; a table can't go before it.
        parent="subnetId",
        rules=_association_rules,
        verify=_verify_association,
        not_found=("InvalidAssociationID.NotFound", "The association ID '{id}' does not exist"),
    ),
)
