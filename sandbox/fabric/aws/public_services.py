"""The services of a region that the sandbox has, their public addresses and names.

AWS's own addresses are public and many; here each service has one, of a range that is routed
nowhere (RFC 7526, the former relays of 6to4), and the object store's lies in the prefix list that
the control plane gives.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from sandbox.control.aws import prefix_lists

STORE = "s3"
TRUST = "rds-truststore"
CALLED = ("secretsmanager", "autoscaling", "sts")
"""Services whose calls are signed, beside the object store."""

_RANGE = IPv4Network("192.88.99.0/24")


def addresses(region: str) -> Mapping[str, IPv4Address]:
    """The public address of each service."""
    found = {name: _RANGE[number] for number, name in enumerate((*CALLED, TRUST), 1)}
    for listed in prefix_lists.of(region):
        if listed.name == f"com.amazonaws.{region}.{STORE}":
            found[STORE] = IPv4Network(listed.blocks[0])[1]
    return found


def hosts(service: str, region: str) -> tuple[str, ...]:
    """The names that a service answers to, and its certificate is for."""
    if service == TRUST:
        return ("truststore.pki.rds.amazonaws.com",)
    own = f"{service}.{region}.amazonaws.com"
    return (own, f"*.{own}") if service == STORE else (own,)
