"""Virtual networks and subnets (Microsoft.Network/virtualNetworks).

Sources: Azure documentation, "Azure Virtual Network frequently asked questions" (prefixes that
can't be used, /29 as the smallest subnet), "Naming rules and restrictions for Azure resources",
"Default outbound access in Azure", "Manage network policies for private endpoints".
"""

from collections.abc import Iterator
from ipaddress import IPv4Network

from sandbox.control.azure.addresses import network, subnet_prefix
from sandbox.control.azure.arm import (
    name_of,
    not_emulated,
    one_of,
    parent_of,
    provider,
    same,
    standard,
    verify_region,
)
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values
from sandbox.control.paths import get
from sandbox.control.reading import present, text, texts

VIRTUAL_NETWORK = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"

NETWORK_NAME_PATTERN = r"[A-Za-z0-9]([\w.-]*\w)?"
NETWORK_NAME_WORDS = (
    "letters, digits, underscores, periods and hyphens; starts with a letter or digit, "
    "ends with a letter, digit or underscore"
)

_UNUSABLE = tuple(
    IPv4Network(prefix)
    for prefix in (
        "224.0.0.0/4",
        "255.255.255.255/32",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "168.63.129.16/32",
    )
)
"""Multicast, broadcast, loopback, link-local, and the platform's own DNS and probe address."""

_DELEGATIONS = (
    "Microsoft.DBforPostgreSQL/flexibleServers",
    "Microsoft.ContainerInstance/containerGroups",
    "Microsoft.Web/serverFarms",
    "Microsoft.Sql/managedInstances",
)


def network_name(maximum: int = 80, minimum: int = 1) -> Name:
    """The rule that most names below Microsoft.Network obey."""
    return Name(
        pattern=NETWORK_NAME_PATTERN, minimum=minimum, maximum=maximum, words=NETWORK_NAME_WORDS
    )


def _prefix_problems(path: str, written: str, smallest: int) -> Iterator[Problem]:
    found = network(written)
    if found is None:
        try:
            loose = IPv4Network(written, strict=False)
        except ValueError:
            yield Problem(
                path,
                f"Address prefix {written} is not formatted correctly. It should follow CIDR "
                "notation, for example 10.0.0.0/24 (the sandbox knows IPv4 only).",
                "InvalidAddressPrefixFormat",
            )
            return
        yield Problem(
            path,
            f"The address prefix {written} has an invalid CIDR notation. For the given prefix "
            f"length, the address prefix should be {loose}.",
            "InvalidCIDRNotation",
        )
        return
    if not 2 <= found.prefixlen <= smallest:
        yield Problem(
            path,
            f"Address prefix {written} must be /2 to /{smallest}: Azure keeps 5 addresses of each "
            "subnet.",
            "InvalidAddressPrefixFormat",
        )
    for unusable in _UNUSABLE:
        if found.overlaps(unusable):
            yield Problem(
                path,
                f"Address prefix {written} overlaps {unusable}, which Azure does not route.",
                "AddressPrefixNotAllowed",
            )


def _space_rules(values: Values) -> Iterator[Problem]:
    given = texts(values, "addressSpace.addressPrefixes[*]")
    found = [(path, network(prefix)) for path, prefix in given]
    for path, prefix in given:
        yield from _prefix_problems(path, prefix, 29)
    for index, (path, one) in enumerate(found):
        for _, other in found[:index]:
            if one and other and one.overlaps(other):
                yield Problem(
                    path,
                    f"Address prefix {one} overlaps {other} of the same virtual network.",
                    "AddressPrefixesOverlap",
                )
    if present(values, "addressSpace") and get(values, "addressSpace.addressPrefixes") == []:
        yield Problem("addressSpace.addressPrefixes", "needs at least one prefix", "InvalidRequest")
    yield from not_emulated(
        values,
        {
            "subnets": "declare each subnet as an azure-native:network:Subnet, so that no subnet "
            "is "
            "both inline and standalone",
            "virtualNetworkPeerings": "leave peerings out",
            "ddosProtectionPlan": "leave it out",
            "enableDdosProtection": "leave it out",
            "encryption": "leave it out",
            "bgpCommunities": "leave it out",
            "extendedLocation": "leave it out",
            "ipAllocations": "give addressSpace.addressPrefixes",
            "addressSpace.ipamPoolPrefixAllocations": "give addressSpace.addressPrefixes",
        },
    )


def _space(values: Values) -> list[IPv4Network]:
    prefixes = texts(values, "addressSpace.addressPrefixes[*]")
    return [found for _, prefix in prefixes if (found := network(prefix)) is not None]


def _verify_space(context: Context) -> Iterator[Problem]:
    """A prefix that a subnet lies in can't be taken away."""
    space = _space(context.inputs)
    for child in context.world.children(context.id):
        prefix = subnet_prefix(child.inputs)
        if prefix and not any(prefix.subnet_of(known) for known in space):
            yield Problem(
                "addressSpace.addressPrefixes",
                f"IpPrefix {prefix} on Vnet {context.name} has active allocations and cannot be "
                f"deleted: subnet {name_of(child.id)} lies in it.",
                "InUsePrefixCannotBeDeleted",
            )


