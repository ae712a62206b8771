"""Every machine that the records ask for, as plain values: what a fabric needs to boot it.

Machines of scale sets and single ones look alike here. Everything is read from the records at one
moment; nothing is kept.

Sources: Azure documentation, "Using Application Health extension with Virtual Machine Scale Sets"
(5 seconds between probes and 1 probe by default, ports 80 and 443), "Automatic instance repairs for
Azure Virtual Machine Scale Sets" (10 minutes of grace by default), "Terminate notification for
Azure Virtual Machine Scale Set instances" (5 minutes by default), "Extension sequencing in Virtual
Machine Scale Sets" (90 minutes for all extensions by default).
"""

import base64
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from typing import Literal, NamedTuple

from sandbox.control import ids, settings
from sandbox.control.azure import extensions, instances
from sandbox.control.azure.addresses import INTERFACE
from sandbox.control.azure.arm import same
from sandbox.control.azure.durations import parse
from sandbox.control.azure.quotas import MACHINE_KIND, SCALE_SET_KIND
from sandbox.control.azure.sizes import size_of
from sandbox.control.azure.virtual_machines import EXTENSION_KIND
from sandbox.control.kinds import CloudError, Record, Values, World
from sandbox.control.reading import elements, flag, mapping, number, text, texts
from sandbox.control.store import Store
from sandbox.control.world import StoreTransaction

_LOG = logging.getLogger(__name__)

_POOLS = "loadBalancerBackendAddressPools"
_PORTS = {"http": 80, "https": 443}
_BUDGET = 5400.0
"""Seconds."""

_RUN_BODY = (
    "umask 077; f=$(mktemp) && echo '{body}' | base64 -d > $f && "
    "if gzip -t $f 2>/dev/null; then gzip -dc < $f > $f.sh; else mv $f $f.sh; fi && "
    "chmod +x $f.sh && $f.sh; code=$?; rm -f $f $f.sh; exit $code"
)
"""The setting `script`: base64, of plain text or of gzip, with an interpreter line."""

