"""Subnets (EC2): each in one zone of a VPC.

Sources: Amazon VPC User Guide, "Subnet CIDR blocks" (/16 to /28), "Amazon VPC quotas"; Amazon EC2
API Reference, "CreateSubnet", "Error codes for the Amazon EC2 API"; Terraform provider aws,
`aws_subnet` (what forces a new resource).
"""

from collections.abc import Iterator

from sandbox.control.aws import quotas
from sandbox.control.aws.addresses import SUBNET, block, network
from sandbox.control.aws.regions import zones
from sandbox.control.aws.rules import (
    ec2,
    not_emulated,
    one_of,
    required,
    standard,
    together,
    verify_zone,
)
from sandbox.control.aws.vpcs import VPC, valid_cidr
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values
from sandbox.control.reading import flag, text


def _rules(values: Values) -> Iterator[Problem]:
    yield from valid_cidr(values, "cidrBlock", "InvalidSubnet.Range")
    yield from together(values, "availabilityZone", "availabilityZoneId")
    yield from one_of(values, "privateDnsHostnameTypeOnLaunch", ("ip-name", "resource-name"))
    yield from not_emulated(
        values,
        {
            "assignIpv6AddressOnCreation": "the sandbox knows IPv4 only",
            "customerOwnedIpv4Pool": "leave it out",
            "enableDns64": "the sandbox knows IPv4 only",
            "enableLniAtDeviceIndex": "leave it out",
            "enableResourceNameDnsAaaaRecordOnLaunch": "the sandbox knows IPv4 only",
            "ipv4IpamPoolId": "give cidrBlock",
            "ipv4NetmaskLength": "give cidrBlock",
            "ipv6CidrBlock": "the sandbox knows IPv4 only",
            "ipv6IpamPoolId": "the sandbox knows IPv4 only",
            "ipv6Native": "the sandbox knows IPv4 only",
            "ipv6NetmaskLength": "the sandbox knows IPv4 only",
            "mapCustomerOwnedIpOnLaunch": "leave it out",
            "outpostArn": "leave it out",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    yield from required(context.inputs, "cidrBlock")
    yield from verify_zone(context, "availabilityZone", text(context.inputs, "availabilityZone"))
    zone = text(context.inputs, "availabilityZoneId")
    if zone is not None and zone not in zones(context.region).values():
        yield Problem(
            "availabilityZoneId",
            f"Value ({zone}) for parameter availabilityZoneId is invalid.",
            "InvalidParameterValue",
        )
    vpc = context.world.find(text(context.inputs, "vpcId") or "")
    prefix = network(text(context.inputs, "cidrBlock"))
    if vpc is None or prefix is None:
        return
    if not prefix.subnet_of(block(vpc)):
        yield Problem("cidrBlock", f"The CIDR '{prefix}' is invalid.", "InvalidSubnet.Range")
    for other in context.world.of(SUBNET):
        if other.id == context.id or text(other.outputs, "vpcId") != vpc.short:
            continue
        if prefix.overlaps(block(other)):
            yield Problem(
                "cidrBlock",
                f"The CIDR '{prefix}' conflicts with another subnet",
                "InvalidSubnet.Conflict",
            )
            break
    yield from quotas.verify(context, quotas.SUBNETS)


def _zone(context: Context) -> tuple[str, str]:
    """The zone, and its id; without a wish the region's first one."""
    known = zones(context.region)
    name, wanted = (
        text(context.inputs, "availabilityZone"),
        text(context.inputs, "availabilityZoneId"),
    )
    if name is None:
        first = next(iter(known), "")
        name = next((each for each, zone in known.items() if zone == wanted), first)
    return name, known.get(name, "")


def _outputs(context: Context) -> Outputs:
    name, zone = _zone(context)
    return {
        "availabilityZone": name,
        "availabilityZoneId": zone,
        "assignIpv6AddressOnCreation": False,
        "enableDns64": False,
        "enableResourceNameDnsARecordOnLaunch": (
            flag(context.inputs, "enableResourceNameDnsARecordOnLaunch") or False
        ),
        "enableResourceNameDnsAaaaRecordOnLaunch": False,
        "ipv6Native": False,
        "mapPublicIpOnLaunch": flag(context.inputs, "mapPublicIpOnLaunch") or False,
        "privateDnsHostnameTypeOnLaunch": (
            text(context.inputs, "privateDnsHostnameTypeOnLaunch") or "ip-name"
        ),
    }


KINDS = (
    Kind(
        type=SUBNET,
        identity=ec2("subnet", "subnet"),
        replace_on=("availabilityZone", "availabilityZoneId", "cidrBlock", "vpcId"),
        references={"vpcId": (VPC,)},
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        not_found=("InvalidSubnetID.NotFound", "The subnet ID '{id}' does not exist"),
        in_use=(
            "DependencyViolation",
            "The subnet '{id}' has dependencies and cannot be deleted: {by}.",
        ),
    ),
)
