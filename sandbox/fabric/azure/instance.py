"""What the metadata service says of a machine: `/metadata/instance`.

Source: Azure documentation, "Azure Instance Metadata Service" (properties and the version that
introduced each; every value is a string, what doesn't apply is an empty one; custom data is never
given).
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network

from sandbox.control import ids
from sandbox.control.azure import instances
from sandbox.control.azure.addresses import subnet_network
from sandbox.control.azure.arm import group_of
from sandbox.control.azure.quotas import SCALE_SET_KIND
from sandbox.control.kinds import Record, Values, World
from sandbox.control.reading import elements, flag, mapping, number, text, texts
from sandbox.fabric.contract import Machine
from sandbox.fabric.network import hardware_address

Document = Mapping[str, object]

_INTRODUCED = {
    "azEnvironment": "2018-10-01",
    "customData": "2019-02-01",
    "isHostCompatibilityLayerVm": "2020-06-01",
    "licenseType": "2020-09-01",
    "osProfile": "2020-07-15",
    "placementGroupId": "2017-08-01",
    "plan": "2018-04-02",
    "priority": "2020-12-01",
    "evictionPolicy": "2020-12-01",
    "provider": "2018-10-01",
    "publicKeys": "2018-04-02",
    "resourceGroupName": "2017-08-01",
    "resourceId": "2019-03-11",
    "securityProfile": "2020-06-01",
    "storageProfile": "2019-06-01",
    "subscriptionId": "2017-08-01",
    "tags": "2017-08-01",
    "tagsList": "2019-06-04",
    "userData": "2021-01-01",
    "vmScaleSetName": "2017-12-01",
    "zone": "2017-12-01",
}
"""API version that first had a property of `compute`; the others were always there."""


def document(world: World, machine: Machine, version: str) -> Document:
    """All that there is to know of a machine, as *version* has it; {} when its record is gone."""
    record = world.find(machine.group)
    if record is None:
        return {}
    compute = {
        name: value
        for name, value in _compute(world, machine, record).items()
        if _INTRODUCED.get(name, "") <= version
    }
    return {"compute": compute, "network": {"interface": [_interface(world, machine, record)]}}


def _compute(world: World, machine: Machine, record: Record) -> dict[str, object]:
    in_set = record.type == SCALE_SET_KIND
    profile = mapping(record.inputs, "virtualMachineProfile") if in_set else record.inputs
    size = text(record.inputs, "sku.name" if in_set else "hardwareProfile.vmSize") or ""
    image = mapping(profile, "storageProfile.imageReference")
    tags = [(name, str(value)) for name, value in mapping(record.inputs, "tags").items()]
    instance = _instance(world, machine, record) if in_set else None
    first_zone = next((zone for _, zone in texts(record.inputs, "zones[*]")), None)
    return {
        "azEnvironment": "AzurePublicCloud",
        "customData": "",
        "evictionPolicy": "",
        "isHostCompatibilityLayerVm": "false",
        "licenseType": text(profile, "licenseType") or "",
        "location": text(record.inputs, "location") or "",
        "name": machine.name,
        "offer": text(image, "offer") or "",
        "osProfile": {
            "adminUsername": text(profile, "osProfile.adminUsername") or "",
            "computerName": machine.hostname,
            "disablePasswordAuthentication": _yes(
                flag(profile, "osProfile.linuxConfiguration.disablePasswordAuthentication")
            ),
        },
        "osType": "Linux",
        "placementGroupId": "",
        "plan": {"name": "", "product": "", "publisher": ""},
        "platformFaultDomain": "0",
        "platformUpdateDomain": "0",
        "priority": text(profile, "priority") or "",
        "provider": "Microsoft.Compute",
        "publicKeys": [
            {"keyData": text(key, "keyData") or "", "path": text(key, "path") or ""}
            for _, key in elements(profile, "osProfile.linuxConfiguration.ssh.publicKeys")
        ],
        "publisher": text(image, "publisher") or "",
        "resourceGroupName": group_of(record.id),
        "resourceId": instance.id if instance else record.id,
        "securityProfile": _security(mapping(profile, "securityProfile")),
        "sku": text(image, "sku") or "",
        "storageProfile": _storage(mapping(profile, "storageProfile"), image),
        "subscriptionId": ids.subscription_of(record.id),
        "tags": ";".join(f"{name}:{value}" for name, value in tags),
        "tagsList": [{"name": name, "value": value} for name, value in tags],
        "userData": text(profile, "userData") or "",
        "version": text(image, "version") or "",
        "vmId": (instance.vm_id if instance else text(record.outputs, "vmId")) or "",
        "vmScaleSetName": ids.name_of(record.id) if in_set else "",
        "vmSize": size,
        "zone": (instance.zone if instance else first_zone) or "",
    }


def _yes(value: bool | None) -> str:
    return "true" if value else "false"


def _instance(world: World, machine: Machine, record: Record) -> instances.Instance | None:
    own = ids.key(machine.id)
    return next(
        (each for each in instances.of_record(world, record) if ids.key(each.id) == own), None
    )


def _security(profile: Values) -> Document:
    return {
        "encryptionAtHost": _yes(flag(profile, "encryptionAtHost")),
        "secureBootEnabled": _yes(flag(profile, "uefiSettings.secureBootEnabled")),
        "securityType": text(profile, "securityType") or "",
        "virtualTpmEnabled": _yes(flag(profile, "uefiSettings.vTpmEnabled")),
    }


def _storage(profile: Values, image: Values) -> Document:
    disk = mapping(profile, "osDisk")
    gigabytes = number(disk, "diskSizeGB")
    return {
        "dataDisks": [],
        "imageReference": {
            name: text(image, name) or "" for name in ("id", "offer", "publisher", "sku", "version")
        },
        "osDisk": {
            "caching": text(disk, "caching") or "",
            "createOption": text(disk, "createOption") or "",
            "diskSizeGB": str(gigabytes) if gigabytes else "",
            "managedDisk": {
                "id": text(disk, "managedDisk.id") or "",
                "storageAccountType": text(disk, "managedDisk.storageAccountType") or "",
            },
            "name": text(disk, "name") or "",
            "osType": "Linux",
            "writeAcceleratorEnabled": _yes(flag(disk, "writeAcceleratorEnabled")),
        },
        "resourceDisk": {"size": "0"},
    }


def _interface(world: World, machine: Machine, record: Record) -> Document:
    subnet = _subnet(world, machine, record)
    return {
        "ipv4": {
            "ipAddress": [{"privateIpAddress": str(machine.address), "publicIpAddress": ""}],
            "subnet": [
                {
                    "address": str(subnet.network_address) if subnet else "",
                    "prefix": str(subnet.prefixlen) if subnet else "",
                }
            ],
        },
        "ipv6": {"ipAddress": []},
        "macAddress": hardware_address(machine.port).replace(":", "").upper(),
    }


def _subnet(world: World, machine: Machine, record: Record) -> IPv4Network | None:
    if record.type == SCALE_SET_KIND:
        target = text(mapping(record.inputs, instances.NIC), "ipConfigurations[0].subnet.id")
    else:
        interface = world.find(machine.port)
        target = text(interface.inputs, "ipConfigurations[0].subnet.id") if interface else None
    return subnet_network(world, target) if target else None


class NotThereError(LookupError):
    """The path leads to nothing in the document."""


def descend(found: object, steps: Sequence[str]) -> object:
    """What a path leads to, names compared without case. Raises NotThereError."""
    for step in steps:
        if isinstance(found, Mapping):
            matching = [
                value for name, value in found.items() if name.casefold() == step.casefold()
            ]
            if not matching:
                raise NotThereError(step)
            found = matching[0]
        elif isinstance(found, list) and step.isascii() and step.isdecimal():
            if len(step) > 6 or int(step) >= len(found):
                raise NotThereError(step)
            found = found[int(step)]
        else:
            raise NotThereError(step)
    return found


def as_text(found: object) -> str:
    """The `text` format: a leaf's value; of the others their names, with a slash if they go on."""
    if isinstance(found, Mapping):
        return "\n".join(f"{name}{_slash(value)}" for name, value in found.items())
    if isinstance(found, list):
        return "\n".join(f"{index}{_slash(value)}" for index, value in enumerate(found))
    return str(found)


def _slash(value: object) -> str:
    return "/" if isinstance(value, Mapping | list) else ""
