"""Public IP addresses (Microsoft.Network/publicIPAddresses), Standard SKU.

Sources: Azure documentation, "Public IP addresses in Azure" (Standard is static, Basic was
retired on 30 September 2025), "Naming rules and restrictions for Azure resources" (DNS labels),
and azure-native's provider/pkg/gen/replacement.go (what it replaces for).
"""

import re
from collections.abc import Iterator

from sandbox.control import public_pool
from sandbox.control.azure.arm import (
    not_emulated,
    one_of,
    provider,
    same,
    standard,
    within,
    zones_are_fixed,
)
from sandbox.control.azure.locations import normal
from sandbox.control.azure.virtual_networks import network_name
from sandbox.control.kinds import (
    CloudError,
    Context,
    Kind,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import mapping, number, text

PUBLIC_ADDRESS = "Microsoft.Network/publicIPAddresses"
KIND = "azure-native:network:PublicIPAddress"

_LABEL = re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]")


_RETIRED = Problem(
    "sku.name",
    "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in this "
    "region: the Basic SKU is retired, set sku.name to Standard.",
    "IPv4BasicSkuPublicIpCountLimitReached",
)
_NOT_STATIC = Problem(
    "publicIPAllocationMethod",
    "Standard sku publicIp must have AllocationMethod set to Static.",
    "StandardSkuPublicIPAddressesMustUseStaticAllocation",
)


def _rules(values: Values) -> Iterator[Problem]:
    sku = text(values, "sku.name")
    if sku is not None and sku.casefold() == "basic":
        yield _RETIRED
    elif sku is not None and sku.casefold() != "standard":
        yield Problem("sku.name", f"the sandbox does not emulate {sku!r}: use Standard")
    if text(values, "publicIPAllocationMethod") not in (None, "Static"):
        yield _NOT_STATIC
    yield from one_of(values, "publicIPAddressVersion", ("IPv4",))
    yield from one_of(values, "sku.tier", ("Regional",))
    yield from within(values, "idleTimeoutInMinutes", 4, 30)
    label = text(values, "dnsSettings.domainNameLabel")
    if label is not None and not _LABEL.fullmatch(label):
        yield Problem(
            "dnsSettings.domainNameLabel",
            f"The domain name label {label} is invalid. It must conform to the following regular "
            "expression: ^[a-z][a-z0-9-]{1,61}[a-z0-9]$.",
            "InvalidDomainNameLabel",
        )
    yield from not_emulated(
        values,
        {
            "publicIPPrefix": "leave it out",
            "natGateway": "name this address in the NAT gateway's publicIpAddresses",
            "linkedPublicIPAddress": "leave it out",
            "servicePublicIPAddress": "leave it out",
            "ddosSettings": "leave it out",
            "extendedLocation": "leave it out",
            "ipAddress": "Azure chooses the address",
            "ipTags": "leave it out",
            "dnsSettings.domainNameLabelScope": "leave it out",
            "dnsSettings.reverseFqdn": "leave it out",
        },
    )


def _fqdn(values: Values) -> str | None:
    label, location = text(values, "dnsSettings.domainNameLabel"), text(values, "location")
    return f"{label}.{normal(location)}.cloudapp.azure.com" if label and location else None


def _verify_label(context: Context) -> Iterator[Problem]:
    """A DNS label is unique in its region, over all subscriptions."""
    wanted = _fqdn(context.inputs)
    for other in context.world.of(KIND) if wanted else ():
        if not same(other.id, context.id) and _fqdn(other.inputs) == wanted:
            yield Problem(
                "dnsSettings.domainNameLabel",
                f"DNS record {wanted} is already used by another public IP.",
                "DnsRecordInUse",
            )


def _verify(context: Context) -> Iterator[Problem]:
    # The defaults are Basic and Dynamic, which no address can have any more.
    if not text(context.inputs, "sku.name"):
        yield _RETIRED
    elif not text(context.inputs, "publicIPAllocationMethod"):
        yield _NOT_STATIC
    yield from zones_are_fixed(context)
    yield from _verify_label(context)


def _address(context: Context) -> str:
    if context.previous is not None and (kept := text(context.previous.outputs, "ipAddress")):
        return kept
    if found := public_pool.choose(context):
        return found
    pool = public_pool.pool(context.world)
    raise CloudError(
        "PublicIPCountLimitReached",
        f"Cannot create more than {pool.num_addresses - 3} public IP addresses in this sandbox: "
        f"all of {pool} are in use.",
    )


def _outputs(context: Context) -> Outputs:
    settings = dict(mapping(context.inputs, "dnsSettings"))
    if fqdn := _fqdn(context.inputs):
        settings["fqdn"] = fqdn
    return {
        "ipAddress": _address(context),
        "resourceGuid": context.identifier("resourceGuid"),
        "idleTimeoutInMinutes": number(context.inputs, "idleTimeoutInMinutes") or 4,
        "publicIPAddressVersion": "IPv4",
        "sku": {"name": "Standard", "tier": "Regional"},
        "dnsSettings": settings or None,
    }


def _created(context: Context, transaction: Transaction) -> None:
    record = transaction.find(context.id)
    if record is not None:
        public_pool.take(transaction, text(record.outputs, "ipAddress"), context.id)


def _deleting(record: Record, transaction: Transaction) -> None:
    public_pool.give_back(transaction, text(record.outputs, "ipAddress"))


def verify_free(context: Context, path: str, address: str) -> Iterator[Problem]:
    """A public address serves one frontend, NAT gateway or interface at a time."""
    for user, _ in context.world.referrers(address):
        if not same(user.id, context.id):
            yield Problem(
                path,
                f"Resource {context.id} is referencing public IP address {address} that is already "
                f"allocated to resource {user.id}.",
                "PublicIPAddressInUse",
            )
            return


def zones_of(world: World, address: str) -> list[str]:
    """The zones of an existing public address."""
    record = world.find(address)
    found = record.inputs.get("zones") if record else None
    return [zone for zone in found if isinstance(zone, str)] if isinstance(found, list) else []


KINDS = (
    Kind(
        type=KIND,
        id_template=provider(PUBLIC_ADDRESS, "publicIpAddressName"),
        name=network_name(),
        replace_on=("publicIPAddressVersion", "publicIPPrefix", "sku"),
        rules=standard(PUBLIC_ADDRESS, _rules),
        verify=_verify,
        outputs=_outputs,
        created=_created,
        deleting=_deleting,
        in_use=(
            "PublicIPAddressCannotBeDeleted",
            (
                "Public IP address {id} can not be deleted since it is still allocated to resource "
                "{by}. In order to delete the public IP, disassociate/detach the Public IP address "
                "from the resource. To learn how to do this, see aka.ms/deletepublicip."
            ),
        ),
    ),
)
