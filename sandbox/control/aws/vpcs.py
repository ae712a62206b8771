"""Virtual private clouds (EC2), each with what AWS makes along with it.

Sources: Amazon VPC User Guide, "VPC CIDR blocks" (/16 to /28), "Amazon VPC quotas" (5 VPCs a
region); Amazon EC2 API Reference, "CreateVpc", "Error codes for the Amazon EC2 API".

A new VPC comes with a main route table, a default network ACL and a default security group. They
are outputs here (`mainRouteTableId`, ...); the group is a resource once a program takes it over
(`aws:ec2/defaultSecurityGroup:DefaultSecurityGroup`).
"""

from collections.abc import Iterator
from ipaddress import IPv4Network

from sandbox.control.aws import quotas
from sandbox.control.aws.addresses import network
from sandbox.control.aws.rules import ec2, not_emulated, one_of, required, standard
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values
from sandbox.control.reading import flag, text

VPC = "aws:ec2/vpc:Vpc"

_UNUSABLE = tuple(
    map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"))
)
"""Local, link-local, multicast and reserved addresses."""


def valid_cidr(values: Values, path: str, code: str) -> Iterator[Problem]:
    """A block of /16 to /28, whose host bits are clear."""
    written = text(values, path)
    if written is None:
        return
    found = network(written)
    if found is None:
        yield Problem(
            path,
            f"Value ({written}) for parameter {path} is invalid. This is not a valid CIDR block.",
            "InvalidParameterValue",
        )
    elif not 16 <= found.prefixlen <= 28 or any(found.overlaps(block) for block in _UNUSABLE):
        yield Problem(path, f"The CIDR '{written}' is invalid.", code)


def _rules(values: Values) -> Iterator[Problem]:
    yield from valid_cidr(values, "cidrBlock", "InvalidVpc.Range")
    yield from one_of(values, "instanceTenancy", ("default", "dedicated"))
    if flag(values, "enableDnsHostnames") and flag(values, "enableDnsSupport") is False:
        yield Problem(
            "enableDnsHostnames",
            "DNS hostnames need DNS support in the VPC: leave enableDnsSupport true",
            "InvalidParameterValue",
        )
    yield from not_emulated(
        values,
        {
            "assignGeneratedIpv6CidrBlock": "the sandbox knows IPv4 only",
            "enableNetworkAddressUsageMetrics": "leave it out",
            "ipv4IpamPoolId": "give cidrBlock",
            "ipv4NetmaskLength": "give cidrBlock",
            "ipv6CidrBlock": "the sandbox knows IPv4 only",
            "ipv6CidrBlockNetworkBorderGroup": "the sandbox knows IPv4 only",
            "ipv6IpamPoolId": "the sandbox knows IPv4 only",
            "ipv6NetmaskLength": "the sandbox knows IPv4 only",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    yield from required(context.inputs, "cidrBlock")
    yield from quotas.verify(context, quotas.VPCS)


def _replaces(old: Values, new: Values) -> Iterator[str]:
    """Machines of a VPC can stop to be on hardware of their own, and not begin to."""
    before, after = (text(each, "instanceTenancy") or "default" for each in (old, new))
    if (before, after) == ("default", "dedicated"):
        yield "instanceTenancy"


def _outputs(context: Context) -> Outputs:
    def made(prefix: str) -> str:
        return f"{prefix}-{context.hexadecimal(prefix, 17)}"

    return {
        "instanceTenancy": text(context.inputs, "instanceTenancy") or "default",
        "enableDnsSupport": flag(context.inputs, "enableDnsSupport") is not False,
        "enableDnsHostnames": flag(context.inputs, "enableDnsHostnames") or False,
        "enableNetworkAddressUsageMetrics": False,
        "assignGeneratedIpv6CidrBlock": False,
        "mainRouteTableId": made("rtb"),
        "defaultRouteTableId": made("rtb"),
        "defaultNetworkAclId": made("acl"),
        "defaultSecurityGroupId": made("sg"),
        "dhcpOptionsId": made("dopt"),
    }


KINDS = (
    Kind(
        type=VPC,
        identity=ec2("vpc", "vpc"),
        replace_on=("cidrBlock",),
        replaces=_replaces,
        rules=standard(_rules),
        verify=_verify,
        outputs=_outputs,
        not_found=("InvalidVpcID.NotFound", "The vpc ID '{id}' does not exist"),
        in_use=(
            "DependencyViolation",
            "The vpc '{id}' has dependencies and cannot be deleted: {by}.",
        ),
    ),
)
