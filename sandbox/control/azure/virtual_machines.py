"""Virtual machines and their extensions (Microsoft.Compute/virtualMachines).

Sources: Azure documentation, "Virtual machines in Azure", "Custom data and cloud-init on Azure
Virtual Machines" (custom data of one machine never changes), "Attach multiple network
interfaces".
"""

from collections.abc import Iterator

from sandbox.control.azure import extensions, machines, quotas, windows
from sandbox.control.azure.arm import (
    not_emulated,
    parent_of,
    provider,
    required,
    same,
    standard,
    unchangeable,
    verify_region,
)
from sandbox.control.azure.durations import between
from sandbox.control.azure.images import IMAGE_TYPES
from sandbox.control.azure.network_interfaces import NETWORK_INTERFACE
from sandbox.control.azure.scale_sets import MACHINE_NAME
from sandbox.control.azure.sizes import size_of
from sandbox.control.kinds import Context, Kind, Name, Outputs, Problem, Values
from sandbox.control.reading import elements, flag, mapping, text, texts

MACHINE = "Microsoft.Compute/virtualMachines"
EXTENSION_KIND = "azure-native:compute:VirtualMachineExtension"

_SIZE = "hardwareProfile.vmSize"
_INTERFACES = "networkProfile.networkInterfaces"


def _rules(values: Values) -> Iterator[Problem]:
    yield from machines.size_problems(values, _SIZE)
    yield from machines.os_problems(values, "osProfile")
    yield from machines.storage_problems(values, "storageProfile", _SIZE)
    yield from machines.security_problems(values, "securityProfile", "storageProfile")
    yield from machines.generation_problems(values, _SIZE, "storageProfile")
    yield from machines.identity_problems(values)
    yield from between(
        values,
        "scheduledEventsProfile.terminateNotificationProfile.notBeforeTimeout",
        "PT5M",
        "PT15M",
    )
    if len(texts(values, "zones[*]")) > 1:
        yield Problem("zones", "a virtual machine lies in one zone", "InvalidParameter")
    yield from not_emulated(
        values,
        {
            "networkProfile.networkInterfaceConfigurations": f"use {_INTERFACES}",
            "availabilitySet": "use zones",
            "host": "leave it out",
            "hostGroup": "leave it out",
            "plan": "leave it out",
            "proximityPlacementGroup": "leave it out",
            "virtualMachineScaleSet": "leave it out",
            "applicationProfile": "leave it out",
            "capacityReservation": "leave it out",
            "evictionPolicy": "leave it out",
            "billingProfile": "leave it out",
            "extendedLocation": "leave it out",
            "placement": "use zones",
            "additionalCapabilities": "leave it out",
        },
    )


def _verify(context: Context) -> Iterator[Problem]:
    yield from unchangeable(
        context,
        {
            "osProfile.customData": "customData",
            "osProfile.adminUsername": "adminUsername",
            "osProfile.adminPassword": "adminPassword",
            "osProfile.computerName": "computerName",
            "osProfile.linuxConfiguration.ssh.publicKeys": "linuxConfiguration.ssh.publicKeys",
            "storageProfile.imageReference": "imageReference",
            "storageProfile.osDisk.name": "osDisk.name",
            "storageProfile.osDisk.createOption": "osDisk.createOption",
            "zones": "zones",
        },
    )
    yield from required(context.inputs, _SIZE, "osProfile", code="InvalidParameter")
    if len(elements(context.inputs, _INTERFACES)) != 1:
        yield Problem(_INTERFACES, "the sandbox gives a machine one interface")
    yield from machines.verify_login(context, "osProfile", "storageProfile")
    yield from verify_region(context, text(context.inputs, "location"), f"{_INTERFACES}[*].id")
    yield from machines.verify_security(context, "securityProfile", "storageProfile")
    size = size_of(text(context.inputs, _SIZE) or "")
    if size is not None:
        yield from quotas.verify_quota(context, _SIZE, size.vcpus)
    yield from _verify_interfaces(context)


def _verify_interfaces(context: Context) -> Iterator[Problem]:
    """An interface serves one machine, whose size must be able to do what the interface does."""
    size = size_of(text(context.inputs, _SIZE) or "")
    for path, interface in texts(context.inputs, f"{_INTERFACES}[*].id"):
        for user, _ in context.world.referrers(interface):
            if user.type == context.type and not same(user.id, context.id):
                yield Problem(
                    path,
                    f"Network Interface {interface} is used by existing resource {user.id}.",
                    "NicInUse",
                )
        record = context.world.find(interface)
        if (
            record is not None
            and size is not None
            and not size.accelerated
            and flag(record.inputs, "enableAcceleratedNetworking")
        ):
            yield Problem(
                path,
                f"The VM size {text(context.inputs, _SIZE)} does not support accelerated "
                f"networking, which {interface} has enabled.",
                "VMSizeIsNotPermittedToEnableAcceleratedNetworking",
            )


def _outputs(context: Context) -> Outputs:
    storage = mapping(context.inputs, "storageProfile")
    disk = dict(mapping(storage, "osDisk"))
    suffix = context.identifier("osDisk").replace("-", "")
    disk.setdefault("name", f"{context.name}_OsDisk_1_{suffix}")
    disk.setdefault("deleteOption", "Detach")
    system = "Windows" if windows.is_meant(mapping(context.inputs, "osProfile")) else "Linux"
    return {
        "vmId": context.identifier("vmId"),
        "timeCreated": context.created,
        "storageProfile": {**storage, "osDisk": {**disk, "osType": system}},
        **machines.identity_outputs(context),
    }


def _extension_rules(values: Values) -> Iterator[Problem]:
    yield from extensions.problems("", values)
    yield from not_emulated(values, {"instanceView": "leave it out"})


def _verify_extension(context: Context) -> Iterator[Problem]:
    yield from required(
        context.inputs, "publisher", "type", "typeHandlerVersion", code="InvalidParameter"
    )
    yield from extensions.missing("", context.inputs)
    mine = extensions.identity(context.inputs)
    for other in context.world.children(parent_of(context.id)):
        if (
            other.type == context.type
            and not same(other.id, context.id)
            and extensions.identity(other.inputs) == mine
        ):
            yield Problem(
                "type",
                f"Multiple VMExtensions per handler not supported for OS type 'Linux': {other.id} "
                "is there already.",
                "BadRequest",
            )


KINDS = (
    Kind(
        type=quotas.MACHINE_KIND,
        id_template=provider(MACHINE, "vmName"),
        name=MACHINE_NAME,
        references={
            f"{_INTERFACES}[*].id": (NETWORK_INTERFACE,),
            "storageProfile.imageReference.id": IMAGE_TYPES,
            **machines.IDENTITY_REFERENCES,
        },
        weak=("identity.userAssignedIdentities[*]",),
        write_only=("osProfile.adminPassword", "osProfile.customData"),
        owns_children=True,
        rules=standard(MACHINE, _rules),
        verify=_verify,
        outputs=_outputs,
        created=quotas.take_cores,
        updated=quotas.take_cores,
        deleting=quotas.give_cores_back,
    ),
    Kind(
        type=EXTENSION_KIND,
        id_template=provider(f"{MACHINE}/extensions", "vmName", "vmExtensionName"),
        name=Name(
            pattern=r"[A-Za-z0-9][\w.-]*",
            words="letters, digits, underscores, periods and hyphens",
        ),
        write_only=("protectedSettings",),
        rules=standard(f"{MACHINE}/extensions", _extension_rules),
        verify=_verify_extension,
    ),
)
