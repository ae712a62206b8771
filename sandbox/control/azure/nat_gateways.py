"""NAT gateways (Microsoft.Network/natGateways), Standard SKU.

Sources: Azure documentation, "Design virtual networks with Azure NAT Gateway" (one zone or none, up
to 16 Standard public addresses), "NAT Gateway and availability zones", "Azure NAT Gateway resource"
(idle timeout 4 to 120 minutes).
"""

from collections.abc import Iterator

from sandbox.control.azure.arm import (
    not_emulated,
    one_of,
    provider,
    required,
    standard,
    verify_region,
    within,
    zones_are_fixed,
)
from sandbox.control.azure.public_addresses import PUBLIC_ADDRESS, verify_free, zones_of
from sandbox.control.azure.virtual_networks import network_name
from sandbox.control.kinds import Context, Kind, Outputs, Problem, Values
from sandbox.control.reading import number, text, texts

NAT_GATEWAY = "Microsoft.Network/natGateways"


def _rules(values: Values) -> Iterator[Problem]:
    yield from one_of(values, "sku.name", ("Standard",))
    yield from within(values, "idleTimeoutInMinutes", 4, 120)
    zones = texts(values, "zones[*]")
    if len(zones) > 1:
        yield Problem(
            "zones",
            f"a Standard NAT gateway lies in one zone or in none, not in {len(zones)}",
            "NatGatewayWithMultipleZones",
        )
    addresses = texts(values, "publicIpAddresses[*].id")
    if len(addresses) > 16:
        yield Problem(
            "publicIpAddresses",
            f"holds {len(addresses)} addresses; a NAT gateway takes up to 16",
            "NatGatewayMaxPublicIpAddressesExceeded",
        )
    yield from not_emulated(values, {"publicIpPrefixes": "name publicIpAddresses"})


def _verify(context: Context) -> Iterator[Problem]:
    yield from required(context.inputs, "sku.name")
    yield from verify_region(context, text(context.inputs, "location"), "publicIpAddresses[*].id")
    yield from zones_are_fixed(context)
    own = [zone for _, zone in texts(context.inputs, "zones[*]")]
    for path, address in texts(context.inputs, "publicIpAddresses[*].id"):
        yield from verify_free(context, path, address)
        zones = zones_of(context.world, address)
        if own and len(zones) == 1 and zones != own:
            yield Problem(
                path,
                f"NAT gateway {context.id} of zone {own[0]} cannot use public IP address {address} "
                f"of zone {zones[0]}.",
                "NatGatewayPublicIpZoneMismatch",
            )


def _outputs(context: Context) -> Outputs:
    return {
        "resourceGuid": context.identifier("resourceGuid"),
        "idleTimeoutInMinutes": number(context.inputs, "idleTimeoutInMinutes") or 4,
    }


KINDS = (
    Kind(
        type="azure-native:network:NatGateway",
        id_template=provider(NAT_GATEWAY, "natGatewayName"),
        name=network_name(),
        references={"publicIpAddresses[*].id": (PUBLIC_ADDRESS,)},
        rules=standard(NAT_GATEWAY, _rules),
        verify=_verify,
        outputs=_outputs,
        in_use=(
            "InUseNatGatewayCannotBeDeleted",
            "NAT gateway {id} cannot be deleted because it is in use by {by}.",
        ),
    ),
)
