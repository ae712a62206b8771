"""What the parts of an environment on AWS know of their place, beyond `components.parts.Site`."""

from dataclasses import dataclass

import pulumi

from components.parts import Site


@dataclass(frozen=True, kw_only=True, slots=True)
class AwsSite(Site):
    """Made by the foundation; every part gets it as a `Site` and asks for it with `of`."""

    account: pulumi.Output[str]
    """Twelve digits."""

    key_arn: pulumi.Output[str]
    """The environment's KMS key: secrets, database, logs, objects and notices are encrypted
    with it. Nodes' disks are not (`components.aws.machine` says why)."""

    prefix: pulumi.Output[str]
    """Begins names that AWS keeps for a while or shares between accounts: 23 characters at most,
    lower-case, the last six random, so that an environment can be made anew at once."""

    @property
    def region(self) -> str:
        """AWS's word for the location."""
        return self.location

    @property
    def partition(self) -> str:
        """What ARNs begin with after `arn:`."""
        return partition(self.region)

    def arn(self, service: str, resource: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return the ARN of a *resource* of the environment's region and account."""
        place = f"arn:{self.partition}:{service}:{self.region}:"
        return pulumi.Output.concat(place, self.account, ":", resource)


def partition(region: str) -> str:
    """Return what ARNs of *region* begin with after `arn:` ("Amazon Resource Names (ARNs)")."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def of(site: Site) -> AwsSite:
    """Return *site* as what it is on AWS.

    Raises:
        TypeError: for the site of another cloud.
    """
    if not isinstance(site, AwsSite):
        raise TypeError(f"a part on AWS was given the site of another cloud: {type(site).__name__}")
    return site
