"""Private endpoints and their DNS zone groups (Microsoft.Network/privateEndpoints).

Sources: Azure documentation, "Azure Private Endpoint private DNS zone values" (group ids and zone
names), "What is a private endpoint?", and azure-native's provider/pkg/gen/replacement.go.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sandbox.control.azure.addresses import (
    INTERFACE,
    hold,
    next_free,
    release,
    verify_address,
    verify_room,
)
from sandbox.control.azure.arm import (
    group_of,
    name_of,
    not_emulated,
    parent_of,
    provider,
    required,
    standard,
    type_of,
    unchangeable,
    verify_region,
)
from sandbox.control.azure.locations import normal
from sandbox.control.azure.network_interfaces import NETWORK_INTERFACE, mac
from sandbox.control.azure.private_dns import RECORD_SET, ZONE
from sandbox.control.azure.virtual_networks import SUBNET, network_name
from sandbox.control.kinds import (
    Context,
    Kind,
    Outputs,
    Problem,
    Record,
    Transaction,
    Values,
    World,
)
from sandbox.control.reading import elements, mapping, text, texts

ENDPOINT = "Microsoft.Network/privateEndpoints"
ZONE_GROUP = f"{ENDPOINT}/privateDnsZoneGroups"

_CONNECTIONS = "privateLinkServiceConnections"


class Target(NamedTuple):
    """What a private endpoint can reach."""

    group: str
    """The sub-resource: `groupIds`."""
    host: str
    """The service's public host name, `{name}`, `{location}` and `{id}` (a GUID of the service's
    own) filled in."""
    zone: str
    """The private DNS zone that overrides the public name."""
    more: tuple[tuple[str, str], ...] = ()
    """Further hosts of the group, each with its zone; here they all have one address."""

    @property
    def hosts(self) -> tuple[tuple[str, str], ...]:
        """All hosts, each with its zone."""
        return ((self.host, self.zone), *self.more)


TARGETS = {
    "Microsoft.KeyVault/vaults": Target(
        "vault", "{name}.vault.azure.net", "privatelink.vaultcore.azure.net"
    ),
    "Microsoft.DBforPostgreSQL/flexibleServers": Target(
        "postgresqlServer",
        "{name}.postgres.database.azure.com",
        "privatelink.postgres.database.azure.com",
    ),
    "Microsoft.Sql/servers": Target(
        "sqlServer", "{name}.database.windows.net", "privatelink.database.windows.net"
    ),
    "Microsoft.Storage/storageAccounts": Target(
        "blob", "{name}.blob.core.windows.net", "privatelink.blob.core.windows.net"
    ),
    "Microsoft.ContainerRegistry/registries": Target(
        "registry",
        "{name}.azurecr.io",
        "privatelink.azurecr.io",
        (("{name}.{location}.data.azurecr.io", "privatelink.azurecr.io"),),
    ),
    "Microsoft.MachineLearningServices/workspaces": Target(
        "amlworkspace",
        "{id}.workspace.{location}.api.azureml.ms",
        "privatelink.api.azureml.ms",
        (
            ("{id}.workspace.{location}.cert.api.azureml.ms", "privatelink.api.azureml.ms"),
            ("*.{id}.inference.{location}.api.azureml.ms", "privatelink.api.azureml.ms"),
            (
                "ml-{name}-{location}-{id}.{location}.notebooks.azure.net",
                "privatelink.notebooks.azure.net",
            ),
        ),
    ),
}


def _target(arm_id: str) -> Target | None:
    wanted = type_of(arm_id).casefold()
    return next((found for known, found in TARGETS.items() if known.casefold() == wanted), None)


def _domain(host: str) -> str:
    """The part of a host name that all services of a type share."""
    # Of the only type whose zone is not called after its names.
    known = ("vault.azure.net", *(zone.removeprefix(_PRIVATE) for _, zone in _ALL_HOSTS))
    return next(domain for domain in known if host.endswith(f".{domain}"))


_PRIVATE = "privatelink."
_ALL_HOSTS = tuple(pair for target in TARGETS.values() for pair in target.hosts)
DOMAINS = {_domain(host): zone for host, zone in _ALL_HOSTS}
"""Domain of a service -> the private zone that its names are aliases into."""


def hosts_of(world: World, service: str) -> list[tuple[str, str]]:
    """The public host names of a service, each with its private zone."""
    target, record = _target(service), world.find(service)
    if target is None:
        return []
    words = {
        "name": name_of(service).casefold(),
        "location": normal(text(record.inputs, "location") or "") if record else "",
        "id": (text(record.outputs, "workspaceId") or "") if record else "",
    }
    return [(host.format(**words), zone) for host, zone in target.hosts]


def _rules(values: Values) -> Iterator[Problem]:
    connections = elements(values, _CONNECTIONS)
    if _CONNECTIONS in values and len(connections) != 1:
        yield Problem(
            _CONNECTIONS,
            f"a private endpoint has one connection, not {len(connections)}",
            "PrivateEndpointConnectionCount",
        )
    for path, connection in connections:
        yield from _connection(path, connection)
    yield from not_emulated(
        values,
        {
            "manualPrivateLinkServiceConnections": f"use {_CONNECTIONS}",
            "applicationSecurityGroups": "name address ranges in security rules",
            "extendedLocation": "leave it out",
            "customDnsConfigs": "use a PrivateDnsZoneGroup",
        },
    )
    if len(elements(values, "ipConfigurations")) > 1:
        yield Problem("ipConfigurations", "one group has one address: give one configuration")


def _connection(path: str, connection: Values) -> Iterator[Problem]:
    wanted = text(connection, "privateLinkServiceId")
    if wanted is None:
        return
    target = _target(wanted)
    if target is None:
        yield Problem(
            f"{path}.privateLinkServiceId",
            f"the sandbox has no private endpoints for {type_of(wanted)}: it knows "
            f"{', '.join(TARGETS)}",
        )
        return
    groups = [group for _, group in texts(connection, "groupIds[*]")]
    if "groupIds" in connection and groups != [target.group]:
        yield Problem(
            f"{path}.groupIds",
            f"Call to {type_of(wanted).partition('/')[0]} failed. Error message: The group ids "
            f"{groups} are not valid for {wanted}: use [{target.group}].",
            "InvalidPrivateLinkServiceGroupId",
        )


def _verify(context: Context) -> Iterator[Problem]:
    subnet = text(context.inputs, "subnet.id")
    for path in (f"{_CONNECTIONS}[0].privateLinkServiceId", f"{_CONNECTIONS}[0].groupIds"):
        yield from required(context.inputs, path)
    if subnet is None:
        yield Problem("subnet.id", "is missing", "SubnetRequired")
        return
    yield from verify_region(context, text(context.inputs, "location"), "subnet.id")
    yield from unchangeable(
        context, {f"{_CONNECTIONS}[0].privateLinkServiceId": "privateLinkServiceId"}
    )
    wanted = text(context.inputs, "ipConfigurations[0].privateIPAddress")
    if wanted:
        path = "ipConfigurations[0].privateIPAddress"
        # The address is held by the endpoint's own interface.
        mine = context.previous and text(context.previous.outputs, "networkInterfaces[0].id")
        if not mine:
            yield from verify_address(context, path, subnet, wanted)
    elif context.previous is None:
        yield from verify_room(context, "subnet.id", subnet, 1)
    service = text(context.inputs, f"{_CONNECTIONS}[0].privateLinkServiceId") or ""
    record = context.world.find(service)
    if record and text(record.inputs, "network.delegatedSubnetResourceId"):
        yield Problem(
            f"{_CONNECTIONS}[0].privateLinkServiceId",
            f"Server {name_of(service)} is injected into a virtual network and takes no private "
            "endpoint.",
            "PrivateEndpointNotSupported",
        )


def _interface_id(context: Context) -> str:
    name = text(context.inputs, "customNetworkInterfaceName") or (
        f"{context.name}.nic.{context.identifier('networkInterface')}"
    )
    group = context.id.partition("/providers/")[0]
    return f"{group}/providers/{NETWORK_INTERFACE}/{name}"


def _address(context: Context) -> str:
    given = text(context.inputs, "ipConfigurations[0].privateIPAddress")
    if given:
        return given
    if context.previous and (
        kept := text(context.previous.outputs, "customDnsConfigs[0].ipAddresses[0]")
    ):
        return kept
    return next_free(context, text(context.inputs, "subnet.id") or "", set())


def _outputs(context: Context) -> Outputs:
    service = text(context.inputs, f"{_CONNECTIONS}[0].privateLinkServiceId") or ""
    connections = [
        {
            **connection,
            "id": f"{context.id}/{_CONNECTIONS}/{connection.get('name')}",
            "type": f"{ENDPOINT}/{_CONNECTIONS}",
            "provisioningState": "Succeeded",
            "privateLinkServiceConnectionState": {
                "status": "Approved",
                "description": "",
                "actionsRequired": "None",
            },
        }
        for _, connection in elements(context.inputs, _CONNECTIONS)
    ]
    address = _address(context)
    return {
        "networkInterfaces": [{"id": _interface_id(context)}],
        "customDnsConfigs": [
            {"fqdn": host, "ipAddresses": [address]}
            for host, _ in hosts_of(context.world, service) or [("", "")]
        ],
        _CONNECTIONS: connections,
        "customNetworkInterfaceName": text(context.inputs, "customNetworkInterfaceName") or "",
        "manualPrivateLinkServiceConnections": [],
    }


def _created(context: Context, transaction: Transaction) -> None:
    """The endpoint's interface: it takes an address of the subnet, as any other."""
    record = transaction.find(context.id)
    target = text(record.outputs, "networkInterfaces[0].id") if record else None
    if record is None or not target or transaction.find(target) is not None:
        return
    given = text(record.outputs, "customDnsConfigs[0].ipAddresses[0]") or ""
    interface = _interface(context, target, given)
    transaction.put(interface)
    hold(target, interface.outputs, "ipConfigurations", transaction)