def _network_outputs(context: Context) -> Outputs:
    return {
        "resourceGuid": context.identifier("resourceGuid"),
        "enableDdosProtection": False,
        "privateEndpointVNetPolicies": text(context.inputs, "privateEndpointVNetPolicies")
        or "Disabled",
    }


def _subnet_rules(values: Values) -> Iterator[Problem]:
    given = texts(values, "addressPrefix") + texts(values, "addressPrefixes[*]")
    for path, prefix in given:
        yield from _prefix_problems(path, prefix, 29)
    if present(values, "addressPrefix") and present(values, "addressPrefixes"):
        yield Problem("addressPrefixes", "give addressPrefix or addressPrefixes, not both")
    if len(given) > 1:
        yield Problem("addressPrefixes", "the sandbox does not emulate more than one: give one")
    yield from one_of(
        values,
        "privateEndpointNetworkPolicies",
        ("Disabled", "Enabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled"),
    )
    yield from one_of(values, "privateLinkServiceNetworkPolicies", ("Disabled", "Enabled"))
    yield from one_of(values, "delegations[*].serviceName", _DELEGATIONS, "InvalidServiceName")
    yield from not_emulated(
        values,
        {
            "routeTable": "leave it out: the virtual network's own routes apply",
            "serviceEndpoints": "use a private endpoint",
            "serviceEndpointPolicies": "use a private endpoint",
            "serviceGateway": "leave it out",
            "sharingScope": "leave it out",
            "applicationGatewayIPConfigurations": "leave it out",
            "ipAllocations": "give addressPrefix",
            "ipamPoolPrefixAllocations": "give addressPrefix",
        },
    )


def _verify_subnet(context: Context) -> Iterator[Problem]:
    parent = context.world.find(parent_of(context.id))
    prefix = subnet_prefix(context.inputs)
    location = text(parent.inputs, "location") if parent else None
    yield from verify_region(context, location, "networkSecurityGroup.id", "natGateway.id")
    if parent is None or prefix is None:
        if parent is not None:
            yield Problem(
                "addressPrefix",
                f"Subnet '{context.name}' does not specify an address prefix.",
                "NetcfgInvalidSubnet",
            )
        return
    if not any(prefix.subnet_of(known) for known in _space(parent.inputs)):
        yield Problem(
            "addressPrefix",
            f"Subnet '{context.name}' is not valid because its IP address range is outside the IP "
            f"address range of virtual network '{name_of(parent.id)}'.",
            "NetcfgSubnetRangeOutsideVnet",
        )
    for sibling in context.world.children(parent.id):
        other = subnet_prefix(sibling.inputs)
        if other and not same(sibling.id, context.id) and prefix.overlaps(other):
            yield Problem(
                "addressPrefix",
                f"Subnet '{context.name}' is not valid because its IP address range overlaps with "
                f"that of an existing subnet in virtual network '{name_of(parent.id)}': "
                f"{name_of(sibling.id)} has {other}.",
                "NetcfgSubnetRangesOverlap",
            )
    yield from _verify_resize(context, prefix)


def _verify_resize(context: Context, prefix: IPv4Network) -> Iterator[Problem]:
    before = subnet_prefix(context.previous.inputs) if context.previous else None
    if before in (None, prefix):
        return
    user = next(iter(context.world.referrers(context.id)), None)
    if user is not None:
        yield Problem(
            "addressPrefix",
            f"Subnet {context.name} is in use by {user[0].id} and cannot be updated.",
            "InUseSubnetCannotBeUpdated",
        )


def _subnet_outputs(context: Context) -> Outputs:
    return {
        "privateEndpointNetworkPolicies": text(context.inputs, "privateEndpointNetworkPolicies")
        or "Disabled",
        "privateLinkServiceNetworkPolicies": text(
            context.inputs, "privateLinkServiceNetworkPolicies"
        )
        or "Enabled",
    }


KINDS = (
    Kind(
        type="azure-native:network:VirtualNetwork",
        id_template=provider(VIRTUAL_NETWORK, "virtualNetworkName"),
        name=network_name(64, 2),
        rules=standard(VIRTUAL_NETWORK, _space_rules),
        verify=_verify_space,
        outputs=_network_outputs,
        in_use=(
            "InUseVirtualNetworkCannotBeDeleted",
            "Virtual network {name} is in use by {by} and cannot be deleted.",
        ),
    ),
    Kind(
        type="azure-native:network:Subnet",
        id_template=provider(SUBNET, "virtualNetworkName", "subnetName"),
        name=network_name(),
        references={
            "networkSecurityGroup.id": ("Microsoft.Network/networkSecurityGroups",),
            "natGateway.id": ("Microsoft.Network/natGateways",),
        },
        parts=("delegations",),
        rules=_subnet_rules,
        verify=_verify_subnet,
        outputs=_subnet_outputs,
        in_use=(
            "InUseSubnetCannotBeDeleted",
            (
                "Subnet {name} is in use by {by} and cannot be deleted. In order to delete the "
                "subnet, "
                "delete all the resources within the subnet. See aka.ms/deletesubnet."
            ),
        ),
    ),
)
