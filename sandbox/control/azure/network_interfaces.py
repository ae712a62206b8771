"""Network interfaces (Microsoft.Network/networkInterfaces).

Source: Azure documentation, "Configure IP addresses for an Azure network interface", "Backend pool
management" (all members of a pool lie in one virtual network).
"""

from collections.abc import Iterator
from uuid import UUID

from sandbox.control.azure.addresses import (
    INTERFACE,
    allocated,
    keeping,
    verify_address,
    verify_room,
)
from sandbox.control.azure.arm import (
    name_of,
    named_once,
    not_emulated,
    one_of,
    parent_of,
    provider,
    required,
    same,
    standard,
    verify_region,
)
from sandbox.control.azure.public_addresses import PUBLIC_ADDRESS, verify_free
from sandbox.control.azure.virtual_networks import SUBNET, network_name
from sandbox.control.kinds import (
    Context,
    Kind,
    Outputs,
    Problem,
    Record,
    Values,
)
from sandbox.control.reading import elements, flag, text, texts

NETWORK_INTERFACE = "Microsoft.Network/networkInterfaces"
POOL = "Microsoft.Network/loadBalancers/backendAddressPools"

_LIST = "ipConfigurations"


def _rules(values: Values) -> Iterator[Problem]:
    yield from named_once(values, _LIST)
    for path, configuration in elements(values, _LIST):
        for problem in (
            *one_of(configuration, "privateIPAllocationMethod", ("Static", "Dynamic")),
            *one_of(configuration, "privateIPAddressVersion", ("IPv4",)),
        ):
            yield problem._replace(path=f"{path}.{problem.path}")
    yield from not_emulated(
        values,
        {
            "privateLinkService": "leave it out",
            "extendedLocation": "leave it out",
            "auxiliaryMode": "leave it out",
            "dnsSettings.dnsServers": "the virtual network's name service answers",
            f"{_LIST}[*].applicationGatewayBackendAddressPools": "use a load balancer",
            f"{_LIST}[*].applicationSecurityGroups": "name address ranges in security rules",
            f"{_LIST}[*].loadBalancerInboundNatRules": "leave it out",
            f"{_LIST}[*].gatewayLoadBalancer": "leave it out",
            f"{_LIST}[*].virtualNetworkTaps": "leave it out",
        },
    )


def _verify_shape(values: Values) -> Iterator[Problem]:
    """What must be there; at check it could still have been unknown."""
    configurations = elements(values, _LIST)
    primary = [path for path, found in configurations if flag(found, "primary")]
    if not configurations:
        yield Problem(
            _LIST, "a network interface needs an IP configuration", "InvalidRequestFormat"
        )
    if len(configurations) > 1 and len(primary) != 1:
        yield Problem(
            _LIST,
            f"exactly one IP configuration must be primary, not {len(primary)}",
            "MultiplePrimaryIpConfigurations" if primary else "MissingPrimaryIpConfiguration",
        )
    for path, found in configurations:
        yield from required(values, f"{path}.name")
        method = (text(found, "privateIPAllocationMethod") or "Dynamic").casefold()
        if method == "static":
            yield from required(values, f"{path}.privateIPAddress", code="PrivateIPAddressRequired")
        elif text(found, "privateIPAddress"):
            yield Problem(
                f"{path}.privateIPAllocationMethod",
                "an address of your own needs privateIPAllocationMethod Static",
                "PrivateIPAddressNotAllowed",
            )


def network_of_member(record: Record) -> str:
    """The virtual network of an interface, from its first configuration."""
    subnet = next((found for _, found in texts(record.inputs, f"{_LIST}[*].subnet.id")), "")
    return parent_of(subnet) if subnet else ""