def _interface(context: Context, target: str, given: str) -> Record:
    configuration: Values = {
        "name": "privateEndpointIpConfig",
        "id": f"{target}/ipConfigurations/privateEndpointIpConfig",
        "primary": True,
        "privateIPAllocationMethod": "Dynamic",
        "privateIPAddress": given,
        "subnet": dict(mapping(context.inputs, "subnet")),
    }
    inputs: dict[str, object] = {
        "resourceGroupName": group_of(context.id),
        "networkInterfaceName": name_of(target),
        "location": text(context.inputs, "location"),
        "ipConfigurations": [configuration],
    }
    computed = {
        "name": name_of(target),
        "type": NETWORK_INTERFACE,
        "macAddress": mac(context),
        "privateEndpoint": {"id": context.id},
        "provisioningState": "Succeeded",
        "resourceGuid": context.identifier("interfaceGuid"),
    }
    return Record(
        id=target,
        type=INTERFACE,
        inputs=inputs,
        outputs={**inputs, **computed},
        incarnation=context.identifier("interface"),
        created=context.created,
    )


def _deleting(record: Record, transaction: Transaction) -> None:
    for _, target in texts(record.outputs, "networkInterfaces[*].id"):
        interface = transaction.find(target)
        if interface is not None:
            release(interface.outputs, "ipConfigurations", transaction)
            transaction.remove(target)


