"""What an account may have, all in one table.

Sources: Amazon VPC User Guide, "Amazon VPC quotas"; Amazon EC2 User Guide, "Elastic IP addresses";
Elastic Load Balancing User Guide, "Quotas for your Network Load Balancers". The
defaults of a new account.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.control.kinds import Context, Problem, Record


@dataclass(frozen=True, slots=True)
class Quota:
    """How many resources of a type there may be."""

    most: int
    code: str
    words: str
    """`{most}` is filled in."""
    within: str = ""
    """The input that says in which resource; "": in the region."""
    counts: Callable[[Record], bool] = lambda _: True


VPCS = Quota(5, "VpcLimitExceeded", "The maximum number of VPCs has been reached.")


def verify(context: Context, quota: Quota) -> Iterator[Problem]:
    """A new resource must stay within the quota."""
    if context.previous is not None:
        return
    place = quota.within or "region"
    wanted = context.inputs.get(quota.within) if quota.within else context.region
    found = sum(
        other.outputs.get(place) == wanted and quota.counts(other)
        for other in context.world.of(context.type)
    )
    if found >= quota.most:
        yield Problem("", quota.words.format(most=quota.most), quota.code)