def verify_pool(context: Context, path: str, pool: str, network: str) -> Iterator[Problem]:
    """The pool must lie in the same virtual network as the members that it has already."""
    for member, where in context.world.referrers(pool):
        other = ""
        if member.type == INTERFACE:
            other = network_of_member(member)
        elif ".loadBalancerBackendAddressPools" in where:
            subnet = text(member.inputs, where.partition(".loadBalancerBackend")[0] + ".subnet.id")
            other = parent_of(subnet) if subnet else ""
        if not other or same(member.id, context.id):
            continue
        if not same(other, network):
            yield Problem(
                path,
                f"Backend pool {name_of(pool)} has members in virtual network {name_of(other)}; "
                f"{context.name} is in {name_of(network)}. All members of a backend pool must be "
                f"in "
                "the same virtual network.",
                "NetworkInterfacesInDifferentVirtualNetworks",
            )
        return


def _verify(context: Context) -> Iterator[Problem]:
    yield from _verify_shape(context.inputs)
    yield from verify_region(
        context,
        text(context.inputs, "location"),
        f"{_LIST}[*].subnet.id",
        f"{_LIST}[*].publicIPAddress.id",
        "networkSecurityGroup.id",
    )
    networks: set[str] = set()
    for path, configuration in elements(context.inputs, _LIST):
        subnet = text(configuration, "subnet.id")
        if subnet is None:
            yield Problem(f"{path}.subnet", "is missing", "SubnetRequired")
            continue
        networks.add(parent_of(subnet).casefold())
        if given := text(configuration, "privateIPAddress"):
            yield from verify_address(context, f"{path}.privateIPAddress", subnet, given)
        elif context.previous is None:
            yield from verify_room(context, f"{path}.subnet.id", subnet, 1)
        if address := text(configuration, "publicIPAddress.id"):
            yield from verify_free(context, f"{path}.publicIPAddress.id", address)
        for where, pool in texts(configuration, "loadBalancerBackendAddressPools[*].id"):
            yield from verify_pool(context, f"{path}.{where}", pool, parent_of(subnet))
    if len(networks) > 1:
        yield Problem(
            _LIST,
            "All IP configurations of a network interface must be in one virtual network.",
            "IpConfigurationsInDifferentVirtualNetworks",
        )


def mac(context: Context) -> str:
    """An address from the range that Azure's hosts use (Microsoft, 00-0D-3A)."""
    tail = UUID(context.identifier("macAddress")).hex[:6].upper()
    return f"00-0D-3A-{tail[:2]}-{tail[2:4]}-{tail[4:]}"


def _outputs(context: Context) -> Outputs:
    configurations = allocated(context, _LIST)
    for index, configuration in enumerate(configurations):
        configuration["id"] = f"{context.id}/{_LIST}/{configuration.get('name')}"
        configuration.setdefault("primary", index == 0 and len(configurations) == 1)
        configuration.setdefault("privateIPAllocationMethod", "Dynamic")
        configuration.setdefault("privateIPAddressVersion", "IPv4")
        configuration["provisioningState"] = "Succeeded"
    return {
        _LIST: configurations,
        "resourceGuid": context.identifier("resourceGuid"),
        "macAddress": mac(context),
        "enableAcceleratedNetworking": flag(context.inputs, "enableAcceleratedNetworking") or False,
        "enableIPForwarding": flag(context.inputs, "enableIPForwarding") or False,
        "nicType": "Standard",
    }


_ADDRESSES = keeping(_LIST)

KINDS = (
    Kind(
        type=INTERFACE,
        id_template=provider(NETWORK_INTERFACE, "networkInterfaceName"),
        name=network_name(),
        references={
            f"{_LIST}[*].subnet.id": (SUBNET,),
            f"{_LIST}[*].publicIPAddress.id": (PUBLIC_ADDRESS,),
            f"{_LIST}[*].loadBalancerBackendAddressPools[*].id": (POOL,),
            "networkSecurityGroup.id": ("Microsoft.Network/networkSecurityGroups",),
        },
        parts=(_LIST,),
        rules=standard(NETWORK_INTERFACE, _rules),
        verify=_verify,
        outputs=_outputs,
        created=_ADDRESSES.created,
        updated=_ADDRESSES.updated,
        deleting=_ADDRESSES.deleting,
        in_use=(
            "NicInUse",
            (
                "Network Interface {id} is used by existing resource {by}. In order to delete the "
                "network interface, it must be dissociated from the resource. To learn more, see "
                "aka.ms/deletenic."
            ),
        ),
    ),
)
