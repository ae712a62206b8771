"""Resources of networks that are not worked out: each may let something through, and is named.

What is here is all of the clouds' kinds of such resources that are read, or that let nobody through
by themselves. Any other kind of the same modules is one that nobody has looked at.
"""

import re
from collections.abc import Iterator, Mapping

from operations.export.state import Deployment

PLACE = "not worked out"

KNOWN: Mapping[str, frozenset[str]] = {
    "azure-native:network": frozenset(
        {
            *("NetworkSecurityGroup", "SecurityRule", "VirtualNetwork", "Subnet", "LoadBalancer"),
            *("NetworkInterface", "PrivateEndpoint", "PrivateDnsZoneGroup", "PublicIPAddress"),
            *("NatGateway", "RouteTable", "Route", "FlowLog", "NetworkWatcher"),
            *("PublicIPPrefix", "DdosProtectionPlan", "ApplicationSecurityGroup"),
        }
    ),
    "aws:vpc": frozenset({"SecurityGroupIngressRule", "SecurityGroupEgressRule"}),
    "aws:ec2": frozenset(
        {
            *("Vpc", "Subnet", "SecurityGroup", "DefaultSecurityGroup", "SecurityGroupRule"),
            *("Instance", "LaunchTemplate", "VpcEndpoint", "Eip", "EipAssociation", "FlowLog"),
            *("InternetGateway", "NatGateway", "Route", "RouteTable", "RouteTableAssociation"),
            *("ManagedPrefixList", "KeyPair", "VpcDhcpOptions", "VpcDhcpOptionsAssociation"),
        }
    ),
    "aws:lb": frozenset(
        {"LoadBalancer", "Listener", "ListenerRule", "TargetGroup", "TargetGroupAttachment"}
    ),
}
"""By module."""


def unread(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """Yield what is not worked out in *deployment*."""
    for each in deployment.resources:
        found = re.fullmatch(r"([\w-]+:\w+)(?:/\w+)?:(\w+)", each.type)
        if (
            found
            and each.custom
            and found.group(2) not in KNOWN.get(found.group(1), {found.group(2)})
        ):
            yield PLACE, f"{found.group(2)} '{each.name}'"
