"""NAT gateways (EC2), public with an Elastic IP address, or private.

Sources: Amazon VPC User Guide, "NAT gateways", "NAT gateway basics" (a public one needs an internet
gateway in its VPC and one Elastic IP address that nothing else has), "Amazon VPC quotas" (5 in a
zone); Amazon EC2 API Reference, "CreateNatGateway"; Terraform provider aws, `aws_nat_gateway`.

AWS does not ask for a route from the gateway's subnet to the internet gateway: without one it is
created, and leads nowhere.
"""

from collections.abc import Iterator

from sandbox.control.aws import addresses, quotas
from sandbox.control.aws.addresses import SUBNET
from sandbox.control.aws.elastic_addresses import ELASTIC_ADDRESS, user_of
from sandbox.control.aws.internet_gateways import gateway_of
from sandbox.control.aws.network_interfaces import place, short_of
from sandbox.control.aws.rules import ec2, not_emulated, one_of, required, standard
from sandbox.control.kinds import (
    Context,
    Kind,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
)
from sandbox.control.reading import text

NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"


def _is_public(values: Values) -> bool:
    return (text(values, "connectivityType") or "public") == "public"


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "connectivityType", ("public", "private"))
    yield from one_of(values, "availabilityMode", ("zonal",))
    if not _is_public(values) and "allocationId" in values:
        yield Problem(
            "allocationId",
            "a private NAT gateway has no Elastic IP address",
            "InvalidParameterCombination",
        )
    yield from not_emulated(
        values,
        {
            "availabilityZoneAddresses": "make one gateway a zone",
            "secondaryAllocationIds": "give allocationId",
            "secondaryPrivateIpAddressCount": "leave it out",
            "secondaryPrivateIpAddresses": "leave it out",
            "vpcId": "give subnetId",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    values, world = context.inputs, context.world
    yield from required(values, "subnetId")
    subnet = world.find(text(values, "subnetId") or "")
    if subnet is None:
        return
    if wanted := text(values, "privateIp"):
        yield from addresses.verify(context, "privateIp", subnet, wanted)
    if _is_public(values):
        yield from required(values, "allocationId")
        yield from _verify_public(context, subnet)
    zone = text(subnet.outputs, "availabilityZone")

    def in_the_zone(other: Record) -> bool:
        place = world.find(text(other.inputs, "subnetId") or "")
        return place is not None and text(place.outputs, "availabilityZone") == zone

    yield from quotas.verify(context, quotas.NAT_GATEWAYS, in_the_zone)


def _verify_public(context: Context, subnet: Record) -> Iterator[Problem]:
    vpc = text(subnet.outputs, "vpcId") or ""
    if gateway_of(context.world, vpc) is None:
        yield Problem(
            "subnetId", f"Network {vpc} has no Internet gateway attached", "Gateway.NotAttached"
        )
    allocation = text(context.inputs, "allocationId")
    if allocation and user_of(context.world, allocation, context.id):
        yield Problem(
            "allocationId",
            f"Elastic IP address [{allocation}] is already associated",
            "Resource.AlreadyAssociated",
        )


def _outputs(context: Context) -> Outputs:
    values = context.inputs
    subnet = context.world.find(text(values, "subnetId") or "")
    private = text(context.previous.outputs, "privateIp") if context.previous else None
    if subnet is not None and private is None:
        private = text(values, "privateIp") or addresses.next_free(context.world, subnet)
    address = context.world.find(text(values, "allocationId") or "")
    return {
        "associationId": f"eipassoc-{context.hexadecimal('association', 17)}" if address else None,
        "availabilityMode": "zonal",
        "connectivityType": text(values, "connectivityType") or "public",
        "networkInterfaceId": short_of(context, subnet.short) if subnet else None,
        "privateIp": private,
        "publicIp": text(address.outputs, "publicIp") if address else "",
        "secondaryPrivateIpAddresses": [],
        "secondaryPrivateIpAddressCount": 0,
        "vpcId": text(subnet.outputs, "vpcId") if subnet else None,
    }


def _created(context: Context, transaction: Transaction) -> None:
    record = transaction.find(context.id)
    subnet = transaction.find(text(context.inputs, "subnetId") or "")
    address = text(record.outputs, "privateIp") if record else None
    if subnet is not None and address:
        description = f"Interface for NAT Gateway {context.short}"
        place(context, transaction, subnet, address, (), kind="nat_gateway",
              description=description)  # fmt: skip


KINDS = (
    Kind(
        type=NAT_GATEWAY,
        identity=ec2("natgateway", "nat"),
        replace_on=("allocationId", "connectivityType", "privateIp", "subnetId"),
        references={"allocationId": (ELASTIC_ADDRESS,), "subnetId": (SUBNET,)},
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        created=_created,
        not_found=("NatGatewayNotFound", "The Nat Gateway {id} was not found"),
    ),
)