_Protocol = Literal["tcp", "http", "https"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How one asks a machine whether it is well."""

    protocol: _Protocol
    port: int
    path: str
    """`/` for tcp, which has none."""
    interval: float
    """Seconds."""
    failures: int
    """In a row, until the machine counts as unwell."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """What the machines of one scale set share, or what one single machine is made from."""

    group: str
    """Id of the record that it comes with: its scale set, or its own."""
    location: str
    size: str
    vcpus: int
    memory: int
    """Megabytes."""
    image: str
    """Offer of a platform image (`debian-12`), or name of a custom one."""
    custom_data: bytes = field(repr=False)
    """Decoded."""
    administrator: str
    keys: tuple[str, ...]
    """Public SSH keys of the administrator."""
    identities: tuple[str, ...]
    """Ids of user-assigned identities; one may have gone."""
    system_principal: str
    """Principal id of the system-assigned identity, or ""."""
    security_group: str | None
    """Id of the interface's own network security group; the subnet may have another."""
    tags: tuple[tuple[str, str], ...]
    health: Health | None
    script: str | None
    """Shell command that must end with 0 before the machine counts as provisioned; runs once."""
    script_seconds: float
    """Time that all extensions have together."""
    repair_seconds: float | None
    """Time in which a machine may be unwell, from a change of its state; None: no repairs."""
    repair_action: str
    """Replace, Reimage or Restart."""
    notice_seconds: float
    """Time that a machine gets to drain; 0: it gets no notice."""


@dataclass(frozen=True, kw_only=True)
class FleetMachine(Model):
    """One machine that is to run."""

    id: str
    number: int | None
    """In its scale set; None for a single machine."""
    name: str
    """As the cloud shows it."""
    computer_name: str
    vm_id: str
    """UUID that its metadata service gives."""
    incarnation: str
    """UUID of its disk; another one is an empty disk. It is `vm_id` until a repair reimages it."""
    interface: str
    """Id of its network interface."""
    address: IPv4Address
    subnet: str
    public_address: str | None
    """Id of the interface's own public address."""
    zone: str | None
    leaving: bool
    """It is to drain and go (scale in)."""
    created: str
    """RFC 3339, UTC."""

    @property
    def network(self) -> str:
        """Id of the virtual network."""
        return ids.parent_of(self.subnet)


class PoolMember(NamedTuple):
    """One target of a load balancer."""

    interface: str
    """Id of its network interface."""
    address: IPv4Address
    network: str
    """Id of its virtual network."""


def prepare(store: Store, pool: IPv4Network | None) -> None:
    """Start with a fabric that routes *pool*, or with none: then what was leaving is gone.

    Also gives machines to the scale sets of a state that an older program made.
    """
    settings.apply(store, pool)
    with store.change() as rows:
        try:
            instances.settle_all(StoreTransaction(rows, changes=rows))
        except CloudError as error:
            _LOG.warning("a scale set has fewer machines than its capacity: %s", error)


def machines_of(world: World) -> tuple[FleetMachine, ...]:
    """Every machine, those of scale sets first."""
    return (*_of_scale_sets(world), *_single(world))


def members(world: World, pool: str) -> tuple[PoolMember, ...]:
    """Who is in a load balancer's backend pool, by address; machines that leave still are."""
    found: set[PoolMember] = set()
    for record, path in world.referrers(pool):
        configuration, inside, _ = path.partition(f".{_POOLS}[")
        if not inside:
            continue  # a rule of the load balancer itself
        if record.type == SCALE_SET_KIND:
            found.update(
                PoolMember(each.interface, each.address, ids.parent_of(each.subnet))
                for each in instances.of_record(world, record)
            )
        elif record.type == INTERFACE:
            given = text(record.outputs, f"{configuration}.privateIPAddress")
            subnet = text(record.outputs, f"{configuration}.subnet.id")
            if given and subnet:
                found.add(PoolMember(record.id, IPv4Address(given), ids.parent_of(subnet)))
    return tuple(sorted(found, key=lambda member: member.address))


def _of_scale_sets(world: World) -> Iterator[FleetMachine]:
    for record in world.of(SCALE_SET_KIND):
        shared = vars(_scale_set_model(record, world))
        for each in instances.of_record(world, record):
            yield FleetMachine(
                **shared,
                id=each.id,
                number=each.number,
                name=each.name,
                computer_name=each.computer_name,
                vm_id=each.vm_id,
                incarnation=each.incarnation,
                interface=each.interface,
                address=each.address,
                subnet=each.subnet,
                public_address=None,
                zone=each.zone,
                leaving=each.leaving,
                created=each.created,
            )


def _scale_set_model(record: Record, world: World) -> Model:
    profile = mapping(record.inputs, "virtualMachineProfile")
    written = [each for _, each in elements(profile, "extensionProfile.extensions")]
    probe = text(profile, "networkProfile.healthProbe.id")
    policy = mapping(record.inputs, "automaticRepairsPolicy")
    model = _model(record, profile, text(record.inputs, "sku.name") or "", written)
    return replace(
        model,
        security_group=text(record.inputs, f"{instances.NIC}.networkSecurityGroup.id"),
        health=model.health or (_balancer_probe(world, probe) if probe else None),
        script_seconds=_seconds(profile, "extensionProfile.extensionsTimeBudget", _BUDGET),
        repair_seconds=_seconds(policy, "gracePeriod", 600.0) if flag(policy, "enabled") else None,
        repair_action=text(policy, "repairAction") or "Replace",
    )


def _single(world: World) -> Iterator[FleetMachine]:
    for record in world.of(MACHINE_KIND):
        interface = world.find(text(record.inputs, "networkProfile.networkInterfaces[0].id") or "")
        configuration = _primary(interface)
        address = text(configuration, "privateIPAddress")
        if interface is None or not address:
            continue  # its interface was deleted by hand: there is nothing to boot it on
        written = [
            child.inputs for child in world.children(record.id) if child.type == EXTENSION_KIND
        ]
        size = text(record.inputs, "hardwareProfile.vmSize") or ""
        group = text(interface.inputs, "networkSecurityGroup.id")
        shared = vars(replace(_model(record, record.inputs, size, written), security_group=group))
        yield FleetMachine(
            **shared,
            id=record.id,
            number=None,
            name=ids.name_of(record.id),
            computer_name=text(record.inputs, "osProfile.computerName") or ids.name_of(record.id),
            vm_id=text(record.outputs, "vmId") or record.incarnation,
            incarnation=record.incarnation,
            interface=interface.id,
            address=IPv4Address(address),
            subnet=text(configuration, "subnet.id") or "",
            public_address=text(configuration, "publicIPAddress.id"),
            zone=next((zone for _, zone in texts(record.inputs, "zones[*]")), None),
            leaving=False,
            created=record.created,
        )


def _primary(interface: Record | None) -> Values:
    """The IP configuration that a machine's address comes from."""
    found = (
        [each for _, each in elements(interface.outputs, "ipConfigurations")] if interface else []
    )
    return next((each for each in found if flag(each, "primary")), found[0] if found else {})


def _model(record: Record, profile: Values, size: str, written: Sequence[Values]) -> Model:
    """What both kinds of machines have; *written*: their extensions."""
    known = size_of(size)
    keys = texts(profile, "osProfile.linuxConfiguration.ssh.publicKeys[*].keyData")
    identities = texts(record.inputs, "identity.userAssignedIdentities[*]")
    tags = mapping(record.inputs, "tags")
    return Model(
        group=record.id,
        location=text(record.inputs, "location") or "",
        size=size,
        vcpus=known.vcpus if known else 1,
        memory=int((known.memory if known else 1) * 1024),
        image=_image(mapping(profile, "storageProfile.imageReference")),
        custom_data=base64.b64decode(text(profile, "osProfile.customData") or ""),
        administrator=text(profile, "osProfile.adminUsername") or "",
        keys=tuple(key for _, key in keys),
        identities=tuple(own for _, own in identities),
        system_principal=text(record.outputs, "identity.principalId") or "",
        security_group=None,
        tags=tuple(sorted((key, str(value)) for key, value in tags.items())),
        health=next(map(_health, _of_type(written, "ApplicationHealthLinux")), None),
        script=next(map(_script, _of_type(written, "CustomScript")), None),
        script_seconds=_BUDGET,
        repair_seconds=None,
        repair_action="Replace",
        notice_seconds=_notice(profile),
    )


def _of_type(written: Sequence[Values], wanted: str) -> list[Values]:
    return [each for each in written if extensions.identity(each)[1] == wanted]


def _health(extension: Values) -> Health:
    settings = mapping(extension, "settings")
    protocol = _protocol(text(settings, "protocol"))
    return Health(
        protocol=protocol,
        port=number(settings, "port") or _PORTS.get(protocol, 0),
        path=_path(text(settings, "requestPath")),
        interval=float(number(settings, "intervalInSeconds") or 5),
        failures=number(settings, "numberOfProbes") or 1,
    )


def _balancer_probe(world: World, target: str) -> Health | None:
    """A load balancer's probe, which a scale set may name instead of an extension."""
    balancer = world.find(target.rpartition("/probes/")[0])
    found = [
        each
        for _, each in elements(balancer.outputs if balancer else {}, "probes")
        if same(text(each, "id") or "", target)
    ]
    if not found:
        return None
    protocol = _protocol(text(found[0], "protocol"))
    return Health(
        protocol=protocol,
        port=number(found[0], "port") or 0,
        path=_path(text(found[0], "requestPath")),
        interval=float(number(found[0], "intervalInSeconds") or 15),
        failures=number(found[0], "probeThreshold") or 1,
    )


def _protocol(written: str | None) -> _Protocol:
    match (written or "").casefold():
        case "http":
            return "http"
        case "https":
            return "https"
    return "tcp"


def _path(written: str | None) -> str:
    return "/" + (written or "").lstrip("/")


def _script(extension: Values) -> str:
    """The command or the script, which may be in the protected settings."""
    places = [mapping(extension, key) for key in ("settings", "protectedSettings")]
    for each in places:
        if command := text(each, "commandToExecute"):
            return command
    body = next((found for each in places if (found := text(each, "script"))), "")
    return _RUN_BODY.format(body="".join(body.split()))


def _notice(profile: Values) -> float:
    notice = mapping(profile, "scheduledEventsProfile.terminateNotificationProfile")
    return _seconds(notice, "notBeforeTimeout", 300.0) if flag(notice, "enable") else 0.0


def _seconds(values: Values, path: str, otherwise: float) -> float:
    written = text(values, path)
    found = parse(written) if written else None
    return found.total_seconds() if found else otherwise


def _image(reference: Values) -> str:
    """The name of an image, whichever way it is referred to."""
    own = text(reference, "id")
    if not own:
        return text(reference, "offer") or ""
    segments = own.strip("/").split("/")
    names = {kind.casefold(): name for kind, name in pairwise(segments)}
    return names.get("images", segments[-1])
