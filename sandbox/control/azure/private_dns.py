"""Private DNS zones, their links to virtual networks and their records (Microsoft.Network).

Sources: Azure documentation, "What is an Azure Private DNS zone?", "What is a virtual network
link?", "Azure DNS limits", "Naming rules and restrictions for Azure resources".
"""

import re
from collections.abc import Iterator

from sandbox.control.azure.addresses import address
from sandbox.control.azure.arm import (
    global_only,
    name_of,
    not_emulated,
    parent_of,
    provider,
    same,
    within,
)
from sandbox.control.azure.virtual_networks import VIRTUAL_NETWORK, network_name
from sandbox.control.kinds import Context, Kind, Name, Naming, Outputs, Problem, Values
from sandbox.control.reading import flag, number, present, text, texts

ZONE = "Microsoft.Network/privateDnsZones"
LINK = f"{ZONE}/virtualNetworkLinks"
RECORD_SET = "azure-native:privatedns:PrivateRecordSet"

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_RECORD_NAME = re.compile(rf"@|(\*|{_LABEL})(\.{_LABEL})*")
_PROPERTIES = {"A": "aRecords", "AAAA": "aaaaRecords", "CNAME": "cnameRecord", "TXT": "txtRecords"}


def _zone_outputs(context: Context) -> Outputs:
    links = [
        child
        for child in context.world.children(context.id)
        if child.type == "azure-native:privatedns:VirtualNetworkLink"
    ]
    registering = [link for link in links if flag(link.inputs, "registrationEnabled")]
    return {
        "maxNumberOfRecordSets": 25000,
        "maxNumberOfVirtualNetworkLinks": 1000,
        "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
        # The zone's own SOA record.
        "numberOfRecordSets": 1,
        "numberOfVirtualNetworkLinks": len(links),
        "numberOfVirtualNetworkLinksWithRegistration": len(registering),
        "internalId": context.identifier("internalId"),
    }


def _link_rules(values: Values) -> Iterator[Problem]:
    yield from not_emulated(values, {"resolutionPolicy": "leave it out: Default"})


def _verify_link(context: Context) -> Iterator[Problem]:
    network = text(context.inputs, "virtualNetwork.id") or ""
    if not network:
        yield Problem("virtualNetwork.id", "is missing", "BadRequest")
    zone = name_of(parent_of(context.id))
    for link in context.world.of(context.type):
        if same(link.id, context.id) or not same(
            text(link.inputs, "virtualNetwork.id") or "", network
        ):
            continue
        other = name_of(parent_of(link.id))
        if other.casefold() == zone.casefold():
            yield Problem(
                "virtualNetwork.id",
                "A virtual network cannot be linked to multiple zones with overlapping namespaces. "
                f"You tried to link virtual network with '{zone}' and '{other}' zones.",
                "BadRequest",
            )
        elif flag(link.inputs, "registrationEnabled") and flag(
            context.inputs, "registrationEnabled"
        ):
            yield Problem(
                "registrationEnabled",
                f"Virtual network {name_of(network)} registers in zone '{other}' already; a "
                "virtual network registers in one zone only.",
                "BadRequest",
            )
    before = text(context.previous.inputs, "virtualNetwork.id") if context.previous else None
    if before is not None and not same(before, network):
        yield Problem(
            "virtualNetwork.id",
            "The virtual network of a virtual network link cannot be changed.",
            "BadRequest",
        )


def _record_rules(values: Values) -> Iterator[Problem]:
    kind = text(values, "recordType")
    if kind is not None and kind not in _PROPERTIES:
        yield Problem(
            "recordType",
            f"the sandbox does not emulate {kind!r}: use one of {', '.join(_PROPERTIES)}",
        )
        return
    for other, property_name in _PROPERTIES.items():
        if kind is not None and other != kind and present(values, property_name):
            yield Problem(
                property_name, f"does not belong to a record set of type {kind}", "BadRequest"
            )
    name = text(values, "relativeRecordSetName")
    if name is not None and not _RECORD_NAME.fullmatch(name):
        yield Problem("relativeRecordSetName", f"{name!r} is not a DNS name", "BadRequest")
    yield from within(values, "ttl", 1, 2147483647, "BadRequest")
    for path, written in texts(values, "aRecords[*].ipv4Address"):
        if address(written) is None:
            yield Problem(path, f"The value '{written}' is not a valid IPv4 address.", "BadRequest")


def _record_outputs(context: Context) -> Outputs:
    zone, kind = text(context.inputs, "privateZoneName"), text(context.inputs, "recordType")
    name = "" if context.name == "@" else f"{context.name}."
    return {
        "fqdn": f"{name}{zone}.",
        "isAutoRegistered": False,
        "ttl": number(context.inputs, "ttl") or 3600,
        "type": f"{ZONE}/{kind}",
    }


KINDS = (
    Kind(
        type="azure-native:privatedns:PrivateZone",
        id_template=provider(ZONE, "privateZoneName"),
        name=Name(
            pattern=rf"{_LABEL}(\.{_LABEL}){{1,33}}",
            minimum=3,
            maximum=253,
            words=(
                "2 to 34 labels of letters, digits, underscores and hyphens, with periods between"
            ),
            naming=Naming.REQUIRED,
        ),
        auto_location=False,
        rules=global_only(ZONE),
        outputs=_zone_outputs,
        in_use=(
            "CannotDeleteResource",
            "Can not delete resource before nested resources are deleted: {by}.",
        ),
    ),
    Kind(
        type="azure-native:privatedns:VirtualNetworkLink",
        id_template=provider(LINK, "privateZoneName", "virtualNetworkLinkName"),
        name=network_name(),
        references={"virtualNetwork.id": (VIRTUAL_NETWORK,)},
        auto_location=False,
        rules=global_only(LINK, _link_rules),
        verify=_verify_link,
        outputs=lambda context: {
            "virtualNetworkLinkState": "Completed",
            "resolutionPolicy": "Default",
            "registrationEnabled": flag(context.inputs, "registrationEnabled") or False,
        },
    ),
    Kind(
        type=RECORD_SET,
        id_template=(provider(ZONE, "privateZoneName") + "/{recordType}/{relativeRecordSetName}"),
        rules=_record_rules,
        outputs=_record_outputs,
    ),
)