def _group_rules(values: Values) -> Iterator[Problem]:
    configurations = elements(values, "privateDnsZoneConfigs")
    if not 1 <= len(configurations) <= 5 and "privateDnsZoneConfigs" in values:
        yield Problem(
            "privateDnsZoneConfigs",
            f"a zone group names 1 to 5 zones, not {len(configurations)}",
            "InvalidPrivateDnsZoneConfigs",
        )


def _endpoint_of(context: Context) -> tuple[Record | None, str]:
    endpoint = context.world.find(parent_of(context.id))
    inputs = endpoint.inputs if endpoint else {}
    return endpoint, text(inputs, f"{_CONNECTIONS}[0].privateLinkServiceId") or ""


def _verify_group(context: Context) -> Iterator[Problem]:
    """The zone must be the one that the service's public name is an alias into."""
    endpoint, service = _endpoint_of(context)
    target = _target(service)
    if endpoint is None or target is None:
        return
    for other in context.world.children(endpoint.id):
        if other.type == context.type and name_of(other.id).casefold() != context.name.casefold():
            yield Problem(
                "",
                f"Private endpoint {endpoint.id} has the DNS zone group {name_of(other.id)} "
                "already; an endpoint has one.",
                "PrivateDnsZoneGroupLimitReached",
            )
    hosts = hosts_of(context.world, service)
    zones = list(dict.fromkeys(zone for _, zone in hosts))
    for path, zone in texts(context.inputs, "privateDnsZoneConfigs[*].privateDnsZoneId"):
        if name_of(zone).casefold() not in zones:
            yield Problem(
                path,
                f"zone {name_of(zone)} never answers for {hosts[0][0]}: private endpoints of group "
                f"{target.group} need {' and '.join(zones)}",
            )


