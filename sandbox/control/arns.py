"""Amazon resource names, and the short ids that the services' APIs use in their place.

Source: AWS IAM User Guide, "Identify AWS resources with Amazon Resource Names (ARNs)"; Amazon EC2
User Guide, "Resource IDs" (a type's prefix, a hyphen, and 8 or 17 hexadecimal characters).
"""

import re
from typing import NamedTuple

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*)"
    r":(?P<account>[a-z0-9-]*):(?P<resource>[^\s][^\r\n]*)"
)
_GENERATED = re.compile(r"[a-z]{1,12}-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_MAXIMUM = 2048


class Arn(NamedTuple):
    """The parts of an ARN."""

    partition: str
    service: str
    region: str
    """"" for what lives in no region (IAM), and for buckets."""
    account: str
    """"" for buckets; `aws` for what AWS itself provides."""
    resource: str


def is_arn(text: str) -> bool:
    """Whether a string has the form of an ARN."""
    return text[:4] == "arn:" and len(text) <= _MAXIMUM and _ARN.fullmatch(text) is not None


def parse(text: str) -> Arn | None:
    """The parts of an ARN, or None."""
    match = _ARN.fullmatch(text) if len(text) <= _MAXIMUM else None
    return Arn(**match.groupdict()) if match else None


def is_generated(text: str) -> bool:
    """Whether a string has the form of an id that EC2 and its kin make up (`vpc-0f...`)."""
    return len(text) <= 32 and _GENERATED.fullmatch(text) is not None


def region_of(text: str) -> str:
    """The region that an ARN says, or ""."""
    found = parse(text)
    return found.region if found else ""
