"""AWS-managed prefix lists: the addresses of services that gateway endpoints lead to.

Source: Amazon VPC User Guide, "AWS-managed prefix lists" (`com.amazonaws.REGION.s3` and
`...dynamodb`, owned by AWS). Ids and addresses differ by region; here an id comes from the name,
and the addresses are one block a service.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from sandbox.control.aws.regions import REGIONS

BLOCKS = {"s3": "192.0.2.0/24", "dynamodb": "198.51.100.0/24"}
"""The addresses of a service, in every region: of documentation (RFC 5737), never the real ones."""


class PrefixList(NamedTuple):
    """One list in one region."""

    id: str
    name: str
    region: str
    blocks: tuple[str, ...]

    @property
    def arn(self) -> str:
        """Its ARN; it belongs to AWS."""
        return f"arn:aws:ec2:{self.region}:aws:prefix-list/{self.id}"


def of(region: str) -> Iterator[PrefixList]:
    """The lists of a region."""
    for service, block in BLOCKS.items() if region in REGIONS else ():
        name = f"com.amazonaws.{region}.{service}"
        made = hashlib.sha256(name.encode()).hexdigest()[:8]
        yield PrefixList(f"pl-{made}", name, region, (block,))


def find(target: str, region: str = "") -> PrefixList | None:
    """The list with this id, or name; of a region or of any."""
    regions = [region] if region else REGIONS
    found = (each for name in regions for each in of(name) if target in (each.id, each.name))
    return next(found, None)