def _records_in(context: Context, zone: str) -> list[dict[str, object]]:
    """The record sets that a zone gets: one for each host of the service that is in it."""
    endpoint, service = _endpoint_of(context)
    found = text(endpoint.outputs, "customDnsConfigs[0].ipAddresses[0]") if endpoint else None
    names = [
        host.removesuffix(f".{_domain(host)}")
        for host, its in hosts_of(context.world, service)
        if its == name_of(zone).casefold()
    ]
    return [
        {
            "recordType": "A",
            "recordSetName": name,
            "fqdn": f"{name}.{name_of(zone)}",
            "ttl": 10,
            "provisioningState": "Succeeded",
            "ipAddresses": [found] if found else [],
        }
        for name in names
    ]


def _record_sets(context: Context) -> Iterator[tuple[str, dict[str, object]]]:
    for _, zone in texts(context.inputs, "privateDnsZoneConfigs[*].privateDnsZoneId"):
        yield from ((zone, record) for record in _records_in(context, zone))


def _group_outputs(context: Context) -> Outputs:
    return {
        "privateDnsZoneConfigs": [
            {
                **configuration,
                "recordSets": _records_in(context, text(configuration, "privateDnsZoneId") or ""),
            }
            for _, configuration in elements(context.inputs, "privateDnsZoneConfigs")
        ]
    }


def _group_changed(context: Context, transaction: Transaction) -> None:
    """Write the A record of the endpoint into each zone."""
    if context.previous is not None:
        _group_deleting(context.previous, transaction)
    for zone, record in _record_sets(context):
        addresses = [given for _, given in texts(record, "ipAddresses[*]")]
        inputs: dict[str, object] = {
            "resourceGroupName": group_of(zone),
            "privateZoneName": name_of(zone),
            "recordType": "A",
            "relativeRecordSetName": record["recordSetName"],
            "ttl": record["ttl"],
            "aRecords": [{"ipv4Address": given} for given in addresses],
            "metadata": {"creator": f"created by private endpoint {parent_of(context.id)}"},
        }
        outputs = {
            **inputs,
            "name": record["recordSetName"],
            "fqdn": f"{record['fqdn']}.",
            "isAutoRegistered": False,
            "type": f"{ZONE}/A",
        }
        transaction.put(
            Record(
                id=f"{zone}/A/{record['recordSetName']}",
                type=RECORD_SET,
                inputs=inputs,
                outputs=outputs,
                incarnation=context.identifier(f"record/{zone}"),
                created=context.created,
            )
        )


def _group_deleting(record: Record, transaction: Transaction) -> None:
    for _, configuration in elements(record.outputs, "privateDnsZoneConfigs"):
        zone = text(configuration, "privateDnsZoneId")
        for _, name in texts(configuration, "recordSets[*].recordSetName"):
            if zone and transaction.find(f"{zone}/A/{name}"):
                transaction.remove(f"{zone}/A/{name}")


KINDS = (
    Kind(
        type="azure-native:network:PrivateEndpoint",
        id_template=provider(ENDPOINT, "privateEndpointName"),
        name=network_name(64, 2),
        replace_on=("subnet",),
        references={
            "subnet.id": (SUBNET,),
            f"{_CONNECTIONS}[*].privateLinkServiceId": tuple(TARGETS),
        },
        # The service can go; the connection is then "Disconnected".
        weak=(f"{_CONNECTIONS}[*].privateLinkServiceId",),
        rules=standard(ENDPOINT, _rules),
        verify=_verify,
        outputs=_outputs,
        created=_created,
        deleting=_deleting,
        owns_children=True,
    ),
    Kind(
        type="azure-native:network:PrivateDnsZoneGroup",
        id_template=provider(ZONE_GROUP, "privateEndpointName", "privateDnsZoneGroupName"),
        name=network_name(),
        references={"privateDnsZoneConfigs[*].privateDnsZoneId": (ZONE,)},
        rules=_group_rules,
        verify=_verify_group,
        outputs=_group_outputs,
        created=_group_changed,
        updated=_group_changed,
        deleting=_group_deleting,
    ),
)
