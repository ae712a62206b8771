"""How many resources of a type a subscription may have, in a region or in all.

Sources: Azure documentation, "Azure subscription and service limits, quotas, and constraints"
(networking limits, resource group limits) and "Troubleshoot Azure RBAC limits"; "Error messages:
PublicIPCountLimitReached", whose pattern the other networking codes follow here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps

from sandbox.control import ids, limits
from sandbox.control.azure.locations import normal
from sandbox.control.kinds import Context, Kind, Problem, Record
from sandbox.control.reading import text

_IN_REGION = "Cannot create more than {most} {what} for this subscription in this region."


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """The quota of one type."""

    name: str
    most: int
    what: str
    code: str
    words: str = _IN_REGION
    """`{most}`, `{used}`, `{what}` and `{name}`, the new resource's, are filled in."""
    regional: bool = True


COUNTS: Mapping[str, Count] = {
    "azure-native:network:VirtualNetwork": Count(
        name="virtual-networks",
        most=1000,
        what="virtual networks",
        code="VirtualNetworkCountLimitReached",
    ),
    "azure-native:network:NetworkSecurityGroup": Count(
        name="network-security-groups",
        most=5000,
        what="network security groups",
        code="NetworkSecurityGroupCountLimitReached",
    ),
    "azure-native:network:PublicIPAddress": Count(
        name="public-addresses",
        most=1000,
        what="public IP addresses",
        code="PublicIPCountLimitReached",
    ),
    "azure-native:network:LoadBalancer": Count(
        name="load-balancers",
        most=1000,
        what="load balancers",
        code="LoadBalancerCountLimitReached",
    ),
    "azure-native:resources:ResourceGroup": Count(
        name="resource-groups",
        most=980,
        what="resource groups",
        code="ResourceGroupQuotaExceeded",
        words="Creating the resource group '{name}' would exceed the quota of '{most}'. The "
        "current resource group count is '{used}', please delete some resource groups before "
        "creating a new one.",
        regional=False,
    ),
    "azure-native:authorization:RoleAssignment": Count(
        name="role-assignments",
        most=4000,
        what="role assignments",
        code="RoleAssignmentLimitExceeded",
        words="No more role assignments can be created.",
        regional=False,
    ),
}


def counted(kind: Kind) -> Kind:
    """The kind with its quota, if it has one."""
    count = COUNTS.get(kind.type)
    if count is None:
        return kind

    # It stays a rule of the module that knows the kind.
    @wraps(kind.verify)
    def verify(context: Context) -> Iterator[Problem]:
        yield from _verify(context, count)
        yield from kind.verify(context)

    return replace(kind, verify=verify)


def _verify(context: Context, count: Count) -> Iterator[Problem]:
    if context.previous is not None:
        return
    place = normal(text(context.inputs, "location") or "") if count.regional else ""
    most = limits.most(context.world, f"azure-native:{count.name}", place, count.most)
    own = ids.subscription_of(context.id).casefold()

    def takes(other: Record) -> bool:
        here = not place or normal(text(other.inputs, "location") or "") == place
        return here and ids.subscription_of(other.id).casefold() == own

    used = sum(map(takes, context.world.of(context.type)))
    if used >= most:
        words = count.words.format(most=most, used=used, what=count.what, name=context.name)
        yield Problem("", words, count.code)
