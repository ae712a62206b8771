"""What the metadata service knows of one instance, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from sandbox.fabric.aws.sessions import Session


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """An instance profile with its role."""

    arn: str
    id: str
    role: Session
    """Whom the instance acts as."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One instance."""

    id: str
    image: str
    type: str
    account: str
    region: str
    zone: str
    hostname: str
    """Private DNS name: `ip-10-20-0-5.eu-central-1.compute.internal`."""
    address: IPv4Address
    mac: str
    interface: str
    subnet: str
    subnet_range: IPv4Network
    vpc: str
    vpc_range: IPv4Network
    security_groups: Mapping[str, str]
    """Name by id."""
    user_data: bytes = field(repr=False)
    launched: str
    """RFC 3339."""
    lifecycle: str | None = None
    """State that its auto-scaling group brings it to; None: it is in no group."""
    profile: Profile | None = None
    tags: Mapping[str, str] | None = None
    """None: the metadata service does not give them."""
    enabled: bool = True
    tokens_required: bool = True
    hops: int = 1
