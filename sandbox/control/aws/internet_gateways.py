"""Internet gateways (EC2): one for a VPC.

Sources: Amazon VPC User Guide, "Enable internet access for a VPC using an internet gateway",
"Amazon VPC quotas" (one gateway attached to a VPC at a time); Amazon EC2 API Reference,
"AttachInternetGateway", "DetachInternetGateway".
"""

from collections.abc import Iterator

from sandbox.control.aws import quotas
from sandbox.control.aws.rules import ec2, standard
from sandbox.control.aws.vpcs import VPC
from sandbox.control.kinds import ApiError, Context, Kind, Problem, Record, Transaction, World
from sandbox.control.reading import text

INTERNET_GATEWAY = "aws:ec2/internetGateway:InternetGateway"
_NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"
_BALANCER = "aws:lb/loadBalancer:LoadBalancer"


def gateway_of(world: World, vpc: str) -> Record | None:
    """The gateway of a VPC (by its short id)."""
    found = (each for each in world.of(INTERNET_GATEWAY) if text(each.inputs, "vpcId") == vpc)
    return next(found, None)


def _verify(context: Context) -> Iterator[Problem]:
    vpc = text(context.inputs, "vpcId")
    other = gateway_of(context.world, vpc) if vpc else None
    if other is not None and other.id != context.id:
        yield Problem(
            "vpcId",
            f"resource {vpc} already has an internet gateway attached",
            "Resource.AlreadyAssociated",
        )
    before = text(context.previous.inputs, "vpcId") if context.previous else None
    if before and before != vpc and (by := _mapped(context.world, before)):
        error = _in_use(before, by)
        yield Problem("vpcId", error.message, error.code)
    yield from quotas.verify(context, quotas.INTERNET_GATEWAYS)


def _mapped(world: World, vpc: str) -> str:
    """What has a public address in a VPC, or ""."""
    for nat in world.of(_NAT_GATEWAY):
        subnet = world.find(text(nat.inputs, "subnetId") or "")
        inside = subnet is not None and text(subnet.outputs, "vpcId") == vpc
        if inside and text(nat.outputs, "connectivityType") == "public":
            return nat.short
    for balancer in world.of(_BALANCER):
        if text(balancer.outputs, "vpcId") == vpc and not balancer.outputs.get("internal"):
            return text(balancer.outputs, "name") or balancer.short
    return ""


def _in_use(vpc: str, by: str) -> ApiError:
    return ApiError(
        "DependencyViolation",
        f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) "
        f"before detaching the gateway: {by}.",
    )


def _deleting(record: Record, transaction: Transaction) -> None:
    vpc = text(record.inputs, "vpcId")
    if vpc and (by := _mapped(transaction, vpc)):
        raise _in_use(vpc, by)


KINDS = (
    Kind(
        type=INTERNET_GATEWAY,
        identity=ec2("internet-gateway", "igw"),
        references={"vpcId": (VPC,)},
        rules=standard(),
        verify=_verify,
        deleting=_deleting,
        not_found=(
            "InvalidInternetGatewayID.NotFound",
            "The internetGateway ID '{id}' does not exist",
        ),
    ),
)
