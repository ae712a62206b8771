"""What an account may have, all in one table.

Sources: Amazon VPC User Guide, "Amazon VPC quotas"; Elastic Load Balancing, "Quotas for your
Network Load Balancers". The defaults of a new account; codes of "Error codes for the Amazon EC2
API" and of the Elastic Load Balancing API Reference.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from sandbox.control import limits
from sandbox.control.kinds import Context, Problem, Record


@dataclass(frozen=True, slots=True)
class Quota:
    """How many resources of a type there may be."""

    most: int
    code: str
    words: str
    within: str = ""
    """The output that says in which resource (`vpcId`); "": in the region."""


def _reached(what: str) -> str:
    return f"The maximum number of {what} has been reached."


VPCS = Quota(5, "VpcLimitExceeded", _reached("VPCs"))
SUBNETS = Quota(200, "SubnetLimitExceeded", _reached("subnets"), "vpcId")
INTERNET_GATEWAYS = Quota(5, "InternetGatewayLimitExceeded", _reached("internet gateways"))
ELASTIC_ADDRESSES = Quota(5, "AddressLimitExceeded", _reached("addresses"))
NAT_GATEWAYS = Quota(5, "NatGatewayLimitExceeded", _reached("NAT gateways"))
"""In a zone: the kind counts."""
ROUTE_TABLES = Quota(200, "RouteTableLimitExceeded", _reached("route tables"), "vpcId")
ROUTES = Quota(500, "RouteLimitExceeded", _reached("routes"), "routeTableId")
SECURITY_GROUPS = Quota(2500, "SecurityGroupLimitExceeded", _reached("security groups"))
RULES = Quota(
    60,
    "RulesPerSecurityGroupLimitExceeded",
    _reached("rules per security group"),
    "securityGroupId",
)
"""In each direction."""
GROUPS_OF_AN_INTERFACE = 5
GATEWAY_ENDPOINTS = Quota(20, "VpcEndpointLimitExceeded", _reached("VPC endpoints"))
INTERFACE_ENDPOINTS = Quota(50, "VpcEndpointLimitExceeded", _reached("VPC endpoints"), "vpcId")
NETWORK_INTERFACES = Quota(5000, "NetworkInterfaceLimitExceeded", _reached("network interfaces"))
BALANCERS = Quota(
    50, "TooManyLoadBalancers", "You have reached the maximum number of load balancers"
)
TARGET_GROUPS = Quota(
    3000, "TooManyTargetGroups", "You have reached the maximum number of target groups"
)
LISTENERS = Quota(
    50,
    "TooManyListeners",
    "You have reached the maximum number of listeners per load balancer",
    "loadBalancerArn",
)


def verify(
    context: Context, quota: Quota, counts: Callable[[Record], bool] = lambda _: True
) -> Iterator[Problem]:
    """A new resource must stay within the quota; *counts* says which others do."""
    if context.previous is not None:
        return
    place = quota.within or "region"
    wanted = context.inputs.get(quota.within) if quota.within else context.region
    others = context.world.of(context.type)
    most = limits.most(context.world, _name(quota), context.region, quota.most)
    if sum(each.outputs.get(place) == wanted and counts(each) for each in others) >= most:
        yield Problem("", quota.words, quota.code)


@cache
def _named() -> Mapping[str, Quota]:
    """The table above by the names that a person uses: `aws:elastic-addresses`."""
    return {
        f"aws:{name.lower().replace('_', '-')}": value
        for name, value in globals().items()
        if isinstance(value, Quota)
    }


def _name(quota: Quota) -> str:
    return next(name for name, each in _named().items() if each is quota)


def usual() -> Mapping[str, int]:
    """Every quota with AWS's own limit."""
    return {name: quota.most for name, quota in _named().items()}
